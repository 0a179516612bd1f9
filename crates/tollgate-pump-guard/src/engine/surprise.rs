use std::time::Duration;

use super::fade::{DAY, HOUR, surprise};
use super::policy::{Mode, PolicyError, Preset};
use super::ranges::{LEVELS, RangeCell, WEEK};
use super::state::Seen;
use super::{Number, Reason, Signal};

/// More strangers of a number range, within an hour or a day, than its own past makes likely, whether or not they
/// verify: fraudsters complete codes too.
///
/// Expected is three times the range's own mean of a week, or a floor: what a range may see of people that come all
/// at once (an office, a launch). Where the rest of the country grows too, more is expected.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SurprisePolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
    /// How many nats of surprise (Poisson deviance) are too many: 1 to 100.
    pub nats: f32,
}

/// Strangers expected within an hour of each level at least, where outcomes are reported …
const FLOORS: [f32; LEVELS.len()] = [28.0, 24.0, 40.0, 80.0, 250.0];
/// … and where none are, so that numbers alone have to tell.
const FLOORS_UNARMED: [f32; LEVELS.len()] = [1.0, 5.0, 20.0, 60.0, 200.0];
/// So many that verified before the last day are a range's past.
const SETTLED: f32 = 100.0;
/// After so many seconds the past is one.
pub(super) const KNOWN_AFTER: u32 = 4 * DAY;
/// A day's floor is so many hours'.
const DAY_FLOOR: f32 = 2.0;

impl SurprisePolicy {
    pub(super) fn preset(preset: Preset) -> Self {
        Self { mode: Mode::Enforce, nats: 7.0 * preset.factor() }
    }

    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        if (1.0..=100.0).contains(&self.nats) {
            return Ok(());
        }
        let field = "range_surprise.nats";
        Err(PolicyError { field, value: self.nats.to_string(), remedy: "not within 1 to 100" })
    }

    /// The most surprising of the number's ranges, and the levels that are.
    pub(super) fn judge(&self, seen: &Seen<'_>) -> (Option<Reason>, u8) {
        let mut most: Option<Reason> = None;
        let mut levels = 0;
        if self.mode == Mode::Off {
            return (None, 0);
        }
        for (level, range) in seen.ranges() {
            let expected = Expected::of(level, range, seen);
            // Whoever goes on asking, having been stopped, is still there.
            let hour = surprise(range.hour + range.stopped, expected.hour);
            // What a wide range sees in a day is known after some.
            let day =
                if level < 2 || seen.age >= KNOWN_AFTER { surprise(range.day, expected.day) } else { 0.0 };
            let nats = hour.max(day);
            if nats <= self.nats {
                continue;
            }
            levels |= 1 << level;
            let score = score(nats / self.nats + range.stopped / seen.pressure(level));
            if most.as_ref().is_none_or(|reason| reason.score < score) {
                let (count, expected, within, wait) = if hour >= day {
                    (range.hour, expected.hour, "hour", HOUR)
                } else {
                    (range.day, expected.day, "day", DAY)
                };
                let evidence = evidence(seen.number, level, count, expected, within, nats);
                // About when half of what surprises is forgotten.
                let wait = Some(Duration::from_secs(wait.into()));
                most = self.mode.reason(Signal::RangeSurprise, score, evidence, wait);
            }
        }
        (most, levels)
    }
}

/// How many strangers are to be expected at most, as counters that fade have it.
struct Expected {
    hour: f32,
    day: f32,
}

impl Expected {
    fn of(level: usize, range: &RangeCell, seen: &Seen<'_>) -> Self {
        let floors = if seen.armed { FLOORS } else { FLOORS_UNARMED };
        let floor = floors.get(level).copied().unwrap_or(f32::MAX);
        // Where outcomes are known, only those that verified are a past; what is not verified must not be.
        let past = if seen.armed { (range.verified, range.verified_day) } else { (range.week, range.day) };
        let mean = hourly(past, seen.age) * seen.growth(range);
        // Where hundreds have verified over time, more of the same is a launch.
        let settled = (older(past) / SETTLED).min(1.0);
        let floor = if seen.armed { floor * youth(seen.age) } else { floor };
        // At a steady rate the counters stand at 1.4 and 35 hours' worth; peaks of a day and a week are on top.
        let launch = if seen.armed { launch(level, range, seen) } else { (0.0, 0.0) };
        Self {
            hour: (4.0 + 36.0 * settled) * mean + floor + launch.0,
            day: (60.0 + 400.0 * settled) * mean + DAY_FLOOR * floor + launch.1,
        }
    }
}

/// How many more a range may see within an hour and a day where the rest of its country verifies as it never did: a
/// market is opened, and no single range of it is the reason.
fn launch(level: usize, range: &RangeCell, seen: &Seen<'_>) -> (f32, f32) {
    const SHARE: [f32; LEVELS.len()] = [0.0, 0.02, 0.1, 0.4, 0.8];
    let share = SHARE.get(level).copied().unwrap_or(0.0);
    let country = &seen.country;
    let rest = (country.verified_hour - 2.0 * range.hour).max(0.0);
    let rest_of_day = (country.verified_day - 2.0 * range.day).max(0.0);
    let usual = hourly((country.verified, country.verified_day), seen.age).max(0.1);
    // Twice the mean is an ordinary evening.
    let new = ((rest / (1.44 * 2.0 * usual) - 1.0) / 3.0).clamp(0.0, 1.0);
    (share * new * rest, share * new * rest_of_day)
}

/// How many times its floor a range is granted while the sender's own traffic is hardly known.
const fn youth(age: u32) -> f32 {
    match age / DAY {
        0 => 6.0,
        1 | 2 => 3.0,
        3 => 1.5,
        _ => 1.0,
    }
}

/// The mean an hour before the last day or so, after so many seconds, by counters with half-lives of a week and a day:
/// what is happening now is no past, whoever makes it happen.
///
/// Of events of the last 24 hours the counter of a day holds at least so much of what that of a week does that nothing is
/// left of them.
pub(super) fn hourly((week, day): (f32, f32), age: u32) -> f32 {
    #[allow(clippy::cast_precision_loss, reason = "seconds of weeks")]
    let stands_at = |half_life: u32| {
        let half_life = half_life as f32;
        half_life / HOUR as f32 / std::f32::consts::LN_2
            * (1.0 - (-(age.max(KNOWN_AFTER) as f32) / half_life).exp2())
    };
    older((week, day)) / (stands_at(WEEK) - RECENT * stands_at(DAY))
}

/// What of two such counters is older than a day.
fn older((week, day): (f32, f32)) -> f32 {
    (week - RECENT * day).max(0.0)
}

/// After 24 hours half is left of a counter with a half-life of a day, and 0.906 of one of a week.
const RECENT: f32 = 1.82;

fn score(times: f32) -> u8 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "55 to 95")]
    let score = (55.0 + 30.0 * (times - 1.0)).min(95.0) as u8;
    score
}

fn evidence(number: &Number, level: usize, count: f32, expected: f32, within: &str, nats: f32) -> String {
    let (cut, name) = LEVELS.get(level).copied().unwrap_or_default();
    let (prefix, mask) = (number.range(cut), "x".repeat(cut as usize));
    format!(
        "about {count:.0} strangers of the {name} range +{prefix}{mask} within the {within}, where {expected:.0} are to \
         be expected at most ({nats:.1} nats of surprise)"
    )
}
