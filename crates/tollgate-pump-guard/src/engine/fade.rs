//! Values that fade: half of them is gone after each half-life.

/// A minute, an hour and a day, in seconds.
pub(super) const MINUTE: u32 = 60;
pub(super) const HOUR: u32 = 3600;
pub(super) const DAY: u32 = 24 * HOUR;

/// What is left of `value` after `passed` seconds.
pub(super) fn fade(value: f32, passed: u32, half_life: u32) -> f32 {
    if value == 0.0 || passed == 0 {
        return value;
    }
    #[allow(clippy::cast_precision_loss, reason = "seconds, of which fractions of a percent do not matter")]
    let halves = passed as f32 / half_life as f32;
    value * (-halves).exp2()
}

/// How many nats of surprise `seen` events are where `expected` were to be expected (the deviance of a Poisson count);
/// 0 where no more came than that.
pub(super) fn surprise(seen: f32, expected: f32) -> f32 {
    if seen <= expected || expected <= 0.0 {
        return 0.0;
    }
    seen * (seen / expected).ln() - seen + expected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_is_left_after_a_half_life() {
        assert!((fade(8.0, HOUR, HOUR) - 4.0).abs() < 1e-5);
        assert!((fade(-8.0, 2 * HOUR, HOUR) + 2.0).abs() < 1e-5);
        assert!((fade(8.0, 0, HOUR) - 8.0).abs() < f32::EPSILON);
    }

    #[test]
    fn surprise_is_the_poisson_deviance() {
        assert!(surprise(3.0, 5.0) == 0.0);
        assert!((surprise(4.0, 0.03) - (4.0 * (4.0_f32 / 0.03).ln() - 4.0 + 0.03)).abs() < 1e-4);
        assert!(surprise(4.0, 0.03) > 7.0, "four numbers of a 1k range within an hour");
    }
}
