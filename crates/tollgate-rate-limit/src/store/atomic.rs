use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{self, AtomicU64};

/// A slot's cell: the machine's, or in tests the one of a model checker that tries every order of its accesses.
///
/// Relaxed order is enough for it, but for the fence: all that is known of a key is in this one integer, unless it was
/// inserted twice.
pub(crate) trait Atomic {
    fn empty() -> Self;

    fn load(&self) -> u64;

    /// False when somebody was faster.
    fn replace(&self, current: u64, new: u64) -> bool;

    /// Of two threads that each change a cell, pass this, and load the other's cell, at least one sees the change.
    fn fence();
}

impl Atomic for AtomicU64 {
    fn empty() -> Self {
        Self::new(0)
    }

    #[inline]
    fn load(&self) -> u64 {
        self.load(Relaxed)
    }

    #[inline]
    fn replace(&self, current: u64, new: u64) -> bool {
        self.compare_exchange(current, new, Relaxed, Relaxed).is_ok()
    }

    #[inline]
    fn fence() {
        atomic::fence(SeqCst);
    }
}
