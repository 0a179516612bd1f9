//! How much memory the bodies that are being read may take together.

use std::sync::Arc;

use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tollgate::core::{Refusal, RefusalKind};

/// Bodies of the largest size that fit at once.
const LARGEST_AT_ONCE: u32 = 64;

/// In KiB: up to here a body is small, as that of every single message is.
const SMALL: u32 = 64;

/// What small bodies may take together, in KiB.
const SMALL_TOGETHER: u32 = 256 << 10;

/// Counts in KiB. A body takes its declared length, one that declares none the largest there may be. Small ones have a
/// part of their own, so that a few large or slow ones cannot keep single messages out.
#[derive(Clone, Debug)]
pub(crate) struct BodyBudget {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    largest: u32,
}

impl BodyBudget {
    pub(crate) fn new(max_body: usize) -> Self {
        let largest = u32::try_from(max_body.div_ceil(1024)).unwrap_or(u32::MAX);
        let pool = |kib: u32| Arc::new(Semaphore::new((kib as usize).min(Semaphore::MAX_PERMITS)));
        Self { small: pool(SMALL_TOGETHER), large: pool(largest.saturating_mul(LARGEST_AT_ONCE)), largest }
    }

    /// A body's part, given back when dropped. A body over the limit is refused later, for its length.
    pub(crate) fn take(&self, headers: &HeaderMap) -> Result<OwnedSemaphorePermit, Refusal> {
        let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let kib = declared.map_or(self.largest, |bytes| {
            u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).min(self.largest)
        });
        let pool = if declared.is_some() && kib <= SMALL { &self.small } else { &self.large };
        Arc::clone(pool).try_acquire_many_owned(kib).map_err(|_| {
            Refusal::new(
                RefusalKind::Overloaded,
                "too many bodies at once, nothing was sent: try again, and send the Content-Length",
            )
            .with_retry_after(std::time::Duration::from_secs(1))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_unknown_length_are_few_and_keep_no_single_message_out() {
        let budget = BodyBudget::new(8 << 20);
        let unknown: Vec<_> = (0..64).map(|_| budget.take(&HeaderMap::new()).unwrap()).collect();
        assert_eq!(budget.take(&HeaderMap::new()).unwrap_err().kind(), RefusalKind::Overloaded);
        let mut small = HeaderMap::new();
        small.insert(CONTENT_LENGTH, 300.into());
        assert!(budget.take(&small).is_ok());
        drop(unknown);
        assert!(budget.take(&HeaderMap::new()).is_ok());
    }
}
