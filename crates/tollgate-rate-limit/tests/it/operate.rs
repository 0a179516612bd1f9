//! A limiter that is looked at and changed while it is at work.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use http::Request;
use tollgate_rate_limit::{IpLevels, Key, Limit, Limiter, Mode, Quota};

use crate::{MINUTE, SECOND, client, limiter, passing, wait};

const CLIENT: &str = "203.0.113.7";

#[test]
fn another_quota_forgets_nobody_and_holds_at_once() {
    let (limiter, clock) = limiter([Limit::new("a", Quota::requests(5).per(MINUTE))]);
    let limit = limiter.limit("a").unwrap();
    assert_eq!(passing(&limiter, client(CLIENT), 9), 5);
    assert_eq!(passing(&limiter, client("198.51.100.9"), 2), 2);

    limit.set_quota(Quota::requests(5).per(10 * MINUTE)).unwrap();
    assert_eq!(limit.quota(), Quota::requests(5).per(10 * MINUTE));
    assert_eq!(wait(&limiter, client(CLIENT)), Some(2 * MINUTE));
    assert_eq!(passing(&limiter, client("198.51.100.9"), 9), 3);
    assert_eq!(passing(&limiter, client("198.51.100.10"), 9), 5);

    // A wider one: five are used, fifteen are left.
    limit.set_quota(Quota::requests(20).per(MINUTE)).unwrap();
    assert_eq!(passing(&limiter, client(CLIENT), 99), 15);
    clock.advance(3 * SECOND);
    assert_eq!(passing(&limiter, client(CLIENT), 99), 1);
}

#[test]
fn another_quota_holds_on_every_level() {
    let (limiter, _clock) = limiter([Limit::new("a", Quota::requests(8).per(MINUTE))]);
    let of_site = |host: u32| client(&format!("2001:db8:0:{host:x}::1"));
    assert_eq!((0..32).map(|host| passing(&limiter, of_site(host), 1)).sum::<usize>(), 32);
    limiter.limit("a").unwrap().set_quota(Quota::requests(9).per(MINUTE)).unwrap();
    assert_eq!((32..64).map(|host| passing(&limiter, of_site(host), 1)).sum::<usize>(), 4);
}

#[test]
fn a_quota_that_cannot_be_changes_nothing() {
    let (limiter, _clock) = limiter([Limit::new("a", Quota::requests(5).per(MINUTE)).with_cost(3)]);
    let limit = limiter.limit("a").unwrap();
    assert_eq!(limit.set_quota(Quota::requests(0).per(MINUTE)).unwrap_err().field(), "requests");
    let error = limit.set_quota(Quota::requests(2).per(MINUTE)).unwrap_err();
    assert_eq!(error.to_string(), "cost: 3: nothing would ever pass; give at most the burst, 2");
    assert_eq!(limit.quota(), Quota::requests(5).per(MINUTE));
}

#[test]
fn a_mode_can_be_changed_and_what_is_owed_stays() {
    let (limiter, _clock) = limiter([Limit::new("a", Quota::requests(2).per(MINUTE))]);
    let limit = limiter.limit("a").unwrap();
    assert_eq!(passing(&limiter, client(CLIENT), 9), 2);
    for mode in [Mode::Monitor, Mode::Off] {
        limit.set_mode(mode);
        assert_eq!(passing(&limiter, client(CLIENT), 9), 9);
    }
    limit.set_mode(Mode::Enforce);
    assert_eq!(passing(&limiter, client(CLIENT), 9), 0);
}

#[test]
fn a_name_that_is_not_there_is_told_with_those_that_are() {
    let (limiter, _clock) = limiter([
        Limit::new("sign-ups", Quota::requests(2).per(MINUTE)),
        Limit::new("old", Quota::requests(2).per(MINUTE)).with_mode(Mode::Off),
        Limit::new("log-ins", Quota::requests(2).per(MINUTE)),
    ]);
    let error = |name| limiter.limit(name).unwrap_err().to_string();
    assert_eq!(error("signups"), "limit: \"signups\": there is no such limit; there are: sign-ups, log-ins");
    assert_eq!(
        error("old"),
        "limit: \"old\": was off from the start, and has no memory; build it as monitored, and set its mode then"
    );
}

