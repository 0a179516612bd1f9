use std::fmt;
use std::time::Duration;

use super::{BLOCK_AT, CHALLENGE_AT, Channel};

/// What becomes of an attempt, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// What to do.
    pub action: Action,
    /// How sure, from 0 to 100: the gravest enforced reason's score and what the minor ones add to it.
    pub score: u8,
    /// What was seen, those that decided it and those only noted. A verdict other than allow has at least one.
    pub reasons: Vec<Reason>,
    /// When the same attempt would pass, where that is known.
    pub retry_after: Option<Duration>,
    /// The same person pressed the same button again within seconds: not another message, but the first one's answer
    /// is due.
    pub repeat: bool,
}

/// What to do with an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Send it.
    Allow,
    /// Send the same over this channel, which pays no fraudster.
    Shift(Channel),
    /// Send it once whoever asks has proven to be a person.
    Challenge,
    /// Do not.
    Block,
}

/// Something that was seen of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reason {
    /// Which signal.
    pub signal: Signal,
    /// How grave it is, 0 to 100.
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
    /// What somebody else knows of the number.
    NumberLookup,
    /// The country lists.
    CountryPolicy,
    /// Allowed or blocked by hand.
    Manual,
    /// Too soon or too often to one number.
    NumberCooldown,
    /// Too many clients ask for one number.
    NumberActors,
    /// Too many wrong codes for one number.
    CodeGuesses,
    /// Strangers of a number range who never verify.
    RangeConversion,
    /// More strangers of a number range than there ever were.
    RangeSurprise,
    /// Numbers that follow one another.
    Adjacency,
    /// Messages to strangers of a number range for each of them that verifies.
    ResendRatio,
    /// Codes given back faster, or more evenly, than people do.
    TimeToVerify,
    /// Strangers of countries in which nobody has verified yet.
    NewCountry,
    /// More strangers of a country than this hour of the week usually has.
    CountrySurprise,
    /// Strangers of a country who do not verify.
    CountryConversion,
    /// Strangers asked for by one client who do not verify.
    IpBudget,
    /// New numbers asked for by one session or user that do not verify.
    UserBudget,
    /// Strangers asked for from one network that do not verify.
    Asn,
    /// Strangers of an operator that do not verify, while the rest of its country does.
    OperatorShare,
    /// Countries one client asks for.
    IpCountries,
    /// Strangers everywhere who do not verify.
    Breaker,
    /// What strangers of a number range cost who do not verify.
    SpendVelocity,
    /// The same of a country.
    CountrySpend,
    /// What everything cost within the day.
    SpendCap,
    /// More requests within a second than 8x8 takes.
    TenantRate,
    /// A trap for machines caught it.
    Honeytoken,
}

/// What a signal may lead to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// Up to a block by itself.
    Decides,
    /// A step up at most: it sees too much of the world to say who is meant.
    Coarse,
    /// Adds to another.
    Minor,
}

