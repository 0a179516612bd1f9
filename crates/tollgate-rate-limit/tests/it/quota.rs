//! One limit, one client, exact time.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::FakeRelativeClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use proptest::prelude::*;
use tollgate_core::{Clock, FakeClock};
use tollgate_rate_limit::{GovernorStore, Quota};

use crate::{MINUTE, SECOND, TICK, client, limiter_of, passes, passing, wait};

const NANOSECOND: Duration = Duration::from_nanos(1);

#[test]
fn a_quiet_client_gets_its_burst_and_then_one_every_interval() {
    let (limiter, clock) = limiter_of(Quota::requests(6).per(MINUTE).burst(3));
    let client = client("203.0.113.7");
    assert_eq!(passing(&limiter, client, 10), 3);
    for _ in 0..5 {
        clock.advance(10 * SECOND);
        assert_eq!(passing(&limiter, client, 10), 1);
    }
    clock.advance(MINUTE);
    assert_eq!(passing(&limiter, client, 10), 3);
}

#[test]
fn a_clock_that_stands_still_at_zero_gives_exactly_the_burst() {
    let (limiter, _clock) = limiter_of(Quota::requests(100).per(SECOND));
    assert_eq!(passing(&limiter, client("203.0.113.7"), 1000), 100);
}

#[test]
fn waiting_exactly_as_long_as_told_lets_one_through_and_a_nanosecond_less_does_not() {
    for (quota, start) in [
        (Quota::requests(3).per(MINUTE), Duration::ZERO),
        (Quota::requests(7).per(MINUTE).burst(2), 12_345 * NANOSECOND),
        (Quota::requests(1_000).per(SECOND).burst(1), 15_999 * NANOSECOND),
        (Quota::requests(1).per(366 * 1440 * MINUTE), 9 * 366 * 1440 * MINUTE),
    ] {
        let (limiter, clock) = limiter_of(quota);
        let client = client("203.0.113.7");
        clock.advance(start);
        while passes(&limiter, client) {}
        let told = wait(&limiter, client).unwrap();
        clock.advance(told - NANOSECOND);
        assert_eq!(wait(&limiter, client), Some(NANOSECOND), "{quota}");
        clock.advance(NANOSECOND);
        assert_eq!(passing(&limiter, client, 2), 1, "{quota}");
    }
}

#[test]
fn a_refused_attempt_costs_nothing() {
    let (limiter, clock) = limiter_of(Quota::requests(1).per(MINUTE));
    let client = client("203.0.113.7");
    assert!(passes(&limiter, client));
    for _ in 0..59 {
        clock.advance(SECOND);
        assert_eq!(passing(&limiter, client, 100), 0);
    }
    clock.advance(SECOND);
    assert!(passes(&limiter, client));
}

#[test]
fn the_wait_of_a_round_quota_is_a_round_number_of_seconds() {
    let (limiter, _clock) = limiter_of(Quota::requests(3).per(MINUTE));
    let client = client("203.0.113.7");
    assert_eq!(passing(&limiter, client, 3), 3);
    assert_eq!(wait(&limiter, client), Some(20 * SECOND));
}

/// The algorithm without rounding: time in nanoseconds × requests, so that the interval is the period.
struct Exact {
    requests: u128,
    period: u128,
    tolerance: u128,
    tat: u128,
}

impl Exact {
    fn new(requests: u32, period: Duration, burst: u32) -> Self {
        let period = period.as_nanos();
        Self { requests: requests.into(), period, tolerance: period * u128::from(burst - 1), tat: 0 }
    }

    fn passes(&mut self, now: Duration) -> bool {
        let now = now.as_nanos() * self.requests;
        let passes = self.tat.saturating_sub(now) <= self.tolerance;
        if passes {
            self.tat = self.tat.max(now) + self.period;
        }
        passes
    }
}

/// Gaps from nothing to twice the interval, many of them nothing.
fn gaps(most: u64) -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(prop_oneof![Just(0), 0..=most / 8, 0..=most], 1..200)
}

