//! Monotonic time from the processor's time-stamp counter, where the kernel takes its own from there too.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// One for the process: to make one asks the processor what it can, which is slow in a virtual machine.
static SOURCE: LazyLock<Source> = LazyLock::new(Source::new);

/// Nanoseconds since the process first asked. Never goes back, but for a microsecond between two threads.
#[inline]
pub(super) fn nanos() -> u64 {
    SOURCE.nanos()
}

enum Source {
    Counter(Counter),
    Os(Instant),
}

impl Source {
    #[allow(clippy::disallowed_methods, reason = "this is the clock")]
    fn new() -> Self {
        if kernel_uses_counter() { Self::Counter(Counter::new()) } else { Self::Os(Instant::now()) }
    }

    #[inline]
    fn nanos(&self) -> u64 {
        match self {
            Self::Counter(counter) => counter.nanos(),
            Self::Os(start) => u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX),
        }
    }
}

/// Whether Linux has found the counter good enough for itself: the processor's word alone says nothing of machines whose
/// counters differ from core to core. Elsewhere nobody says so, and the operating system's clock is used.
fn kernel_uses_counter() -> bool {
    const CURRENT: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    cfg!(all(target_os = "linux", target_arch = "x86_64"))
        && std::fs::read_to_string(CURRENT).is_ok_and(|source| source.trim() == "tsc")
}

struct Counter {
    clock: quanta::Clock,
    start: u64,
    /// The latest time that was told, but for a millisecond.
    latest: AtomicU64,
    /// How far the counter was set back, all times together.
    set_back: AtomicU64,
}

const MILLISECOND: u64 = 1_000_000;

/// More than any two cores differ by, and less than anybody would notice.
const JUMP: u64 = 10 * MILLISECOND;

impl Counter {
    fn new() -> Self {
        let clock = quanta::Clock::new();
        Self { start: clock.raw(), clock, latest: AtomicU64::new(0), set_back: AtomicU64::new(0) }
    }

    #[inline]
    fn nanos(&self) -> u64 {
        // Before the counter: whoever is held up in between reads a later time, and never an earlier one.
        let (latest, set_back) = (self.latest.load(Relaxed), self.set_back.load(Relaxed));
        let nanos = self.clock.delta_as_nanos(self.start, self.clock.raw()) + set_back;
        if nanos.wrapping_sub(latest) < MILLISECOND { nanos } else { self.note(nanos, latest, set_back) }
    }

    #[cold]
    fn note(&self, nanos: u64, latest: u64, set_back: u64) -> u64 {
        if nanos >= latest {
            self.latest.fetch_max(nanos, Relaxed);
            return nanos;
        }
        let behind = latest - nanos;
        if behind < JUMP {
            return nanos;
        }
        // By a machine that slept, or was moved to another one. Time goes on from where it was; when two threads notice,
        // one of them says so.
        let _ = self.set_back.compare_exchange(set_back, set_back + behind, Relaxed, Relaxed);
        latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_is_set_back_goes_on_from_where_it_was() {
        let (clock, mock) = quanta::Clock::mock();
        let counter =
            Counter { start: clock.raw(), clock, latest: AtomicU64::new(0), set_back: AtomicU64::new(0) };
        mock.increment(5_000 * MILLISECOND);
        assert_eq!(counter.nanos(), 5_000 * MILLISECOND);
        mock.decrement(4_000 * MILLISECOND);
        assert_eq!(counter.nanos(), 5_000 * MILLISECOND);
        mock.increment(MILLISECOND / 2);
        assert_eq!(counter.nanos(), 5_000 * MILLISECOND + MILLISECOND / 2);
        // To before the start.
        mock.decrement(1_000 * MILLISECOND);
        mock.increment(10 * MILLISECOND);
        assert!(counter.nanos() >= 5_000 * MILLISECOND);
        let before = counter.nanos();
        mock.increment(100 * MILLISECOND);
        assert!(counter.nanos() > before);
    }

    #[test]
    fn a_read_that_is_a_little_behind_is_no_jump() {
        let (clock, mock) = quanta::Clock::mock();
        let counter =
            Counter { start: clock.raw(), clock, latest: AtomicU64::new(0), set_back: AtomicU64::new(0) };
        mock.increment(5_000 * MILLISECOND);
        counter.nanos();
        mock.decrement(1_000);
        assert_eq!(counter.nanos(), 5_000 * MILLISECOND - 1_000);
        assert_eq!(counter.set_back.load(Relaxed), 0);
    }
}
