//! How many numbers are asked for, at once and in a minute.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const AT_ONCE: u32 = 64;
const PER_MINUTE: u32 = 60;

#[derive(Debug)]
pub(super) struct Admission {
    in_flight: AtomicU32,
    per_minute: u32,
    /// Which minute it is, and how many were admitted in it.
    minute: Mutex<(u64, u32)>,
}

/// One of those that may be asked at once, until it is dropped.
#[derive(Debug)]
pub(super) struct Permit(Arc<Admission>);

impl Default for Admission {
    fn default() -> Self {
        Self::new(PER_MINUTE)
    }
}

impl Admission {
    pub(super) fn new(per_minute: u32) -> Self {
        Self { in_flight: AtomicU32::new(0), per_minute, minute: Mutex::default() }
    }

    /// The error is the metric's word for it.
    pub(super) fn admit(self: &Arc<Self>, now: Duration) -> Result<Permit, &'static str> {
        let count = self.in_flight.fetch_add(1, Ordering::Relaxed);
        // Made at once, so that whatever happens next counts it down again.
        let permit = Permit(Arc::clone(self));
        if count >= AT_ONCE {
            return Err("too_many_at_once");
        }
        let this = now.as_secs() / 60;
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let (latest, used) = *minute;
        // A thread whose time is a little behind counts for the minute that has begun.
        let used = if this > latest { 0 } else { used };
        if used >= self.per_minute {
            return Err("too_many_a_minute");
        }
        *minute = (this.max(latest), used + 1);
        Ok(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