proptest! {
    #[test]
    fn no_window_holds_more_than_the_burst_and_what_came_back_in_it(
        requests in 1u32..500,
        period_ms in 20u64..100_000,
        burst in 1u32..20,
        start in 0u64..u64::MAX / 2,
        gaps in prop::collection::vec(prop::option::of(0u64..20_000_000), 1..200),
    ) {
        let period = Duration::from_millis(period_ms);
        let (limiter, clock) = limiter_of(Quota::requests(requests).per(period).burst(burst));
        let client = client("203.0.113.7");
        clock.advance(Duration::from_nanos(start));
        let mut passed = Vec::new();
        for gap in gaps {
            // The worst client: comes back just when it may, or some time later.
            let told = wait(&limiter, client);
            if told.is_none() {
                passed.push(clock.monotonic());
            }
            clock.advance(gap.map_or(told.unwrap_or_default(), Duration::from_nanos));
        }
        for (i, from) in passed.iter().enumerate() {
            for (j, to) in passed.iter().enumerate().skip(i) {
                let window = (*to - *from + TICK).as_nanos();
                let came_back = window * u128::from(requests) / period.as_nanos();
                prop_assert!((j - i + 1) as u128 <= u128::from(burst) + came_back);
            }
        }
    }

    #[test]
    fn with_an_interval_of_whole_ticks_verdicts_are_those_of_the_exact_algorithm(
        ticks in 1u64..5_000,
        burst in 1u32..20,
        gaps in gaps(10_000),
    ) {
        let period = TICK * u32::try_from(ticks).unwrap();
        let (limiter, clock) = limiter_of(Quota::requests(1).per(period).burst(burst));
        let client = client("203.0.113.7");
        let mut exact = Exact::new(1, period, burst);
        let mut now = Duration::ZERO;
        for gap in gaps {
            let gap = TICK * u32::try_from(gap).unwrap();
            now += gap;
            clock.advance(gap);
            prop_assert_eq!(passes(&limiter, client), exact.passes(now));
        }
    }

    #[test]
    fn verdicts_are_those_of_governor(
        ticks in 1u64..5_000,
        burst in 1u32..20,
        gaps in gaps(10_000),
    ) {
        let interval = TICK * u32::try_from(ticks).unwrap();
        let clock = FakeRelativeClock::default();
        let quota = governor::Quota::with_period(interval).unwrap();
        let quota = quota.allow_burst(NonZeroU32::new(burst).unwrap());
        let governor = governor::RateLimiter::direct_with_clock(quota, clock.clone());
        let (limiter, our_clock): (_, FakeClock) = limiter_of(Quota::requests(1).per(interval).burst(burst));
        let client = client("203.0.113.7");
        for gap in gaps {
            let gap = TICK * u32::try_from(gap).unwrap();
            clock.advance(gap);
            our_clock.advance(gap);
            prop_assert_eq!(passes(&limiter, client), governor.check().is_ok());
        }
    }
}

#[test]
fn governors_quotas_are_ours_by_burst_and_rate() {
    let three = NonZeroU32::new(3).unwrap();
    let per_minute = Quota::from(governor::Quota::per_minute(three));
    assert_eq!(per_minute, Quota::requests(3).per(MINUTE));
    let slow = governor::Quota::with_period(10 * SECOND).unwrap().allow_burst(three);
    assert_eq!(Quota::from(slow), Quota::requests(3).per(30 * SECOND));
}

/// Governor's own limiter on our table: the same verdicts as on its own, and who used up a quota is still refused after
/// a flood over many times the table's size.
#[test]
fn a_governor_limiter_on_our_table_decides_as_on_its_own_and_does_not_grow() {
    let quota = governor::Quota::per_minute(NonZeroU32::new(5).unwrap());
    let clock = FakeRelativeClock::default();
    let ours: governor::RateLimiter<u32, _, _, NoOpMiddleware<Nanos>> =
        governor::RateLimiter::new(quota, GovernorStore::new(4096).unwrap(), clock.clone());
    let theirs = governor::RateLimiter::direct_with_clock(quota, clock.clone());
    for step in 0..200_u64 {
        assert_eq!(ours.check_key(&7).is_ok(), theirs.check().is_ok(), "{step}");
        clock.advance(Duration::from_millis(step * 100 % 3_000));
    }
    while ours.check_key(&7).is_ok() {}
    for other in 100..20_000 {
        assert!(ours.check_key(&other).is_ok(), "{other}");
    }
    assert!(ours.check_key(&7).is_err());
}
