use std::time::Duration;

use foldhash::quality::SeedableRandomState;

use super::cells::{Cell, Cells};
use super::policy::{Mode, PolicyError};
use super::{Number, Reason, Signal};

/// What is remembered of a number: its last sends.
const SENDS: usize = 10;

const DAY: u64 = 24 * 3600;

/// How long a number rests after each message: steps that grow, and a cap a day.
#[derive(Clone, Debug)]
pub struct CooldownPolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
    /// The wait before the first message, the second, the third, … within 24 hours; the last holds for all further.
    pub steps: Vec<Duration>,
    /// At most so many within 24 hours: 1 to 10.
    pub per_day: u8,
}

/// 0, 30, 60, 120, 300, 900, 1800, 3600 s; 10 a day.
impl Default for CooldownPolicy {
    fn default() -> Self {
        let steps = [0, 30, 60, 120, 300, 900, 1800, 3600];
        Self { mode: Mode::Enforce, steps: steps.map(Duration::from_secs).to_vec(), per_day: 10 }
    }
}

impl CooldownPolicy {
    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        if !(1..=SENDS).contains(&usize::from(self.per_day)) {
            return Err(PolicyError {
                field: "number_cooldown.per_day",
                value: self.per_day.to_string(),
                remedy: "not within 1 to 10",
            });
        }
        let longest = Duration::from_secs(DAY);
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
}

/// The numbers that were sent to within the last 24 hours, as keyed hashes.
#[derive(Debug)]
pub(super) struct Numbers(Cells<Sends>);

/// The last sends, newest first, in seconds rounded up; 0 where there is none.
#[derive(Clone, Copy, Debug, Default)]
struct Sends([u32; SENDS]);

impl Sends {
    fn within_a_day(&self, now: u64) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().map(|&at| u64::from(at)).take_while(move |&at| at != 0 && at + DAY > now)
    }
}

impl Cell for Sends {
    /// About when the number is free again, in seconds: what rests longest is lost last.
    fn worth(&self) -> u64 {
        const RESTS: [u64; SENDS] = [0, 30, 60, 120, 300, 900, 1800, 3600, 3600, 3600];
        let count = self.0.iter().take_while(|at| **at != 0).count();
        match (self.0, RESTS.get(count)) {
            ([latest, ..], Some(rest)) => u64::from(latest) + rest,
            ([.., oldest], None) => u64::from(oldest) + DAY,
        }
    }
}

impl Numbers {
    pub(super) fn new(bytes: usize, hasher: SeedableRandomState) -> Self {
        Self(Cells::new(bytes, hasher))
    }

    /// Whether it was sent to within the last 24 hours.
    pub(super) fn knows(&self, number: &Number, now: Duration) -> bool {
        let sends = self.0.find(number.digits());
        sends.is_some_and(|sends| sends.within_a_day(seconds(now).into()).next().is_some())
    }

    pub(super) fn judge(&self, policy: &CooldownPolicy, number: &Number, now: Duration) -> Option<Reason> {
        let sends = self.0.find(number.digits())?;
        let now = u64::from(seconds(now));
        let count = sends.within_a_day(now).count();
        let last = sends.within_a_day(now).next()?;
        let rest =
            |count: usize| policy.steps.get(count).or(policy.steps.last()).map_or(0, |step| ceil(*step));
        let per_day = usize::from(policy.per_day);
        let (free_at, limit) = match sends.within_a_day(now).nth(per_day - 1) {
            // The oldest of those that fill the day has to go; those that stay have their own rest.
            Some(filling) => ((filling + DAY).max(last + rest(per_day - 1)), format!("{per_day} a day")),
            None => (last + rest(count), format!("{} s between", rest(count))),
        };
        let wait = free_at.checked_sub(now).filter(|wait| *wait > 0)?;
        let ago = now.saturating_sub(last);
        let evidence = format!(
            "{count} message{} to this number ({number}) within 24 hours, the last {ago} s ago; limit {limit}",
            if count == 1 { "" } else { "s" }
        );
        policy.mode.reason(Signal::NumberCooldown, 100, evidence, Some(Duration::from_secs(wait)))
    }

    pub(super) fn remember(&mut self, number: &Number, now: Duration) {
        self.0.change(number.digits(), |sends| {
            sends.0.rotate_right(1);
            if let Some(latest) = sends.0.first_mut() {
                *latest = sent_at(now);
            }
        });
    }

    pub(super) fn forget(&mut self, number: &Number, at: Duration) {
        self.0.change_known(number.digits(), |sends| {
            if let Some(index) = sends.0.iter().position(|sent| *sent == sent_at(at))
                && let Some(from) = sends.0.get_mut(index..)
            {
                from.rotate_left(1);
                if let Some(last) = from.last_mut() {
                    *last = 0;
                }
            }
        });
    }
}

/// Whole seconds from 1 on: 0 means none. Good for 136 years.
fn seconds(now: Duration) -> u32 {
    u32::try_from(now.as_secs() + 1).unwrap_or(u32::MAX)
}

/// A send's second, rounded up, so that no fraction of one shortens a rest.
fn sent_at(now: Duration) -> u32 {
    seconds(now).saturating_add(u32::from(now.subsec_nanos() > 0))
}

fn ceil(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
