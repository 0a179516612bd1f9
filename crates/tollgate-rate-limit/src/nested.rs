//! Notices a limiter that is asked twice on the way of one request.
//!
//! Which limiters a request is inside of is known to the thread, for as long as it runs the service behind them. An
//! entry in the request's extensions would say it too, and cost an allocation for each request.

use std::cell::Cell;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

thread_local! {
    /// The innermost four, the last entered first; 0 is none.
    static INSIDE: Cell<[u32; 4]> = const { Cell::new([0; 4]) };
}

/// A limiter's mark: a number of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(u32);

impl Mark {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self(NEXT.fetch_add(1, Relaxed).max(1))
    }

    /// Whether this thread is inside of it.
    #[inline]
    pub(crate) fn is_on(self) -> bool {
        INSIDE.get().contains(&self.0)
    }

    /// Is inside of it until the guard is dropped.
    #[inline]
    pub(crate) fn enter(self) -> Inside {
        let outer = INSIDE.get();
        let [first, second, third, _] = outer;
        INSIDE.set([self.0, first, second, third]);
        Inside { outer }
    }
}

#[derive(Debug)]
pub(crate) struct Inside {
    outer: [u32; 4],
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        INSIDE.set(self.outer);
    }
}
