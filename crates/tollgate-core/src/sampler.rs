use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Tells one event a second, so that no flood of requests turns into a flood of lines, and how many were not told.
///
/// ```
/// use std::time::Duration;
/// use tollgate_core::Sampler;
///
/// let sampler = Sampler::default();
/// assert_eq!(sampler.take(Duration::from_millis(100)), Some(0)); // told
/// assert_eq!(sampler.take(Duration::from_millis(900)), None);
/// assert_eq!(sampler.take(Duration::from_millis(1100)), Some(1)); // told, and one was not
/// ```
#[derive(Debug, Default)]
pub struct Sampler {
    /// The second of the last event, from 1.
    last: AtomicU64,
    unsaid: AtomicU64,
}

impl Sampler {
    /// How many events were not told since the last one that was, if this one is: the first of each second of `now`,
    /// which is [monotonic time](crate::Clock::monotonic).
    pub fn take(&self, now: Duration) -> Option<u64> {
        let (second, last) = (now.as_secs().saturating_add(1), self.last.load(Ordering::Relaxed));
        let first = second != last
            && self.last.compare_exchange(last, second, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if first {
            return Some(self.unsaid.swap(0, Ordering::Relaxed));
        }
        self.unsaid.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_a_second_is_told_and_says_how_many_were_not() {
        let sampler = Sampler::default();
        assert_eq!(
            [0, 1, 999, 1000, 1999, 5000].map(|millis| sampler.take(Duration::from_millis(millis))),
            [Some(0), None, None, Some(2), None, Some(1)]
        );
    }

    #[test]
    fn the_last_second_there_is_is_told_once() {
        let sampler = Sampler::default();
        assert_eq!([Duration::MAX; 2].map(|now| sampler.take(now)), [Some(0), None]);
    }
}
