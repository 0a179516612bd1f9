use super::policy::{Mode, PolicyError};
use super::ranges::{COARSE, LEVELS};
use super::state::Seen;
use super::times::Times;
use super::{Reason, Signal};

/// Codes given back faster, or more evenly, than the sender's people do: then they are completed by machine, and what
/// is verified in that range repays nothing.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TimingPolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
    /// By how many standard errors the mean of ln(seconds) lies below the sender's own: 3 to 10.
    pub errors: f32,
}

/// 5 standard errors.
impl Default for TimingPolicy {
    fn default() -> Self {
        Self { mode: Mode::Enforce, errors: 5.0 }
    }
}

/// So many verifications of a range, and of the sender, tell something.
const RANGE: f32 = 5.5;
const SENDER: f32 = 30.0;
/// A sender whose own people differ by less than this is no measure.
const VARIED: f32 = 0.25;
/// A spread of so little of the sender's own is a machine's, from so many verifications on.
const EVEN: f32 = 0.2;
const EVEN_FROM: f32 = 9.5;

impl TimingPolicy {
    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        if (3.0..=10.0).contains(&self.errors) {
            return Ok(());
        }
        let field = "time_to_verify.errors";
        Err(PolicyError { field, value: self.errors.to_string(), remedy: "not within 3 to 10" })
    }

    /// Whether to act on it.
    pub(super) fn is_machine(&self, range: &Times, sender: &Times) -> bool {
        self.mode == Mode::Enforce && self.looks_like_one(range, sender)
    }

    fn looks_like_one(&self, range: &Times, sender: &Times) -> bool {
        if range.count() < RANGE || sender.count() < SENDER {
            return false;
        }
        let spread = sender.deviation();
        if spread < VARIED {
            return false;
        }
        let below = (sender.mean() - range.mean()) * range.count().sqrt() / spread;
        let even = range.count() >= EVEN_FROM && range.deviation() < EVEN * spread;
        // Half of the sender's median, at least: means of thousands differ by little, and surely.
        below > self.errors && range.mean() < sender.mean() - 0.7 || even
    }

    pub(super) fn judge(&self, seen: &Seen<'_>) -> Option<Reason> {
        if self.mode == Mode::Off {
            return None;
        }
        let sender = &seen.sender_times;
        let (level, range) =
            seen.ranges().take(COARSE).find(|(_, range)| self.looks_like_one(&range.times, sender))?;
        let (cut, name) = LEVELS.get(level).copied()?;
        let evidence = format!(
            "{:.0} strangers of the {name} range +{}{} verified after {:.1} s (spread ×{:.1}), others after {:.1} s (×{:.1})",
            range.times.count(),
            seen.number.range(cut),
            "x".repeat(cut as usize),
            range.times.mean().exp(),
            range.times.deviation().exp(),
            sender.mean().exp(),
            sender.deviation().exp(),
        );
        self.mode.reason(Signal::TimeToVerify, 30, evidence, None)
    }
}
