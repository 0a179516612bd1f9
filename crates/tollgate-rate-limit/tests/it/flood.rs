//! Floods of fresh addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use tollgate_core::ClientIp;
use tollgate_rate_limit::Quota;

use crate::{MINUTE, client, limiter_of, passes, passing};

/// The client in the `n`th /64, each in a /48 of its own: who sprays from fewer is held by these.
fn fresh(n: u64) -> ClientIp {
    ClientIp::asserted(Ipv6Addr::from(0x2_u128 << 124 | u128::from(n) << 80 | 1).into())
}

#[test]
fn a_million_fresh_prefixes_take_no_memory_and_free_nobody() {
    let (limiter, clock) = limiter_of(Quota::requests(5).per(MINUTE));
    let before = limiter.table_bytes();
    assert_eq!(before, 1 << 20);
    let offender = client("203.0.113.7");
    assert_eq!(passing(&limiter, offender, 10), 5);
    for n in 0..1_000_000 {
        passes(&limiter, fresh(n));
        clock.advance(Duration::from_micros(10));
    }
    assert_eq!(limiter.table_bytes(), before);
    // 10 s went by, an interval is 12 s.
    assert_eq!(passing(&limiter, offender, 10), 0);
}

#[test]
fn a_fresh_client_has_its_whole_quota_in_the_middle_of_a_flood() {
    let (limiter, _clock) = limiter_of(Quota::requests(5).per(MINUTE));
    let limiter = limiter.with_table_bytes(1 << 16).unwrap();
    for n in 0..100_000 {
        passes(&limiter, fresh(n));
    }
    // 100 clients of 20 attempts each: exactly 500, but for fingerprints that meet (8 in 2^20 for each).
    let passed: usize = (0..100).map(|n| passing(&limiter, fresh(1 << 20 | n), 20)).sum();
    assert!((490..=500).contains(&passed), "{passed}");
}

/// Spends its quota, sprays fresh prefixes over twice the table's capacity, and tries again; ten times over.
#[test]
fn an_evader_gets_what_an_unbounded_table_would_give_it() {
    for bytes in [1 << 16, 1 << 18] {
        let (limiter, clock) = limiter_of(Quota::requests(5).per(MINUTE));
        let limiter = limiter.with_table_bytes(bytes).unwrap();
        let (oracle, oracle_clock) = limiter_of(Quota::requests(5).per(MINUTE));
        let evader = client("203.0.113.7");
        let (mut passed, mut due) = (0, 0);
        let mut next = 0;
        for _ in 0..10 {
            passed += passing(&limiter, evader, 5);
            due += passing(&oracle, evader, 5);
            for _ in 0..2 * bytes / 8 {
                passes(&limiter, fresh(next));
                next += 1;
                // 100,000 addresses a second.
                clock.advance(Duration::from_micros(10));
                oracle_clock.advance(Duration::from_micros(10));
            }
        }
        // An entry can be pushed out once it owes less than one request, which is what is then given away.
        assert!(passed <= due + 1, "{bytes}: {passed} instead of {due}");
    }
}

/// 100,000 fresh /64s a second for twenty seconds, in a table of 1 MiB: 12,500 people make four requests each of the
/// five that they may make in a minute, and one client hammers.
#[test]
fn under_a_spray_no_honest_request_is_refused_and_a_limited_client_gets_its_quota() {
    const SPRAYED: u64 = 2_000_000;
    const EVERY: u64 = SPRAYED / 50_000;
    let (limiter, clock) = limiter_of(Quota::requests(5).per(MINUTE));
    let offender = client("203.0.113.7");
    let (mut refused, mut asked, mut hammered) = (0, 0, 0);
    for n in 0..SPRAYED {
        passes(&limiter, fresh(n));
        clock.advance(Duration::from_micros(10));
        if n % EVERY == 0 {
            // Half of them have IPv6.
            let person = n / EVERY % 12_500;
            let addr = match person % 2 {
                0 => Ipv4Addr::from(0xc633_0000 + person as u32).into(),
                _ => IpAddr::from(Ipv6Addr::from(0x3_u128 << 124 | u128::from(person) << 80 | 1)),
            };
            asked += 1;
            refused += u32::from(!passes(&limiter, ClientIp::asserted(addr)));
        }
        if n % 1000 == 0 {
            hammered += u32::from(passes(&limiter, offender));
        }
    }
    assert_eq!((asked, refused), (50_000, 0));
    // Five at once, and one after 12 s.
    assert_eq!(hammered, 6);
}