impl Signal {
    /// The signal's code: the same in verdicts, logs, metrics and the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            // One signal to the outside, two kinds of refusal inside.
            Self::NumberShape | Self::NumberType => "number_shape",
            Self::NumberLookup => "number_lookup",
            Self::CountryPolicy => "country_policy",
            Self::Manual => "manual",
            Self::NumberCooldown => "number_cooldown",
            Self::NumberActors => "number_actors",
            Self::CodeGuesses => "code_guesses",
            Self::RangeConversion => "range_conversion",
            Self::RangeSurprise => "range_surprise",
            Self::Adjacency => "adjacency",
            Self::ResendRatio => "resend_ratio",
            Self::TimeToVerify => "time_to_verify",
            Self::NewCountry => "new_country",
            Self::CountrySurprise => "country_surprise",
            Self::CountryConversion => "country_conversion",
            Self::IpBudget => "ip_budget",
            Self::UserBudget => "user_budget",
            Self::Asn => "asn",
            Self::OperatorShare => "operator_share",
            Self::IpCountries => "ip_countries",
            Self::Breaker => "breaker",
            // One signal to the outside: money.
            Self::SpendVelocity | Self::CountrySpend | Self::SpendCap => "spend_velocity",
            Self::TenantRate => "tenant_rate",
            Self::Honeytoken => "honeytoken",
        }
    }

    const fn is_money(self) -> bool {
        matches!(self, Self::SpendVelocity | Self::CountrySpend | Self::SpendCap)
    }

    const fn is_about_strangers(self) -> bool {
        !self.is_money()
            && !matches!(
                self,
                Self::NumberShape
                    | Self::NumberType
                    | Self::NumberLookup
                    | Self::CountryPolicy
                    | Self::Manual
                    | Self::NumberCooldown
                    | Self::NumberActors
                    | Self::CodeGuesses
                    | Self::TenantRate
            )
    }

    const fn weight(self, score: u8) -> Weight {
        match self {
            Self::NumberType | Self::NumberLookup if score < CHALLENGE_AT => Weight::Minor,
            Self::Adjacency
            | Self::ResendRatio
            | Self::TimeToVerify
            | Self::IpCountries
            | Self::Asn
            | Self::Honeytoken => Weight::Minor,
            Self::NewCountry
            | Self::CountrySurprise
            | Self::CountryConversion
            | Self::OperatorShare
            | Self::Breaker
            | Self::CountrySpend => Weight::Coarse,
            // What was forgotten, and may be another number's.
            Self::NumberCooldown if score < BLOCK_AT => Weight::Coarse,
            _ => Weight::Decides,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Action {
    /// The action's code: `allow`, `shift`, `challenge`, `block`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Shift(_) => "shift",
            Self::Challenge => "challenge",
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
        Self { action: Action::Allow, score: 0, reasons: Vec::new(), retry_after: None, repeat: false }
    }

    pub(super) fn add(&mut self, reason: Option<Reason>) {
        self.reasons.extend(reason);
    }

    /// Weighs the reasons. `step_up` is what becomes of an attempt that is doubtful.
    pub(super) fn weigh(mut self, step_up: Action) -> Self {
        let (mut gravest, mut minor, mut decides) = (0, 0, false);
        let (mut wait, mut for_good) = (None, false);
        for reason in self.reasons.iter().filter(|reason| reason.enforced) {
            match reason.signal.weight(reason.score) {
                Weight::Minor => minor += u32::from(reason.score),
                weight => {
                    gravest = gravest.max(reason.score);
                    decides |= weight == Weight::Decides && reason.score >= CHALLENGE_AT;
                }
            }
            wait = wait.max(reason.retry_after);
            for_good |= reason.score >= BLOCK_AT && reason.retry_after.is_none();
        }
        // What only adds to others makes nothing doubtful by itself.
        let most = match (gravest, decides) {
            (0, _) => CHALLENGE_AT - 1,
            (_, false) => BLOCK_AT - 1,
            (_, true) => 100,
        };
        let score = (u32::from(gravest) + minor).min(u32::from(most));
        self.score = u8::try_from(score).unwrap_or(most);
        self.action = match self.score {
            BLOCK_AT.. => Action::Block,
            CHALLENGE_AT.. => step_up,
            _ => Action::Allow,
        };
        // Where something stands against it that no waiting mends, no time is told.
        self.retry_after = if for_good { None } else { wait };
        self
    }

    /// Whether it says something about the range, the place or the client, and not about the number alone. Money is not
    /// pressure: what was stopped for it comes to nothing once the hour is over.
    pub(super) fn is_about_strangers(&self) -> bool {
        let main = self.main_reason();
        let money = main.is_some_and(|reason| reason.signal.is_money());
        let mut others = self.reasons.iter().filter(|reason| reason.enforced && reason.score >= CHALLENGE_AT);
        if money {
            others.any(|reason| reason.signal.is_about_strangers())
        } else {
            main.is_some_and(|main| main.signal.is_about_strangers())
        }
    }

    /// The enforced reason that weighs most.
    #[must_use]
    pub fn main_reason(&self) -> Option<&Reason> {
        // The first of equals: what a number is comes before how often it is asked for.
        self.reasons.iter().rev().filter(|reason| reason.enforced).max_by_key(|reason| reason.score)
    }
}
