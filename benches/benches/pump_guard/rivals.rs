//! The rival: governor, by address and by number, as an endpoint that sends codes is usually limited.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::traffic::Press;

/// Six an hour of an address, and four a day of a number.
pub(crate) struct Rival {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    numbers: DefaultKeyedRateLimiter<u64>,
}

impl Rival {
    pub(crate) fn new() -> Self {
        let quota = |every: Duration, burst: u32| {
            Quota::with_period(every).unwrap().allow_burst(NonZeroU32::new(burst).unwrap())
        };
        Self {
            addresses: RateLimiter::keyed(quota(Duration::from_secs(600), 6)),
            numbers: RateLimiter::keyed(quota(Duration::from_secs(6 * 3600), 4)),
        }
    }

    /// Whether its message goes out.
    pub(crate) fn check(&self, press: &Press) -> bool {
        self.addresses.check_key(&press.address).is_ok() && self.numbers.check_key(&press.digits).is_ok()
    }

    pub(crate) fn keys(&self) -> usize {
        self.addresses.len() + self.numbers.len()
    }
}
