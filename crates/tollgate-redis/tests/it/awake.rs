//! Time as far as the machine lets this process run: one that stands still for a while fails no test.

use std::sync::LazyLock;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(1);

/// Ticks of a thread that sleeps again and again: while the machine stands still there is only one.
static TICKS: LazyLock<&'static AtomicU32> = LazyLock::new(|| {
    let ticks: &AtomicU32 = Box::leak(Box::default());
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(TICK);
            ticks.fetch_add(1, Relaxed);
        }
    });
    ticks
});

#[derive(Clone, Copy)]
pub(crate) struct Awake(u32);

impl Awake {
    pub(crate) fn now() -> Self {
        Self(TICKS.load(Relaxed))
    }

    /// A little less than that, on a machine that does what it should.
    pub(crate) fn elapsed(self) -> Duration {
        TICK * TICKS.load(Relaxed).wrapping_sub(self.0)
    }
}
