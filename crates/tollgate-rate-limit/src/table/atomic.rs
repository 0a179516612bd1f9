use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// A slot's cell: the machine's, or in tests the one of a model checker that tries every order of its accesses.
///
/// Relaxed order is enough: all that is known of a key is in this one integer.
pub(crate) trait Atomic {
    fn empty() -> Self;

    fn load(&self) -> u64;

    /// False when somebody was faster.
    fn replace(&self, current: u64, new: u64) -> bool;
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
}
