use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where time comes from. Nothing else in Tollgate reads it; decisions take it as a value.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Monotonic time since an epoch of the clock's own choosing; never goes back.
    fn monotonic(&self) -> Duration;

    /// Wall time; may jump.
    fn wall(&self) -> SystemTime;
}

/// A clock as layers hold it.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clocks. Monotonic time counts from when this was made.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock that starts now.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }

    /// A system clock as layers hold it.
    #[must_use]
    pub fn shared() -> SharedClock {
        Arc::new(Self::new())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    #[allow(clippy::disallowed_methods, reason = "this is the clock")]
    fn wall(&self) -> SystemTime {
        SystemTime::now()
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
}
