use std::fmt;

/// Why a solution is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rejected {
    /// It is longer than a solution can be.
    TooLong,
    /// It does not have the form of a solution.
    Malformed,
    /// It ran out.
    Expired,
    /// It was not issued here for this number and this client, or was changed since.
    NotIssued,
    /// It does not solve the challenge; or the provider says so.
    Unsolved,
    /// The provider's challenge was solved on another site, or for another action.
    Elsewhere,
    /// It was used before.
    AlreadyUsed,
    /// More solutions are in use than can be remembered: it cannot be told whether this one was.
    MemoryFull,
    /// The provider did not answer, or not in a way that can be read.
    Unavailable,
}

impl Rejected {
    /// The reason's code, for metrics and answers: `too_long`, `malformed`, …
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Expired => "expired",
            Self::NotIssued => "not_issued",
            Self::Unsolved => "unsolved",
            Self::Elsewhere => "elsewhere",
            Self::AlreadyUsed => "already_used",
            Self::MemoryFull => "memory_full",
            Self::Unavailable => "unavailable",
        }
    }

    /// Whether it is no fault of the solution's, so that it may be accepted later.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::MemoryFull | Self::Unavailable)
    }
}

/// For the client: what was wrong, and what would be right.
impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the solution is too long: send it as the solver or the widget gave it",
            Self::Malformed => "the solution cannot be read: send it as the solver or the widget gave it",
            Self::Expired => "the challenge ran out: solve a new one",
            Self::NotIssued => {
                "the challenge was not issued for this number and this client: solve the one issued for them"
            }
            Self::Unsolved => "the challenge is not solved",
            Self::Elsewhere => {
                "the challenge was solved for another site or action: solve the one of this page"
            }
            Self::AlreadyUsed => "the solution was used before: solve a new challenge",
            Self::MemoryFull => "too many solutions are in use: send it again in a minute",
            Self::Unavailable => "the challenge's provider does not answer: send it again later",
        })
    }
}

impl std::error::Error for Rejected {}
