//! Several limits, several clients, several threads.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use http::Request;
use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use tollgate_core::{ClientIp, FakeClock, PrefixLengths};
use tollgate_rate_limit::{ConfigError, Limit, Limiter, Mode, Quota};

use crate::{MINUTE, SECOND, client, limiter, limiter_of, passes, passing};

const CLIENT: &str = "203.0.113.7";

fn two() -> [Limit; 2] {
    [
        Limit::new("per-minute", Quota::requests(3).per(MINUTE)),
        Limit::new("per-hour", Quota::requests(5).per(60 * MINUTE)),
    ]
}

#[test]
fn what_one_limit_refuses_is_charged_to_none() {
    let (limiter, clock) = limiter(two());
    let client = client(CLIENT);
    // 3 pass, 97 do not: had those been charged to per-hour, it would be used up.
    assert_eq!(passing(&limiter, client, 100), 3);
    clock.advance(MINUTE);
    assert_eq!(passing(&limiter, client, 100), 2);
    // One comes back to per-hour every 12 minutes, whatever was asked meanwhile.
    clock.advance(11 * MINUTE);
    assert_eq!(passing(&limiter, client, 100), 1);
}

#[test]
fn a_refusal_names_all_that_refuse_and_the_longest_wait() {
    let (limiter, clock) = limiter([
        Limit::new("per-minute", Quota::requests(3).per(MINUTE)),
        Limit::new("idle", Quota::requests(100).per(MINUTE)),
        Limit::new("per-hour", Quota::requests(3).per(60 * MINUTE).burst(3)),
    ]);
    let client = client(CLIENT);
    assert_eq!(passing(&limiter, client, 3), 3);
    clock.advance(8 * SECOND);
    let request = Request::new(());
    let decision = limiter.check(client, &(&request).into());
    assert_eq!(decision.violated().collect::<Vec<_>>(), ["per-minute", "per-hour"]);
    assert_eq!(decision.wait(), Some(20 * MINUTE - 8 * SECOND));
    assert_eq!(
        decision.refusal().unwrap().detail(),
        "limit per-minute (3 requests a 60 s) is used up; limit per-hour (3 requests a 3600 s) is used up; \
         ask again in 1192 s"
    );
}

#[test]
fn a_limit_applies_only_to_what_its_predicates_are_true_for() {
    let (limiter, _clock) = limiter([Limit::new("posts", Quota::requests(1).per(MINUTE))
        .only(|request| request.method == http::Method::POST)
        .only(|request| request.uri.path() == "/sign-up")]);
    let post = |path: &str| Request::post(path).body(()).unwrap();
    let check = |request: &Request<()>| limiter.check(client(CLIENT), &request.into()).is_pass();
    assert!(check(&post("/sign-up")));
    assert!(!check(&post("/sign-up")));
    assert!(check(&post("/log-in")));
    assert!(check(&Request::get("/sign-up").body(()).unwrap()));
}

#[test]
fn a_monitored_limit_lets_through_and_is_charged_as_if_it_alone_were_enforced() {
    let quota = Quota::requests(2).per(MINUTE);
    let (limiter, clock) = limiter([Limit::new("watched", quota).with_mode(Mode::Monitor)]);
    let request = Request::new(());
    let would_refuse = || {
        let decision = limiter.check(client(CLIENT), &(&request).into());
        assert!(decision.is_pass());
        decision.monitored().next().is_some()
    };
    assert_eq!([would_refuse(), would_refuse()], [false, false]);
    for _ in 0..100 {
        assert!(would_refuse());
    }
    clock.advance(30 * SECOND);
    assert_eq!([would_refuse(), would_refuse()], [false, true]);
}

