//! How much memory the bodies that are being read may take together.

use std::sync::Arc;

use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tollgate::core::{Refusal, RefusalKind};

/// Bodies of the largest size that fit at once.
const LARGEST_AT_ONCE: usize = 64;

/// Counts in KiB. A body takes its declared length, one that declares none the largest there may be.
#[derive(Clone, Debug)]
pub(crate) struct BodyBudget {
    left: Arc<Semaphore>,
    largest: u32,
}

impl BodyBudget {
    pub(crate) fn new(max_body: usize) -> Self {
        let largest = u32::try_from(max_body.div_ceil(1024)).unwrap_or(u32::MAX);
        let left = (largest as usize * LARGEST_AT_ONCE).min(Semaphore::MAX_PERMITS);
        Self { left: Arc::new(Semaphore::new(left)), largest }
    }

    /// A body's part, given back when dropped. A body over the limit is refused later, for its length.
    pub(crate) fn take(&self, headers: &HeaderMap) -> Result<OwnedSemaphorePermit, Refusal> {
        let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let kib = declared.map_or(self.largest, |bytes| {
            u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).min(self.largest)
        });
        Arc::clone(&self.left).try_acquire_many_owned(kib).map_err(|_| {
            Refusal::new(
                RefusalKind::Overloaded,
                "too many large bodies at once, nothing was sent: try again, and send the Content-Length",
            )
            .with_retry_after(std::time::Duration::from_secs(1))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_bodies_are_many_and_bodies_of_unknown_length_few() {
        let budget = BodyBudget::new(8 << 20);
        let mut small = HeaderMap::new();
        small.insert(CONTENT_LENGTH, 300.into());
        let unknown: Vec<_> = (0..63).map(|_| budget.take(&HeaderMap::new()).unwrap()).collect();
        let many: Vec<_> = (0..8192).map(|_| budget.take(&small).unwrap()).collect();
        assert_eq!(budget.take(&small).unwrap_err().kind(), RefusalKind::Overloaded);
        drop((unknown, many));
        assert!(budget.take(&HeaderMap::new()).is_ok());
    }
}
