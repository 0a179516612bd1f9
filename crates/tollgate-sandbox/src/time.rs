use std::time::Duration;

use jiff::Timestamp;
use tollgate_core::Clock;

/// One reading of the clock: decisions use the monotonic time, people are shown the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) monotonic: Duration,
    pub(crate) wall: Timestamp,
}

impl Now {
    pub(crate) fn of(clock: &dyn Clock) -> Self {
        Self {
            monotonic: clock.monotonic(),
            wall: Timestamp::try_from(clock.wall()).unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }
}

pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// `2025-12-18T05:59:54.09Z`, as in 8x8's sessions and message details.
pub(crate) fn hundredths(at: Timestamp) -> String {
    format!("{at:.2}")
}

/// `2025-12-18T09:25:40.9235752+00:00`, as in 8x8's errors: clients have to read both.
pub(crate) fn ticks(at: Timestamp) -> String {
    let mut text = format!("{at:.7}");
    if text.ends_with('Z') {
        text.pop();
        text.push_str("+00:00");
    }
    text
}

/// Whole seconds, rounded up, at least one: what `Retry-After` can say.
pub(crate) fn retry_seconds(wait: Duration) -> u64 {
    let up = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(up).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_of_8x8s_date_time_styles_are_written() {
        let at: Timestamp = "2025-12-18T05:59:54.09Z".parse().unwrap();
        assert_eq!(hundredths(at), "2025-12-18T05:59:54.09Z");
        assert_eq!(ticks(at), "2025-12-18T05:59:54.0900000+00:00");
    }

    #[test]
    fn a_wait_is_never_rounded_down_to_nothing() {
        assert_eq!(retry_seconds(Duration::ZERO), 1);
        assert_eq!(retry_seconds(Duration::from_millis(1_001)), 2);
    }
}
