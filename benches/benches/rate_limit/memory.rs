//! What ten million addresses leave behind.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::RateLimiter;
use http::Request;
use tollgate_benches::{Table, Targets};
use tollgate_core::ClientIp;
use tollgate_rate_limit::{Limit, Limiter, Quota};

const ADDRESSES: u64 = 10_000_000;

/// How many addresses between two looks at the memory, as a look takes microseconds. The moment in which one shard has
/// its old table beside the new one is seldom seen.
const BETWEEN_LOOKS: u64 = 1 << 16;

/// The `n`th /64: one after the other, 65,536 to a /48.
fn address(n: u64) -> IpAddr {
    Ipv6Addr::from(0x2_u128 << 124 | u128::from(n) << 64 | 1).into()
}

/// The process's resident memory in KiB, all of it, where a page is 4 KiB; zero where there is no /proc.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * 4
}

/// What asking for every address took, the memory of what is asked included.
struct Spray {
    /// KiB of resident memory more than before, once all were asked for.
    grown: u64,
    /// The most of it at any look.
    peak: u64,
    took: Duration,
}

/// Gives back what was asked too: dropped earlier, its memory would be the next one's.
fn spray<L>(limiter: impl FnOnce() -> L, mut ask: impl FnMut(&L, IpAddr)) -> (L, Spray) {
    let before = resident();
    let limiter = limiter();
    let mut peak = 0;
    let start = Instant::now();
    for n in 0..ADDRESSES {
        ask(&limiter, address(n));
        if n % BETWEEN_LOOKS == 0 {
            peak = peak.max(resident().saturating_sub(before));
        }
    }
    let took = start.elapsed();
    let grown = resident().saturating_sub(before);
    (limiter, Spray { grown, peak: peak.max(grown), took })
}

/// To be called before all else: memory that was freed before and is still the process's would hide growth.
pub(crate) fn print(targets: &mut Targets) {
    let request = Request::new(());
    let quota = Quota::requests(5).per(Duration::from_secs(60));
    // The first call of a function brings its code in, which no table has grown by: a small limiter that is full, and
    // is kept so that its memory is not the next one's.
    let small = Limiter::new([Limit::new("per-minute", quota)]).unwrap().with_table_bytes(1 << 16).unwrap();
    for n in 0..BETWEEN_LOOKS {
        drop(small.check(ClientIp::asserted(address(n)), &(&request).into()));
    }
    resident();
    let mut at_first = 0;
    let (limiter, ours) = spray(
        || {
            let limiter = Limiter::new([Limit::new("per-minute", quota)]).unwrap();
            at_first = limiter.table_bytes();
            limiter
        },
        |limiter, addr| drop(limiter.check(ClientIp::asserted(addr), &(&request).into())),
    );
    let (governor, theirs) = spray(
        || RateLimiter::keyed(governor::Quota::per_minute(NonZeroU32::new(5).unwrap())),
        |governor, addr| drop(governor.check_key(&addr)),
    );
    println!(
        "\nTen million fresh IPv6 /64s: KiB of resident memory more than before, at its end and the most seen on the way\n"
    );
    let mut table = Table::new(["", "at the end", "most seen", "seconds", "ns an address"]);
    for (name, spray) in [("ours", &ours), ("governor over DashMap", &theirs)] {
        let seconds = spray.took.as_secs_f64();
        let times = [format!("{seconds:.1}"), format!("{:.0}", seconds * 1e9 / ADDRESSES as f64)];
        table
            .row([name.to_owned(), spray.grown.to_string(), spray.peak.to_string()].into_iter().chain(times));
    }
    println!("{table}");
    println!("Our table: {at_first} bytes before, {} after.", limiter.table_bytes());
    println!("governor keeps {} keys until it is told to forget.", governor.len());
    targets.count("table after the spray, bytes", 1 << 20, limiter.table_bytes() as u64);
    targets.count("resident memory of the spray at most, KiB", 1_200, ours.peak);
}
