use std::fmt;
use std::time::Duration;

use super::BLOCK_AT;

/// What becomes of an attempt, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// What to do.
    pub action: Action,
    /// How sure, from 0 to 100: the sum of the enforced reasons' scores, at most 100.
    pub score: u8,
    /// What was seen, those that decided it and those only noted. A verdict other than allow has at least one.
    pub reasons: Vec<Reason>,
    /// When the same attempt would pass, where that is known.
    pub retry_after: Option<Duration>,
}

/// What to do with an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Send it.
    Allow,
    /// Do not.
    Block,
}

/// Something that was seen of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reason {
    /// Which signal.
    pub signal: Signal,
    /// What it adds to the score.
    pub score: u8,
    /// Whether it counts, or is only noted (mode `monitor`).
    pub enforced: bool,
    /// What was measured, in numbers. Phone numbers are masked to their range.
    pub evidence: String,
    /// When this signal would be quiet again, where that is known.
    pub retry_after: Option<Duration>,
}

/// What the guard looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// Not readable as a number, or not valid.
    NumberShape,
    /// A number of a type nobody receives codes on: premium, shared-cost, toll-free, satellite, …
    NumberType,
    /// The country lists.
    CountryPolicy,
    /// Too soon or too often to one number.
    NumberCooldown,
    /// Too many numbers of one range.
    RangeVelocity,
}

impl Signal {
    /// The signal's code: the same in verdicts, logs, metrics and the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            // One signal to the outside, two kinds of refusal inside.
            Self::NumberShape | Self::NumberType => "number_shape",
            Self::CountryPolicy => "country_policy",
            Self::NumberCooldown => "number_cooldown",
            Self::RangeVelocity => "range_velocity",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Action {
    /// The action's code: `allow`, `block`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Block => "block",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.signal, self.evidence)
    }
}

impl Verdict {
    pub(crate) const fn allow() -> Self {
        Self { action: Action::Allow, score: 0, reasons: Vec::new(), retry_after: None }
    }

    pub(super) fn add(&mut self, reason: Option<Reason>) {
        let Some(reason) = reason else { return };
        if reason.enforced {
            self.score = self.score.saturating_add(reason.score).min(100);
            self.retry_after = self.retry_after.max(reason.retry_after);
            if self.score >= BLOCK_AT {
                self.action = Action::Block;
            }
        }
        self.reasons.push(reason);
        if self
            .reasons
            .iter()
            .any(|reason| reason.enforced && reason.score >= BLOCK_AT && reason.retry_after.is_none())
        {
            // Something stands against it that no waiting mends.
            self.retry_after = None;
        }
    }

    /// The enforced reason that weighs most.
    #[must_use]
    pub fn main_reason(&self) -> Option<&Reason> {
        // The first of equals: what a number is comes before how often it is asked for.
        self.reasons.iter().rev().filter(|reason| reason.enforced).max_by_key(|reason| reason.score)
    }
}