#[test]
fn what_an_enforced_limit_refuses_is_not_charged_to_a_monitored_one() {
    let watched = Limit::new("watched", Quota::requests(3).per(60 * MINUTE)).with_mode(Mode::Monitor);
    let (limiter, clock) = limiter([watched, Limit::new("enforced", Quota::requests(1).per(MINUTE))]);
    assert_eq!(passing(&limiter, client(CLIENT), 100), 1);
    clock.advance(MINUTE);
    let request = Request::new(());
    let decision = limiter.check(client(CLIENT), &(&request).into());
    assert!(decision.is_pass());
    assert_eq!(decision.monitored().next(), None);
}

#[test]
fn a_limit_that_is_off_is_not_looked_at() {
    let quota = Quota::requests(1).per(MINUTE);
    let (limiter, _clock) = limiter([Limit::new("off", quota).with_mode(Mode::Off)]);
    assert_eq!(passing(&limiter, client(CLIENT), 100), 100);
}

#[test]
fn no_limits_let_everything_pass() {
    let (limiter, _clock) = limiter([]);
    assert_eq!(passing(&limiter, client(CLIENT), 100), 100);
}

#[test]
fn an_ipv4_mapped_address_shares_the_ipv4_ones_quota_and_two_of_them_have_two() {
    let (limiter, _clock) = limiter_of(Quota::requests(1).per(MINUTE));
    assert!(passes(&limiter, client("192.0.2.1")));
    assert!(!passes(&limiter, client("::ffff:192.0.2.1")));
    assert!(passes(&limiter, client("::ffff:192.0.2.2")));
    assert!(passes(&limiter, client("::ffff:c000:203")));
}

#[test]
fn a_prefix_has_one_quota() {
    let quota = Quota::requests(1).per(MINUTE);
    let (by_64, _clock) = limiter_of(quota);
    assert!(passes(&by_64, client("2001:db8:0:1::1")));
    assert!(!passes(&by_64, client("2001:db8:0:1:ffff::2")));
    assert!(passes(&by_64, client("2001:db8:0:2::1")));

    let lengths = PrefixLengths::new(24, 48).unwrap();
    let (by_48, _clock) = limiter([Limit::new("site", quota).with_prefix_lengths(lengths)]);
    assert!(passes(&by_48, client("2001:db8:0:1::1")));
    assert!(!passes(&by_48, client("2001:db8:0:2::1")));
    assert!(passes(&by_48, client("203.0.113.7")));
    assert!(!passes(&by_48, client("203.0.113.8")));
}

#[test]
fn a_configuration_that_cannot_be_says_where_what_and_what_would_be_right() {
    let good = || Limit::new("good", Quota::requests(1).per(SECOND));
    let error = |limits: Vec<Limit>| -> ConfigError { Limiter::new(limits).unwrap_err() };

    let zero = error(vec![good(), Limit::new("zero", Quota::requests(1).per(SECOND).burst(0))]);
    assert_eq!((zero.limit_index(), zero.field(), zero.value()), (Some(1), "burst", "0"));
    assert_eq!(
        zero.to_string(),
        "limits[1].burst: 0: nothing would ever pass; give at least 1, or leave it out"
    );
    assert_eq!(
        error(vec![good(), good()]).to_string(),
        "limits[1].name: \"good\": limits[0] has this name too; give each its own"
    );
    assert_eq!(error(vec![Limit::new("", Quota::requests(1).per(SECOND))]).field(), "name");
    let many = (0..65).map(|n| Limit::new(n.to_string(), Quota::requests(1).per(SECOND)));
    assert_eq!(error(many.collect()).field(), "limits");

    let small = limiter(two()).0.with_table_bytes(8191).unwrap_err();
    assert_eq!(small.to_string(), "table_bytes: 8191: give at least 4096 bytes a limit, 8192 in all");
    assert!(limiter(two()).0.with_table_bytes(usize::MAX).is_err());
    assert!(limiter(two()).0.with_table_bytes(8192).is_ok());
}

