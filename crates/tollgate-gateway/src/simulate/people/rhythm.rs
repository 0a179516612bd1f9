use std::time::Duration;

use crate::simulate::dice::Dice;
use crate::simulate::world::Country;
use crate::simulate::{DAY, HOUR};

/// How lively the hours of a day are, by local time.
const HOURS: [f64; 24] = [
    0.25, 0.15, 0.1, 0.08, 0.08, 0.12, 0.25, 0.45, 0.65, 0.8, 0.85, 0.85, 0.9, 0.85, 0.8, 0.8, 0.8, 0.85,
    0.9, 0.95, 1.0, 0.95, 0.75, 0.45,
];

/// How lively the days of a week are, from Monday.
const WEEK: [f64; 7] = [1.0, 0.97, 0.97, 1.0, 1.0, 0.9, 0.8];

/// When somebody wants a code, in the day from `from` on: about `per_day` times on a usual day.
pub(super) fn moments(country: &Country, from: Duration, per_day: f64, dice: &mut Dice) -> Vec<Duration> {
    let (hour, day) = (HOURS.iter().sum::<f64>() / 24.0, WEEK.iter().sum::<f64>() / 7.0);
    let busiest = per_day / DAY.as_secs_f64() / hour / day;
    let mut moments = Vec::new();
    let mut at = from + dice.gap(busiest);
    // Thinning: as often as in the busiest hour, and then some are left out.
    while at < from + DAY {
        if dice.chance(liveliness(country, at)) {
            moments.push(at);
        }
        at += dice.gap(busiest);
    }
    moments
}

/// How lively a moment is there, from 0 to 1.
pub(super) fn liveliness(country: &Country, at: Duration) -> f64 {
    let (day, hour) = country.local(at);
    HOURS.get(hour).copied().unwrap_or(0.0) * WEEK.get(day).copied().unwrap_or(0.0)
}

/// When, in the day from `from` on, the country's busiest hour begins.
pub(in crate::simulate) fn busiest_hour(country: &Country, from: Duration) -> Duration {
    let hours = (0..24).map(|hour| from + HOUR * hour);
    hours.max_by(|a, b| liveliness(country, *a).total_cmp(&liveliness(country, *b))).unwrap_or(from)
}
