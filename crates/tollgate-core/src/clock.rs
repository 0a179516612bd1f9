mod counter;

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where time comes from. Nothing else in Tollgate reads it; decisions take it as a value.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Monotonic time since an epoch of the clock's own choosing; never goes back. Two threads may disagree by a
    /// microsecond.
    fn monotonic(&self) -> Duration;

    /// Wall time; may jump.
    fn wall(&self) -> SystemTime;
}

/// A clock as layers hold it.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clocks. Monotonic time counts from when this was made.
///
/// On Linux, where the kernel itself goes by the processor's time-stamp counter, monotonic time is read from it, for less
/// than half of what the operating system's clock costs; elsewhere it is the operating system's. The first of these that
/// is made in a process measures the counter, which takes about a millisecond, and at most 200: make it before requests
/// are served.
///
/// A thread's own reads never go back, also when the counter is set back (a machine that slept or was moved). But one
/// thread's read may be a microsecond behind what another has told it: subtract with `saturating_sub`. NTP does not
/// correct the rate, so that it may drift from the operating system's clock by a few seconds a day.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    /// In nanoseconds.
    start: u64,
}

impl SystemClock {
    /// A clock that starts now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: counter::nanos() }
    }

    /// A system clock as layers hold it.
    #[must_use]
    pub fn shared() -> SharedClock {
        Arc::new(Self::new())
    }

    /// [`Clock::wall`] without a clock, for whoever needs no monotonic time.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn wall_now() -> SystemTime {
        SystemTime::now()
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[inline]
    fn monotonic(&self) -> Duration {
        Duration::from_nanos(counter::nanos().saturating_sub(self.start))
    }

    fn wall(&self) -> SystemTime {
        Self::wall_now()
    }
}

/// A clock that moves when told to. Clones show the same time.
///
/// ```
/// use std::time::Duration;
/// use tollgate_core::{Clock, FakeClock};
///
/// let clock = FakeClock::new();
/// let before = clock.monotonic();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.monotonic() - before, Duration::from_secs(60));
/// ```
#[derive(Clone, Debug, Default)]
pub struct FakeClock {
    monotonic_nanos: Arc<AtomicU64>,
    /// What wall time is ahead of `EPOCH + monotonic`, in nanoseconds: jumps are negative or positive.
    wall_offset_nanos: Arc<AtomicI64>,
}

impl FakeClock {
    /// Where a fake clock's wall time starts: 2026-01-01T00:00:00Z.
    pub const EPOCH: Duration = Duration::from_secs(1_767_225_600);

    /// A clock that stands still at monotonic zero and [`FakeClock::EPOCH`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves both times on.
    pub fn advance(&self, by: Duration) {
        self.monotonic_nanos.fetch_add(nanos(by), Ordering::Relaxed);
    }

    /// Sets the wall clock back, as a correction of the machine's clock would.
    pub fn jump_back(&self, by: Duration) {
        let by = i64::try_from(nanos(by)).unwrap_or(i64::MAX);
        self.wall_offset_nanos.fetch_sub(by, Ordering::Relaxed);
    }

    /// Sets the wall clock on, as a correction would, or a sleep of which monotonic time does not know.
    pub fn jump_on(&self, by: Duration) {
        let by = i64::try_from(nanos(by)).unwrap_or(i64::MAX);
        self.wall_offset_nanos.fetch_add(by, Ordering::Relaxed);
    }
}

impl Clock for FakeClock {
    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.monotonic_nanos.load(Ordering::Relaxed))
    }

    fn wall(&self) -> SystemTime {
        let wall = UNIX_EPOCH + Self::EPOCH + self.monotonic();
        let offset = self.wall_offset_nanos.load(Ordering::Relaxed);
        let distance = Duration::from_nanos(offset.unsigned_abs());
        if offset < 0 { wall.checked_sub(distance).unwrap_or(UNIX_EPOCH) } else { wall + distance }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_set_back_leaves_monotonic_time_alone() {
        let clock = FakeClock::new();
        clock.advance(Duration::from_secs(100));
        clock.jump_back(Duration::from_secs(30));
        assert_eq!(clock.monotonic(), Duration::from_secs(100));
        assert_eq!(clock.wall(), UNIX_EPOCH + FakeClock::EPOCH + Duration::from_secs(70));
    }

    #[test]
    fn ten_thousand_reads_in_a_row_never_go_back() {
        let clock = SystemClock::new();
        let reads: Vec<_> = (0..10_000).map(|_| clock.monotonic()).collect();
        assert!(reads.is_sorted());
        assert!(reads[0] < Duration::from_secs(1) && reads[9_999] > Duration::ZERO);
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "what the clock is held against")]
    fn two_hundred_milliseconds_are_as_long_as_the_operating_system_says() {
        let clock = SystemClock::new();
        // The machine may be busy between two reads that belong together: then once more.
        let agrees = (0..5).any(|_| {
            let (start, before) = (std::time::Instant::now(), clock.monotonic());
            std::thread::sleep(Duration::from_millis(200));
            let (theirs, ours) = (start.elapsed(), clock.monotonic() - before);
            ours.abs_diff(theirs) < theirs / 100
        });
        assert!(agrees);
    }
}
