use std::time::Duration;

use foldhash::quality::SeedableRandomState;

use super::cells::{Cell, Cells};
use super::policy::{Mode, PolicyError, Preset};
use super::{Number, Reason, Signal};

const HOUR: u64 = 3_600_000;

/// Digits cut off a number for each level of ranges.
const CUTS: [u32; 3] = [3, 4, 5];

/// How many numbers of a range are sent to within an hour. A number that was sent to within the last 24 hours does not
/// count again.
///
/// Each range fills a bucket that drains evenly: so many at once, and from then on so many an hour.
#[derive(Clone, Copy, Debug)]
pub struct VelocityPolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
    /// Numbers an hour with all but the last three digits in common.
    pub per_1k: u32,
    /// The same for the last four.
    pub per_10k: u32,
    /// The same for the last five.
    pub per_100k: u32,
}

impl VelocityPolicy {
    pub(super) const fn preset(preset: Preset) -> Self {
        let (per_1k, per_10k, per_100k) = match preset {
            Preset::Cautious => (12, 40, 120),
            Preset::Balanced => (6, 20, 60),
            Preset::Strict => (3, 10, 30),
        };
        Self { mode: Mode::Enforce, per_1k, per_10k, per_100k }
    }

    /// Each level: digits cut off, its name, numbers an hour.
    const fn levels(&self) -> [(u32, &'static str, u32); 3] {
        [(CUTS[0], "1k", self.per_1k), (CUTS[1], "10k", self.per_10k), (CUTS[2], "100k", self.per_100k)]
    }

    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        let fields = ["range_velocity.per_1k", "range_velocity.per_10k", "range_velocity.per_100k"];
        for ((_, _, limit), field) in self.levels().into_iter().zip(fields) {
            if !(1..=1_000_000).contains(&limit) {
                let remedy = "not within 1 to 1000000; to switch the signal off, set its mode to \"off\"";
                return Err(PolicyError { field, value: limit.to_string(), remedy });
            }
        }
        Ok(())
    }
}

/// The ranges that were sent to lately, a table for each level: a bucket of a wide range drains faster, and in a shared
/// table it would always have to go first.
#[derive(Debug)]
pub(super) struct Ranges([Cells<Bucket>; 3]);

/// When the bucket will be empty, in ms (the theoretical arrival time of GCRA).
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    empty_at: u64,
}

impl Cell for Bucket {
    fn worth(&self) -> u64 {
        self.empty_at
    }
}

impl Ranges {
    pub(super) fn new(bytes: usize, hasher: &SeedableRandomState) -> Self {
        Self([(); 3].map(|()| Cells::new(bytes / 3, hasher.clone())))
    }

    /// The narrowest range that is full.
    pub(super) fn judge(&self, policy: &VelocityPolicy, number: &Number, now: Duration) -> Option<Reason> {
        if policy.mode == Mode::Off {
            return None;
        }
        let now = millis(now);
        policy.levels().into_iter().zip(&self.0).find_map(|((cut, name, limit), cells)| {
            let (limit, each) = rate(limit);
            let filled = cells.find(number.range(cut))?.empty_at.saturating_sub(now);
            let wait = (filled + each).checked_sub(each * limit).filter(|wait| *wait > 0)?;
            let range = number.range(cut);
            let mask = "x".repeat(cut as usize);
            let evidence =
                format!("{limit} numbers of the {name} range +{range}{mask} within an hour, the limit");
            policy.mode.reason(Signal::RangeVelocity, 100, evidence, Some(Duration::from_millis(wait)))
        })
    }

    /// Says what it added, which may be nothing where a range is full.
    pub(super) fn remember(&mut self, policy: &VelocityPolicy, number: &Number, now: Duration) -> Filled {
        let now = millis(now);
        let mut filled = Filled::default();
        let levels = policy.levels().into_iter().zip(&mut self.0).zip(&mut filled.0);
        for (((cut, _, limit), cells), added) in levels {
            let (limit, each) = rate(limit);
            cells.change(number.range(cut), |bucket| {
                let before = bucket.empty_at.max(now);
                // Full is full: what is only monitored does not fill it for days.
                bucket.empty_at = (before + each).min(now + each * limit).max(before);
                *added = bucket.empty_at - before;
            });
        }
        filled
    }

    /// Takes back what was added.
    pub(super) fn forget(&mut self, number: &Number, filled: Filled) {
        for ((cut, cells), added) in CUTS.into_iter().zip(&mut self.0).zip(filled.0) {
            cells.change_known(number.range(cut), |bucket| {
                bucket.empty_at = bucket.empty_at.saturating_sub(added);
            });
        }
    }
}

/// What one send added to the buckets of its ranges, in ms.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Filled([u64; 3]);

/// A limit an hour, and how long each one takes to drain, in ms.
fn rate(limit: u32) -> (u64, u64) {
    let limit = u64::from(limit.max(1));
    (limit, HOUR.div_ceil(limit))
}

fn millis(now: Duration) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX / 2)
}
