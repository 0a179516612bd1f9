//! Who is asked: our limiter, and governor over DashMap, which is what tower_governor asks.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, RateLimiter};
use http::Request;
use tollgate_core::ClientIp;
use tollgate_rate_limit::{Limit, Limiter, Quota};

use crate::keys::Keys;

/// So wide that nothing is ever refused, and each decision is a write.
pub(crate) const WIDE: Quota = Quota::requests(62_500).per(Duration::from_secs(1)).burst(u32::MAX);

/// Both, asked once about every key, so that no insertion is timed.
pub(crate) struct Rivals {
    pub(crate) ours: Limiter,
    pub(crate) theirs: DefaultKeyedRateLimiter<IpAddr>,
    pub(crate) addresses: Arc<[IpAddr]>,
    pub(crate) clients: Arc<[ClientIp]>,
}

impl Rivals {
    pub(crate) fn new(keys: Keys) -> Self {
        let addresses = keys.addresses();
        let clients: Arc<[ClientIp]> = addresses.iter().copied().map(ClientIp::asserted).collect();
        // Room for twice the keys on the level of hosts, which has half of the memory: 32 MiB for a million.
        let bytes = (keys.count as usize * 32).next_power_of_two().max(1 << 20);
        let ours = Limiter::new([Limit::new("wide", WIDE)]).unwrap().with_table_bytes(bytes).unwrap();
        // A period below a nanosecond would be none at all.
        let quota = governor::Quota::with_period(Duration::from_nanos(1)).unwrap();
        let theirs = RateLimiter::keyed(quota.allow_burst(NonZeroU32::MAX));
        let request = Request::new(());
        for (client, address) in clients.iter().zip(addresses.iter()) {
            assert!(ours.check(*client, &(&request).into()).is_pass());
            assert!(theirs.check_key(address).is_ok());
        }
        Self { ours, theirs, addresses, clients }
    }
}
