//! One decision, its clock read included: ours, and governor's over DashMap, which is what tower_governor asks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::RateLimiter;
use http::Request;
use tollgate_benches::{Contender, Effort, Table, allocations, nanoseconds, race};
use tollgate_core::ClientIp;
use tollgate_rate_limit::{Limit, Limiter, Quota};

use crate::Targets;

/// So wide that nothing is ever refused, and each decision is a write.
fn ours(keys: usize) -> Limiter {
    let quota = Quota::requests(62_500).per(Duration::from_secs(1)).burst(u32::MAX);
    // Room for twice the keys on the level of hosts, which has half of the memory.
    let bytes = (keys * 8 * 4).max(1 << 20);
    Limiter::new([Limit::new("wide", quota)]).unwrap().with_table_bytes(bytes).unwrap()
}

fn theirs() -> governor::DefaultKeyedRateLimiter<IpAddr> {
    let most = NonZeroU32::new(u32::MAX).unwrap();
    RateLimiter::keyed(governor::Quota::per_second(most))
}

fn v4(n: u32) -> IpAddr {
    Ipv4Addr::from(n.wrapping_mul(2_654_435_761)).into()
}

/// The `n`th /64 of as many /48s.
fn v6(n: u32) -> IpAddr {
    Ipv6Addr::from(0x2_u128 << 124 | u128::from(n) << 80 | 1).into()
}

/// Gives its items in no order that a prefetcher knows.
struct Shuffled<T> {
    items: Vec<T>,
    state: u64,
}

impl<T: Copy> Shuffled<T> {
    fn new(items: Vec<T>) -> Self {
        Self { items, state: 0x9e37_79b9_7f4a_7c15 }
    }

    fn next(&mut self) -> T {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.items[((self.state >> 32) as usize * self.items.len()) >> 32]
    }
}

pub(crate) fn print(targets: &mut Targets, effort: Effort) {
    println!(
        "A decision, in ns: medians of short batches in turn; ours also with the 5th and 99th hundredth\n"
    );
    let mut table = Table::new(["", "ours", "5 %", "99 %", "governor", "ours / governor"]);
    for (family, make) in [("IPv4", v4 as fn(u32) -> IpAddr), ("IPv6, three levels", v6)] {
        for keys in [1_usize, 10_000, 1_000_000] {
            let (ours, theirs) = (ours(keys), theirs());
            let addrs: Vec<IpAddr> = (0..keys as u32).map(make).collect();
            let request = Request::new(());
            for addr in &addrs {
                assert!(ours.check(ClientIp::asserted(*addr), &(&request).into()).is_pass());
                assert!(theirs.check_key(addr).is_ok());
            }
            let mut clients = Shuffled::new(addrs.iter().map(|addr| ClientIp::asserted(*addr)).collect());
            let mut keyed = Shuffled::new(addrs);
            let mut contenders = [
                Contender::new("ours", || ours.check(clients.next(), &(&request).into()).is_pass()),
                Contender::new("governor", || theirs.check_key(&keyed.next()).is_ok()),
            ];
            let laps = race(&mut contenders, effort);
            let ratio = laps[0].times(&laps[1]);
            let mut row = vec![format!("{family}, {keys} keys")];
            row.extend([0.5, 0.05, 0.99].map(|share| nanoseconds(laps[0].quantile(share))));
            row.extend([nanoseconds(laps[1].median()), format!("{ratio:.2}")]);
            table.row(row);
            if let Some(limit) = [(10_000, 0.6), (1_000_000, 0.55)].iter().find(|(at, _)| *at == keys) {
                targets.at_most(format!("decision over governor's, {family}, {keys} keys"), limit.1, ratio);
            }
        }
    }
    println!("{table}");
    let (limiter, request) = (ours(1), Request::new(()));
    let client = ClientIp::asserted(v6(1));
    let calls = allocations(|| limiter.check(client, &(&request).into()).is_pass()).calls;
    targets.at_most("allocations of a decision", 0.0, calls as f64);
}
