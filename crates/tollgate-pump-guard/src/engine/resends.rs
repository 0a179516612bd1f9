use super::policy::{Mode, PolicyError};
use super::ranges::LEVELS;
use super::state::Seen;
use super::{Reason, Signal};

/// Messages to the strangers of a 100k range for each that verifies, those to the same number again among them. It adds
/// to what else speaks against a range.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ResendPolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
    /// So many messages within about a day for each verified number are borne: 1 to 100.
    pub ratio: f32,
    /// So many messages tell something: 5 to 10,000. Those that may yet verify are not among them.
    pub messages: f32,
}

/// Two of thirty.
impl Default for ResendPolicy {
    fn default() -> Self {
        Self { mode: Mode::Enforce, ratio: 2.0, messages: 30.0 }
    }
}

/// The level that is looked at.
pub(super) const LEVEL: usize = 2;

impl ResendPolicy {
    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        let wrong = |field, value: f32, remedy| Err(PolicyError { field, value: value.to_string(), remedy });
        if !(1.0..=100.0).contains(&self.ratio) {
            return wrong("resend_ratio.ratio", self.ratio, "not within 1 to 100");
        }
        if !(5.0..=10_000.0).contains(&self.messages) {
            return wrong("resend_ratio.messages", self.messages, "not within 5 to 10000");
        }
        Ok(())
    }

    pub(super) fn judge(&self, seen: &Seen<'_>) -> Option<Reason> {
        if self.mode == Mode::Off || !seen.armed {
            return None;
        }
        let (level, range) = seen.ranges().find(|(level, _)| *level == LEVEL)?;
        let had_their_time = range.messages - f32::from(range.in_flight);
        if had_their_time < self.messages || had_their_time <= self.ratio * range.verified_day {
            return None;
        }
        let (cut, name) = LEVELS.get(level).copied()?;
        let evidence = format!(
            "{had_their_time:.0} messages within a day to strangers of the {name} range +{}{}, of whom {:.0} verified; {:.1} \
             for each are borne",
            seen.number.range(cut),
            "x".repeat(cut as usize),
            range.verified_day,
            self.ratio
        );
        self.mode.reason(Signal::ResendRatio, 15, evidence, None)
    }
}
