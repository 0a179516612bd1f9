use std::fmt;
use std::time::Duration;

use super::{CooldownPolicy, CountryPolicy, Reading, Reason, Signal, VelocityPolicy};

/// What the guard does with what it sees: of the whole guard, and of each signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Does not look.
    Off,
    /// Decides and records only.
    Monitor,
    /// Decides and acts.
    #[default]
    Enforce,
}

impl Mode {
    /// A signal's reason in this mode.
    pub(super) fn reason(
        self,
        signal: Signal,
        score: u8,
        evidence: String,
        retry_after: Option<Duration>,
    ) -> Option<Reason> {
        (self != Self::Off).then(|| Reason {
            signal,
            score,
            enforced: self == Self::Enforce,
            evidence,
            retry_after,
        })
    }
}

/// The use case a dispatch belongs to.
///
/// Insert one into a request's extensions to say it yourself; else verification starts and single messages are `Otp`,
/// batches `Campaign`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// A stranger presses a button: every signal holds.
    Otp,
    /// The sender's own batch: only the hard rules (country, number shape) hold.
    Campaign,
}

impl Profile {
    /// The profile's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Otp => "otp",
            Self::Campaign => "campaign",
        }
    }
}

/// How soon the guard acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Preset {
    /// Twice the volume of `Balanced`.
    Cautious,
    /// The default.
    #[default]
    Balanced,
    /// Half the volume of `Balanced`.
    Strict,
}

/// The rules, and what they do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// Of the whole guard.
    pub mode: Mode,
    /// What a number is.
    pub shape: ShapePolicy,
    /// Where it is.
    pub country: CountryPolicy,
    /// How often it is sent to.
    pub cooldown: CooldownPolicy,
    /// How many of its neighbours are.
    pub velocity: VelocityPolicy,
}

/// Whether what a number is (invalid, premium, …) acts, is only noted, or is not looked at. What cannot be read in one
/// way only is stopped in every mode.
#[derive(Clone, Copy, Debug, Default)]
pub struct ShapePolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
}

impl Policy {
    /// The policy of a preset.
    #[must_use]
    pub fn preset(preset: Preset) -> Self {
        Self {
            mode: Mode::Enforce,
            shape: ShapePolicy::default(),
            country: CountryPolicy::default(),
            cooldown: CooldownPolicy::default(),
            velocity: VelocityPolicy::preset(preset),
        }
    }

    /// Reads a destination, no further than the country lists ask for.
    #[must_use]
    pub fn read(&self, destination: &str, country: Option<&str>) -> Reading {
        Reading::of(destination, country, |country| {
            self.mode == Mode::Enforce && self.country.bars_unread(country)
        })
    }

    /// Whether the values make sense.
    ///
    /// # Errors
    ///
    /// The field, the value and the remedy.
    pub fn validate(&self) -> Result<(), PolicyError> {
        self.cooldown.validate()?;
        self.velocity.validate()
    }
}

/// [`Preset::Balanced`].
impl Default for Policy {
    fn default() -> Self {
        Self::preset(Preset::default())
    }
}

/// A value of the policy that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// Which, as in the configuration: `number_cooldown.per_day`.
    pub field: &'static str,
    /// What was given.
    pub value: String,
    /// What would be right.
    pub remedy: &'static str,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is {}", self.field, self.value, self.remedy)
    }
}

impl std::error::Error for PolicyError {}
