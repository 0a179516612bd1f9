use std::time::Duration;

use super::fade::DAY;
use super::numbers::{NumberCell, SENDS};
use super::policy::{Mode, PolicyError};
use super::{CHALLENGE_AT, Number, Reason, Signal};

/// How long a number rests after each message: steps that grow, and a cap a day.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CooldownPolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
    /// The wait before the first message, the second, the third, … within 24 hours since a code was last given back;
    /// the last holds for all further.
    pub steps: Vec<Duration>,
    /// At most so many within 24 hours to a number that was verified before: 1 to 10.
    pub per_day: u8,
    /// At most so many within 24 hours to a number that never was: 1 to 10.
    pub unverified_per_day: u8,
}

/// 0, 30, 60, 120, 300, 900, 1800, 3600 s; 10 a day, 4 for a number that was never verified.
impl Default for CooldownPolicy {
    fn default() -> Self {
        let steps = [0, 30, 60, 120, 300, 900, 1800, 3600].map(Duration::from_secs).to_vec();
        Self { mode: Mode::Enforce, steps, per_day: 10, unverified_per_day: 4 }
    }
}

impl CooldownPolicy {
    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        for (field, cap) in [
            ("number_cooldown.per_day", self.per_day),
            ("number_cooldown.unverified_per_day", self.unverified_per_day),
        ] {
            if !(1..=SENDS).contains(&usize::from(cap)) {
                return Err(PolicyError { field, value: cap.to_string(), remedy: "not within 1 to 10" });
            }
        }
        if self.steps.is_empty() {
            return Err(PolicyError {
                field: "number_cooldown.steps",
                value: "[]".to_owned(),
                remedy: "no waits: write [\"0s\"] for none",
            });
        }
        let longest = Duration::from_secs(DAY.into());
        if let Some(step) = self.steps.iter().find(|step| **step > longest) {
            return Err(PolicyError {
                field: "number_cooldown.steps",
                value: format!("{step:?}"),
                remedy: "longer than a day: sends are forgotten after 24 hours",
            });
        }
        if let [first, _, ..] = self.steps.as_slice()
            && !first.is_zero()
        {
            return Err(PolicyError {
                field: "number_cooldown.steps",
                value: format!("{first:?}"),
                remedy: "the wait before the first message: begin with 0s",
            });
        }
        Ok(())
    }

    pub(super) fn judge(
        &self,
        cell: &NumberCell,
        number: &Number,
        verified: bool,
        now: u32,
    ) -> Option<Reason> {
        self.real(cell, number, verified, now).or_else(|| self.forgotten(cell, number, now))
    }

    fn forgotten(&self, cell: &NumberCell, number: &Number, now: u32) -> Option<Reason> {
        if let Some(wait) = cell.may_rest_until.checked_sub(now).filter(|wait| *wait > 0) {
            // It may be another number's rest: no more than a challenge.
            let evidence = format!(
                "this number ({number}), or another one, was sent to so often that it rests; forgotten meanwhile"
            );
            let wait = Some(Duration::from_secs(wait.min(DAY).into()));
            return self.mode.reason(Signal::NumberCooldown, CHALLENGE_AT, evidence, wait);
        }
        None
    }

    fn real(&self, cell: &NumberCell, number: &Number, verified: bool, now: u32) -> Option<Reason> {
        let count = cell.sends(now).count();
        let last = cell.sends(now).next()?;
        let rest = |count: usize| self.steps.get(count).or(self.steps.last()).map_or(0, |step| ceil(*step));
        let per_day = usize::from(if verified { self.per_day } else { self.unverified_per_day });
        let (free_at, limit) = match cell.sends(now).nth(per_day - 1) {
            // The oldest of those that fill the day has to go; those that stay have their own rest.
            Some(filling) => {
                let whose = if verified { "" } else { " to a number that was never verified" };
                ((filling + DAY).max(last + rest(per_day - 1)), format!("{per_day} a day{whose}"))
            }
            None => {
                // Whoever gave the last code back waits for none.
                let rest = rest(count.min(cell.in_vain.into()));
                if rest == 0 {
                    return None;
                }
                (last + rest, format!("{rest} s between"))
            }
        };
        let wait = free_at.checked_sub(now).filter(|wait| *wait > 0)?;
        let ago = now.saturating_sub(last);
        let evidence = format!(
            "{count} message{} to this number ({number}) within 24 hours, the last {ago} s ago; limit {limit}",
            if count == 1 { "" } else { "s" }
        );
        let wait = Some(Duration::from_secs(wait.into()));
        self.mode.reason(Signal::NumberCooldown, 100, evidence, wait)
    }
}

fn ceil(duration: Duration) -> u32 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    u32::try_from(seconds).unwrap_or(DAY)
}