#[test]
fn two_threads_on_one_client_get_exactly_the_quota() {
    // Enough for both to be at work at once for a while.
    let (limiter, _clock) = limiter_of(Quota::requests(200_000).per(60 * MINUTE));
    let start = Barrier::new(2);
    let hammer = || {
        start.wait();
        passing(&limiter, client(CLIENT), 150_000)
    };
    let passed: usize = thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(hammer));
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(passed, 200_000);
}

#[test]
fn two_threads_that_race_for_a_clients_only_request_charge_each_limit_once() {
    const CLIENTS: u32 = 2_000;
    let (limiter, _clock) = limiter([
        Limit::new("wide", Quota::requests(5).per(MINUTE)),
        Limit::new("tight", Quota::requests(1).per(MINUTE)).only(|request| request.uri.path() == "/tight"),
    ]);
    let check = |client: u32, path: &str| {
        let client = ClientIp::asserted(Ipv4Addr::from(client).into());
        let request = Request::get(path).body(()).unwrap();
        usize::from(limiter.check(client, &(&request).into()).is_pass())
    };
    let start = Barrier::new(2);
    let race = || -> Vec<usize> {
        let race = |client| {
            start.wait();
            check(client, "/tight")
        };
        (0..CLIENTS).map(race).collect()
    };
    let [one, other] = thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(race));
        threads.map(|thread| thread.join().unwrap())
    });
    for (client, (one, other)) in (0..CLIENTS).zip(one.into_iter().zip(other)) {
        assert_eq!(one + other, 1);
        let left: usize = (0..10).map(|_| check(client, "/wide")).sum();
        assert_eq!(left, 4);
    }
}

/// Adds up counters, named `name{labels}`.
#[derive(Default)]
struct Totals(Arc<Mutex<BTreeMap<String, u64>>>);

struct Total(String, Arc<Mutex<BTreeMap<String, u64>>>);

impl CounterFn for Total {
    fn increment(&self, by: u64) {
        *self.1.lock().unwrap().entry(self.0.clone()).or_default() += by;
    }

    fn absolute(&self, _: u64) {}
}

impl Recorder for Totals {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<&str> = key.labels().map(metrics::Label::value).collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        Counter::from_arc(Arc::new(Total(name, self.0.clone())))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn every_verdict_is_counted_by_limit_and_never_by_address() {
    let totals = Totals::default();
    // A layer is often built before the recorder is installed.
    let (limiter, _clock): (_, FakeClock) = limiter([
        Limit::new("tight", Quota::requests(3).per(MINUTE)),
        Limit::new("wide", Quota::requests(100).per(MINUTE)),
        Limit::new("watched", Quota::requests(2).per(MINUTE)).with_mode(Mode::Monitor),
    ]);
    let limiter = limiter.with_table_bytes(3 * 4096).unwrap();
    metrics::with_local_recorder(&totals, || {
        passing(&limiter, client(CLIENT), 10);
    });
    let totals = totals.0.lock().unwrap();
    let totals: Vec<(&str, u64)> = totals.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(
        totals,
        [
            ("tollgate_rate_limit_total{tight,pass}", 3),
            ("tollgate_rate_limit_total{tight,refuse}", 7),
            ("tollgate_rate_limit_total{watched,monitor}", 8),
            ("tollgate_rate_limit_total{watched,pass}", 2),
            ("tollgate_rate_limit_total{wide,pass}", 3),
        ]
    );
}

#[test]
fn forgetting_a_client_that_still_owes_is_counted() {
    let totals = Totals::default();
    let (limiter, _clock) = limiter_of(Quota::requests(1).per(MINUTE));
    let limiter = limiter.with_table_bytes(4096).unwrap();
    metrics::with_local_recorder(&totals, || {
        for n in 0..2_000_u32 {
            passes(&limiter, ClientIp::asserted(Ipv4Addr::from(n).into()));
        }
    });
    let totals = totals.0.lock().unwrap();
    // There are 512 places; a few are spared where two keys are taken for one.
    assert!(totals["tollgate_rate_limit_evicted_live_total{only}"] >= 2_000 - 512 - 8);
}
