//! Notices a limiter that is asked twice on the way of one request.
//!
//! Which limiters a request is inside of is known to the thread, for as long as it runs the service behind them. An
//! entry in the request's extensions would say it too, and cost an allocation for each request.

use std::cell::Cell;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

thread_local! {
    static INSIDE: Cell<u64> = const { Cell::new(0) };
}

/// A limiter's mark: a bit of its own for the first 64 of a process, none for later ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(u64);

impl Mark {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self(1_u64.checked_shl(NEXT.fetch_add(1, Relaxed)).unwrap_or(0))
    }

    /// Whether this thread is inside of it.
    #[inline]
    pub(crate) fn is_on(self) -> bool {
        INSIDE.get() & self.0 != 0
    }

    /// Is inside of it until the guard is dropped.
    #[inline]
    pub(crate) fn enter(self) -> Inside {
        let outer = INSIDE.get();
        INSIDE.set(outer | self.0);
        Inside { outer }
    }
}

#[derive(Debug)]
pub(crate) struct Inside {
    outer: u64,
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        INSIDE.set(self.outer);
    }
}
