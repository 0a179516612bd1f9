//! How many strangers of a country an hour of the week usually has.

use super::fade::{DAY, HOUR};
use super::record::record;

const WEEK: usize = 168;

/// Each hour's mean over some weeks, in less than a KiB.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hours {
    /// When the first came, in seconds.
    since: u32,
    /// The hour that is running, by the engine's time, and how many it has so far.
    hour: u32,
    running: f32,
    /// How many there ever were.
    ever: f32,
    means: [f32; WEEK],
}

record!(Hours { since: u32, hour: u32, running: f32, ever: f32, means: [f32; WEEK] });

/// So many tell what is usual, after so long …
const KNOWN_FROM: f32 = 50.0;
const KNOWN_AFTER: u32 = 4 * DAY;
/// … and each hour of the week by itself after two of them; until then hours of the day do.
const WEEKLY_AFTER: u32 = 15 * DAY;
/// A country of which nothing came for so many hours begins anew.
const FORGOTTEN: u32 = 8 * 7 * 24;

impl Hours {
    /// None yet.
    pub(super) const fn new(now: u32) -> Self {
        Self { since: now, hour: now / HOUR, running: 0.0, ever: 0.0, means: [0.0; WEEK] }
    }

    /// One more. An hour that is over has been counted.
    pub(super) fn count(&mut self, now: u32) {
        let hour = now / HOUR;
        if hour < self.hour {
            return;
        }
        if hour.saturating_sub(self.hour) > FORGOTTEN {
            *self = Self::new(now);
        }
        while self.hour < hour {
            self.end();
        }
        self.running += 1.0;
        self.ever += 1.0;
    }

    /// The running hour is over.
    fn end(&mut self) {
        #[allow(clippy::cast_precision_loss, reason = "four at most")]
        let weight = 1.0 / (self.hour.saturating_sub(self.since / HOUR) / (7 * 24) + 1).min(4) as f32;
        if let Some(mean) = self.means.get_mut(self.hour as usize % WEEK) {
            *mean += weight * (self.running - *mean);
        }
        self.running = 0.0;
        self.hour += 1;
    }

    /// How many come within an hour at about this time; `None` while too little is known.
    pub(super) fn usual(&self, now: u32) -> Option<f32> {
        let age = now.saturating_sub(self.since);
        if age < KNOWN_AFTER || self.ever < KNOWN_FROM {
            return None;
        }
        let hour = (now / HOUR) as usize % WEEK;
        // Nothing begins on the hour.
        let near = [WEEK - 1, 0, 1].map(|off| self.at((hour + off) % WEEK, age));
        Some(near.into_iter().fold(0.0, f32::max))
    }

    fn at(&self, hour: usize, age: u32) -> f32 {
        if age >= WEEKLY_AFTER {
            return self.means.get(hour).copied().unwrap_or_default();
        }
        let same = (0..7).filter_map(|day| self.means.get((hour + 24 * day) % WEEK)).sum::<f32>();
        #[allow(clippy::cast_precision_loss, reason = "seven at most")]
        let days = (age / DAY).clamp(1, 7) as f32;
        same / days
    }
}
