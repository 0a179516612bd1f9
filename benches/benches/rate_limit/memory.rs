//! What ten million addresses leave behind.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::RateLimiter;
use http::Request;
use tollgate_benches::Table;
use tollgate_core::ClientIp;
use tollgate_rate_limit::{Limit, Limiter, Quota};

use crate::Targets;

const ADDRESSES: u64 = 10_000_000;

fn address(n: u64) -> IpAddr {
    Ipv6Addr::from(0x2_u128 << 124 | u128::from(n) << 64 | 1).into()
}

/// The process's resident memory in KiB; zero where there is no /proc.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or_default()
}

/// What asking for every address takes, the memory of what is asked included.
fn spray<L>(limiter: impl FnOnce() -> L, mut ask: impl FnMut(&L, IpAddr)) -> (L, u64, Duration) {
    let before = resident();
    let limiter = limiter();
    let start = Instant::now();
    for n in 0..ADDRESSES {
        ask(&limiter, address(n));
    }
    (limiter, resident().saturating_sub(before), start.elapsed())
}

pub(crate) fn print(targets: &mut Targets) {
    let request = Request::new(());
    let quota = Quota::requests(5).per(Duration::from_secs(60));
    let (limiter, ours, our_time) = spray(
        || Limiter::new([Limit::new("a", quota)]).unwrap(),
        |limiter, addr| drop(limiter.check(ClientIp::asserted(addr), &(&request).into())),
    );
    let (_governor, grown, their_time) = spray(
        || RateLimiter::keyed(governor::Quota::per_minute(NonZeroU32::new(5).unwrap())),
        |governor, addr| drop(governor.check_key(&addr)),
    );
    println!("After ten million fresh /64s, KiB of resident memory more than before\n");
    let mut table = Table::new(["", "KiB more", "seconds"]);
    for (name, kib, time) in [("ours", ours, our_time), ("governor over DashMap", grown, their_time)] {
        table.row([name.to_owned(), kib.to_string(), format!("{:.1}", time.as_secs_f64())]);
    }
    println!("{table}");
    targets.at_most("table after the spray, MiB", 1.0, limiter.table_bytes() as f64 / f64::from(1 << 20));
    targets.at_most("resident memory of it, KiB", 1_200.0, ours as f64);
}