#[test]
fn penalties_are_capped_and_can_be_forgotten() {
    let (limiter, clock) = limiter([Limit::new("a", Quota::requests(6).per(MINUTE))]);
    let limit = limiter.limit("a").unwrap();
    assert_eq!(limit.penalize(client(CLIENT), 4).unwrap().remaining, 2);
    for _ in 0..100 {
        limit.penalize(client(CLIENT), u32::MAX).unwrap();
    }
    // A burst on top of a burst: a minute, and ten seconds for one request.
    assert_eq!(limit.left(client(CLIENT)).unwrap().wait, 70 * SECOND);
    clock.advance(70 * SECOND);
    assert_eq!(passing(&limiter, client(CLIENT), 9), 1);
    limit.forget(client(CLIENT)).unwrap();
    assert_eq!(passing(&limiter, client(CLIENT), 9), 6);
}

#[test]
fn who_is_counted_by_a_key_is_named_by_a_key() {
    let by_user = |_, head: &tollgate_rate_limit::RequestHead<'_>| head.extensions.get::<u64>().map(Key::of);
    let (limiter, _clock) = limiter([
        Limit::new("user", Quota::requests(2).per(MINUTE)).with_key(by_user),
        Limit::new("ip", Quota::requests(100).per(MINUTE)),
    ]);
    let mut request = Request::new(());
    request.extensions_mut().insert(7_u64);
    let ask = || limiter.check(client(CLIENT), &(&request).into()).is_pass();
    assert!(ask() && ask() && !ask());
    let (user, ip) = (limiter.limit("user").unwrap(), limiter.limit("ip").unwrap());
    user.forget(Key::of(7_u64)).unwrap();
    assert!(ask());
    assert_eq!(user.left(Key::of(7_u64)).unwrap().remaining, 1);
    assert_eq!(user.left(Key::of(8_u64)).unwrap().remaining, 2);
    assert!(user.penalize(client(CLIENT), 1).is_err());
    assert_eq!(
        ip.left(Key::of(7_u64)).unwrap_err().to_string(),
        "limit: \"ip\": counts by address: give a client IP, not a key"
    );
}

#[test]
fn a_snapshot_says_how_many_are_limited_and_who_most() {
    let (limiter, clock) = limiter([
        Limit::new("a", Quota::requests(4).per(MINUTE)),
        Limit::new("b", Quota::requests(1000).per(MINUTE)).with_levels(IpLevels::default()),
    ]);
    assert!(limiter.snapshot(10).limits[0].top.is_empty());
    for n in 0..50 {
        passing(&limiter, client(&format!("198.51.100.{n}")), 1);
    }
    passing(&limiter, client("203.0.113.1"), 9);
    clock.advance(SECOND);
    passing(&limiter, client("203.0.113.2"), 9);
    let snapshot = limiter.snapshot(10);
    let [a, b] = &snapshot.limits[..] else { panic!("{snapshot:?}") };
    assert_eq!((a.name.as_str(), a.clients, a.limited), ("a", 52, 2));
    // Of a thousand a minute, those of a second ago have everything back.
    assert_eq!((b.name.as_str(), b.clients, b.limited), ("b", 1, 0));
    let top: Vec<_> = a.top.iter().map(|talker| (talker.client.to_string(), talker.left.wait)).collect();
    assert_eq!(top, [("203.0.113.2".to_owned(), 15 * SECOND), ("203.0.113.1".to_owned(), 14 * SECOND)]);
    assert_eq!(limiter.snapshot(1).limits[0].top.len(), 1);
    // Idle entries are nobody.
    clock.advance(2 * MINUTE);
    assert_eq!(limiter.snapshot(10).limits[0].clients, 0);
}

#[test]
fn a_quota_that_changes_under_load_gives_no_more_than_it_says() {
    const CHANGES: usize = 50;
    let day = 24 * 60 * MINUTE;
    let quota = |days| Quota::requests(4000).per(days * day);
    let limiter = Limiter::new([Limit::new("a", quota(1))]).unwrap();
    let passed = AtomicUsize::new(passing(&limiter, client(CLIENT), 1));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| passed.fetch_add(passing(&limiter, client(CLIENT), 20_000), Relaxed));
        }
        for change in 0..CHANGES {
            limiter.limit("a").unwrap().set_quota(quota(1 + change as u32 % 2)).unwrap();
        }
    });
    // In the middle of a change the stricter measure holds; only a thread that was held up with the old one in its hand
    // can let one too many through.
    let passed = passed.load(Relaxed);
    assert!((1000..=4000 + 2 * CHANGES).contains(&passed), "{passed}");
}
