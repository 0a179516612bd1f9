use std::time::Duration;

use super::policy::{Mode, PolicyError, Preset};
use super::ranges::{ADJACENT, COARSE, LEVELS, PEOPLE, RangeCell};
use super::state::Seen;
use super::{Number, Reason, Signal};

/// How many strangers of a number range may be sent to that do not verify.
///
/// A stranger is a number that was never verified; it counts once within 24 hours, from the moment its message goes
/// out. Each that verifies repays more than its own message (2 divided by the country's conversion). Ranges in which
/// people have verified bear more; where the country as a whole does not verify, ranges bear less.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ConversionPolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
    /// Strangers with all but the last three digits in common: 1 to 1,000.
    pub per_1k: f32,
    /// The same for the last four.
    pub per_10k: f32,
    /// The same for the last five.
    pub per_100k: f32,
    /// The same for the last six.
    pub per_1m: f32,
    /// The same for the last seven: about an operator.
    pub per_10m: f32,
}

impl ConversionPolicy {
    pub(super) fn preset(preset: Preset) -> Self {
        let by = preset.factor();
        Self {
            mode: Mode::Enforce,
            per_1k: 3.5 * by,
            per_10k: 3.5 * by,
            per_100k: 5.5 * by,
            per_1m: 8.5 * by,
            per_10m: 12.0 * by,
        }
    }

    const fn levels(&self) -> [f32; LEVELS.len()] {
        [self.per_1k, self.per_10k, self.per_100k, self.per_1m, self.per_10m]
    }

    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        let fields = [
            "range_conversion.per_1k",
            "range_conversion.per_10k",
            "range_conversion.per_100k",
            "range_conversion.per_1m",
            "range_conversion.per_10m",
        ];
        for (field, value) in fields.into_iter().zip(self.levels()) {
            if !(1.0..=1000.0).contains(&value) {
                return Err(PolicyError { field, value: value.to_string(), remedy: "not within 1 to 1000" });
            }
        }
        Ok(())
    }

    /// What a range of this level bears by itself.
    pub(super) fn bears(&self, level: usize) -> f32 {
        self.levels().get(level).copied().unwrap_or(f32::MAX)
    }

    /// How much pressure a range of this level takes note of.
    pub(super) fn pressure(&self, level: usize) -> f32 {
        3.0 * self.bears(level).max(4.0)
    }

    /// What it bears, given its past and its country's present.
    fn limit(&self, level: usize, range: &RangeCell, seen: &Seen<'_>) -> f32 {
        let (calm, doubt) = (self.calm(level, range, seen), seen.doubt);
        if doubt < 1.0 {
            calm
        } else if range.verified < PEOPLE {
            ALONE
        } else {
            (calm / (2.0 * doubt)).max(1.5)
        }
    }

    fn calm(&self, level: usize, range: &RangeCell, seen: &Seen<'_>) -> f32 {
        // Who verified there by chance speaks for others there by chance, and not for one number after another.
        let people = if seen.goes_on && level <= ADJACENT { 0.0 } else { 1.5 * (1.0 + range.verified).ln() };
        self.bears(level) + people
    }

    /// The gravest of the number's ranges, and the levels that are used up.
    pub(super) fn judge(&self, seen: &Seen<'_>) -> (Option<Reason>, Stopped) {
        let mut gravest: Option<Reason> = None;
        let mut stopped = Stopped::default();
        if self.mode == Mode::Off || !seen.armed {
            return (None, stopped);
        }
        for (level, range) in seen.ranges() {
            let limit = self.limit(level, range, seen);
            let owed = range.owed();
            if owed < limit {
                continue;
            }
            if range.probes(seen, self.pressure(level)) {
                stopped.probes |= 1 << level;
                continue;
            }
            stopped.levels |= 1 << level;
            let score = self.score(level, range, limit, seen);
            if gravest.as_ref().is_none_or(|reason| reason.score < score) {
                let opens = range.hold.opens_in(seen.now, range.verified >= PEOPLE);
                let wait = Some(Duration::from_secs(opens.into()));
                let evidence = evidence(seen.number, level, range, limit);
                gravest = self.mode.reason(Signal::RangeConversion, score, evidence, wait);
            }
        }
        (gravest, stopped)
    }

    fn score(&self, level: usize, range: &RangeCell, limit: f32, seen: &Seen<'_>) -> u8 {
        let home = seen.country.verified >= HOME;
        let flood = (range.owed() + range.stopped) / limit;
        let score = 55.0 + 50.0 * (flood - 1.0);
        // A block wants failures that had their time, or a rush in which nobody at all verified.
        let enough = match range.verified < PEOPLE {
            true if home => self.bears(level) / 2.0,
            true => (self.bears(level) / 2.0).min(limit),
            false => self.calm(level, range, seen),
        };
        let matured = range.debt >= enough;
        let bears = self.bears(level);
        let least = if home || range.verified >= PEOPLE { bears } else { bears.min(limit) };
        // What was forgotten may be another range's.
        let remembered = range.remembered();
        let rush = remembered >= least && remembered + range.stopped >= 1.5 * bears;
        let score = if range.debt >= limit && matured { score.max(85.0) } else { score };
        let most = if (matured || rush) && !is_coarse(level, range, seen) { 100.0 } else { 79.0 };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "55 to 100")]
        let score = score.min(most) as u8;
        score
    }
}

/// Whether a range sees too much of its country to block by itself: where people are, it is as wide as an operator, or
/// wide and no worse than its country, which does not verify either. (A range that fails alone is stopped before.)
fn is_coarse(level: usize, range: &RangeCell, seen: &Seen<'_>) -> bool {
    const WIDE: usize = 2;
    let people = range.verified >= PEOPLE && seen.country.verified >= HOME;
    people && (level >= COARSE || level >= WIDE && seen.doubt >= 1.0)
}

/// From so many verified numbers on, a country is one where any number may well be a person's.
pub(super) const HOME: f32 = 50.0;

/// What a range bears in which nobody has verified, of a country that does not verify: not one failure.
const ALONE: f32 = 0.9;

/// Levels (bits) at which an attempt is stopped, and those at which it may go out to learn from it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stopped {
    pub(super) levels: u8,
    pub(super) probes: u8,
}

fn evidence(number: &Number, level: usize, range: &RangeCell, limit: f32) -> String {
    let (cut, name) = LEVELS.get(level).copied().unwrap_or_default();
    let (prefix, mask) = (number.range(cut), "x".repeat(cut as usize));
    let failed = range.debt.max(0.0);
    format!(
        "of strangers in the {name} range +{prefix}{mask}, {failed:.1} did not verify and {} may yet; it bears {limit:.1}; \
         verified in a week: {:.0}; stopped in the last half hour: {:.0}",
        range.in_flight, range.verified, range.stopped
    )
}
