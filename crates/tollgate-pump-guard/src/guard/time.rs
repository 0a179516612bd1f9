//! The engine's time.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, TryLockError};
use std::time::{Duration, UNIX_EPOCH};

use tollgate_core::SharedClock;

/// How often there is a look at wall time.
const EVERY: u64 = NANOS;
/// What wall time is ahead by at once, at most: after a sleep, or once NTP has set it. More has to last for a minute.
const AT_ONCE: u64 = 3_600 * NANOS;
const LASTS: u64 = 60 * NANOS;
/// Where wall time was set back, ours goes on by so much less, until they agree again.
const SLOWER: u64 = 8;
const NANOS: u64 = 1_000_000_000;

/// Wall time that never goes back, read as monotonic time is: a machine that sleeps, and a clock that is set, are noticed
/// within a second.
#[derive(Debug)]
pub(super) struct Time {
    clock: SharedClock,
    /// What it is ahead of monotonic time, in nanoseconds.
    ahead: AtomicU64,
    /// When there last was a look at wall time, in nanoseconds of monotonic time.
    looked: AtomicU64,
    /// Since when wall time has been so far ahead that it may be a mistake, in nanoseconds of monotonic time.
    far: Mutex<Option<u64>>,
    /// The latest that was told, in milliseconds.
    latest: AtomicU64,
}

impl Time {
    pub(super) fn new(clock: SharedClock) -> Self {
        let ahead = ahead(&clock);
        let looked = nanos(clock.monotonic());
        Self {
            clock,
            ahead: AtomicU64::new(ahead),
            looked: AtomicU64::new(looked),
            far: Mutex::new(None),
            latest: AtomicU64::new(0),
        }
    }

    /// No finer than a traffic log has it: a replay judges at the very same times.
    pub(super) fn now(&self) -> Duration {
        let monotonic = nanos(self.clock.monotonic());
        if monotonic.saturating_sub(self.looked.load(Relaxed)) >= EVERY {
            self.follow();
        }
        let now = self.ahead.load(Relaxed).saturating_add(monotonic) / 1_000_000;
        let latest = self.latest.load(Relaxed);
        Duration::from_millis(if now > latest {
            self.latest.fetch_max(now, Relaxed).max(now)
        } else {
            latest
        })
    }

    /// Looks at wall time.
    pub(super) fn follow(&self) {
        let mut far = match self.far.try_lock() {
            Ok(far) => far,
            Err(TryLockError::Poisoned(far)) => far.into_inner(),
            // Somebody else does.
            Err(TryLockError::WouldBlock) => return,
        };
        let is = ahead(&self.clock);
        let monotonic = nanos(self.clock.monotonic());
        let passed = monotonic.saturating_sub(self.looked.swap(monotonic, Relaxed));
        let was = self.ahead.load(Relaxed);
        let behind = is.saturating_sub(was);
        if behind > AT_ONCE && monotonic.saturating_sub(*far.get_or_insert(monotonic)) < LASTS {
            return;
        }
        *far = None;
        self.ahead.store(is.max(was.saturating_sub(passed / SLOWER)), Relaxed);
    }
}

/// What wall time is ahead of monotonic time, in nanoseconds. Read in this order, it is never too much.
fn ahead(clock: &SharedClock) -> u64 {
    let wall = clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
    nanos(wall.saturating_sub(clock.monotonic()))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use proptest::prelude::*;
    use tollgate_core::Clock;

    use super::*;

    const START: u64 = 1_772_409_600;

    /// Both clocks, each by itself.
    #[derive(Clone, Debug, Default)]
    struct Clocks(Arc<(AtomicU64, AtomicU64)>);

    impl Clocks {
        fn at(wall: u64) -> (Self, Time) {
            let clocks = Self::default();
            clocks.0.1.store(wall * 1000, Relaxed);
            (clocks.clone(), Time::new(Arc::new(clocks)))
        }

        /// So many seconds pass.
        fn pass(&self, seconds: u64) {
            self.0.0.fetch_add(seconds * 1000, Relaxed);
            self.0.1.fetch_add(seconds * 1000, Relaxed);
        }

        /// So many seconds pass of which monotonic time knows nothing.
        fn sleep(&self, seconds: u64) {
            self.0.1.fetch_add(seconds * 1000, Relaxed);
        }

        fn set(&self, wall: u64) {
            self.0.1.store(wall * 1000, Relaxed);
        }
    }

    impl Clock for Clocks {
        fn monotonic(&self) -> Duration {
            Duration::from_millis(self.0.0.load(Relaxed))
        }

        fn wall(&self) -> SystemTime {
            UNIX_EPOCH + Duration::from_millis(self.0.1.load(Relaxed))
        }
    }

    #[test]
    fn a_machine_that_slept_is_not_behind() {
        let (clocks, time) = Clocks::at(START);
        clocks.pass(10);
        clocks.sleep(120);
        assert_eq!(time.now().as_secs(), START + 130);
        clocks.sleep(5);
        // There was a look within the second; whoever needs it to be right looks again.
        assert_eq!(time.now().as_secs(), START + 130);
        time.follow();
        assert_eq!(time.now().as_secs(), START + 135);
    }

    #[test]
    fn what_a_clock_was_set_on_by_counts_at_once_and_decades_after_a_minute() {
        let (clocks, time) = Clocks::at(0);
        clocks.pass(2);
        clocks.set(3_000);
        assert_eq!(time.now().as_secs(), 3_000);
        // A mistake of somebody's, of a moment.
        clocks.pass(2);
        clocks.set(START + 1_000_000_000);
        assert_eq!(time.now().as_secs(), 3_002);
        clocks.set(3_002);
        clocks.pass(2);
        assert_eq!(time.now().as_secs(), 3_004);
        clocks.set(START);
        for _ in 0..30 {
            clocks.pass(2);
            assert!(time.now().as_secs() <= 3_064);
        }
        clocks.pass(2);
        assert_eq!(time.now().as_secs(), START + 62);
    }

    #[test]
    fn where_a_clock_is_set_back_time_goes_on_more_slowly_until_they_agree() {
        let (clocks, time) = Clocks::at(START);
        clocks.pass(10);
        assert_eq!(time.now().as_secs(), START + 10);
        clocks.set(START - 20);
        for _ in 0..30 {
            clocks.pass(8);
            time.now();
        }
        assert_eq!(time.now().as_secs(), START + 220, "210 of 240 seconds");
        clocks.pass(8);
        assert_eq!(time.now().as_secs(), START + 228);
    }

    proptest! {
        #[test]
        fn whatever_the_clocks_do_time_never_goes_back_and_is_never_ahead_of_a_wall_clock_that_does_not(
            steps in prop::collection::vec((0_u64..5, 0_u64..200, -100_i64..100), 1..100),
        ) {
            let (clocks, time) = Clocks::at(START);
            let (mut last, mut highest) = (Duration::ZERO, START);
            for (pass, sleep, set) in steps {
                clocks.pass(pass);
                clocks.sleep(sleep);
                clocks.set((clocks.0.1.load(Relaxed) / 1000).saturating_add_signed(set));
                let now = time.now();
                prop_assert!(now >= last);
                highest = (highest + pass).max(clocks.0.1.load(Relaxed) / 1000);
                prop_assert!(now <= Duration::from_secs(highest));
                last = now;
            }
        }
    }
}
