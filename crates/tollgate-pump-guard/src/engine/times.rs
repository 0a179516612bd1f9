//! How long people take to give a code back: mean and spread of its logarithm.

use super::fade::{DAY, fade};
use super::packed::{long, short};
use super::record::record;

const HALF_LIFE: u32 = 7 * DAY;

/// No logarithm is so far below zero.
const ABOVE_ZERO: f32 = 4.0;

/// Faded count, sum and sum of squares of ln(seconds).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    count: f32,
    sum: f32,
    squares: f32,
}

record!(Times { count: f32, sum: f32, squares: f32 });

impl Times {
    pub(super) fn fade(&mut self, passed: u32) {
        for value in [&mut self.count, &mut self.sum, &mut self.squares] {
            *value = fade(*value, passed, HALF_LIFE);
        }
    }

    /// One that verified so long ago.
    pub(super) fn add(&mut self, log: f32, age: u32) {
        let left = fade(1.0, age, HALF_LIFE);
        self.count += left;
        self.sum += left * log;
        self.squares += left * log * log;
    }

    /// Its mean and its spread, as [short](super::packed::short) as they may be; to be read with its count.
    pub(super) fn shortly(&self) -> [u16; 2] {
        if self.count <= 0.0 {
            return [0; 2];
        }
        // What rounding alone leaves is no spread.
        let spread = self.squares - self.sum * self.sum / self.count;
        let spread = if spread > 1e-5 * self.squares { spread } else { 0.0 };
        [short(self.mean() + ABOVE_ZERO), short((spread / self.count).sqrt())]
    }

    pub(super) fn of(count: f32, [mean, spread]: [u16; 2]) -> Self {
        if count <= 0.0 {
            return Self::default();
        }
        let (mean, spread) = (long(mean) - ABOVE_ZERO, long(spread));
        Self { count, sum: mean * count, squares: (spread * spread + mean * mean) * count }
    }

    pub(super) fn count(&self) -> f32 {
        self.count
    }

    pub(super) fn mean(&self) -> f32 {
        if self.count > 0.0 { self.sum / self.count } else { 0.0 }
    }

    pub(super) fn deviation(&self) -> f32 {
        if self.count < 2.0 {
            return 0.0;
        }
        let spread = self.squares - self.sum * self.sum / self.count;
        (spread.max(0.0) / (self.count - 1.0)).sqrt()
    }
}

/// Milliseconds, as the logarithm of seconds; a tenth of a second at least.
pub(super) fn log(millis: u64) -> f32 {
    #[allow(clippy::cast_precision_loss, reason = "minutes, of which a ten-thousandth does not matter")]
    let seconds = millis.min(u64::from(DAY) * 1000) as f32 / 1000.0;
    seconds.max(0.1).ln()
}
