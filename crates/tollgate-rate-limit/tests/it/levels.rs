//! What a limit counts by: prefixes of an address, or anything else.

use http::Request;
use tollgate_core::{ClientIp, PrefixLengths};
use tollgate_rate_limit::{IpLevels, Key, Limit, Quota, RequestHead};

use crate::{MINUTE, SECOND, client, limiter, limiter_of, passes, passing, wait};

#[test]
fn a_site_with_many_prefixes_gets_four_times_the_quota_and_a_large_one_sixteen_times() {
    let (limiter, clock) = limiter_of(Quota::requests(5).per(MINUTE));
    // 256 hosts of one /56, each asking 5 times.
    let site = |host: u32| client(&format!("2001:db8:1:{:x}::1", 0x100 + host));
    let passed: usize = (0..256).map(|host| passing(&limiter, site(host), 5)).sum();
    assert_eq!(passed, 20);
    // A refusal is charged to no level: one comes back to the /56 every 3 s, four times as fast as to a /64.
    assert_eq!(wait(&limiter, site(255)), Some(3 * SECOND));
    clock.advance(3 * SECOND);
    assert!(passes(&limiter, site(255)));
    assert!(!passes(&limiter, site(254)));
    // All of the /48, from 256 sites: 16 × 5, and what came back meanwhile.
    let (limiter, _clock) = limiter_of(Quota::requests(5).per(MINUTE));
    let sites = (0..256).map(|site| client(&format!("2001:db8:2:{:x}::1", site << 8)));
    assert_eq!(sites.map(|client| passing(&limiter, client, 5)).sum::<usize>(), 80);
    // Its neighbours and IPv4 are not touched.
    assert_eq!(passing(&limiter, client("2001:db8:3::1"), 9), 5);
    assert_eq!(passing(&limiter, client("203.0.113.7"), 9), 5);
}

#[test]
fn what_a_wide_prefix_refuses_is_not_charged_to_the_host() {
    let levels = IpLevels::of(PrefixLengths::default()).with_wider_v4(24, 2).unwrap();
    let (limiter, clock) = limiter([Limit::new("a", Quota::requests(2).per(MINUTE)).with_levels(levels)]);
    assert_eq!(passing(&limiter, client("203.0.113.1"), 9), 2);
    assert_eq!(passing(&limiter, client("203.0.113.2"), 9), 2);
    // The /24 is used up: whoever asks is refused, however often, and then has all of its own quota.
    assert_eq!(passing(&limiter, client("203.0.113.3"), 100), 0);
    clock.advance(MINUTE);
    assert_eq!(passing(&limiter, client("203.0.113.3"), 100), 2);
    assert_eq!(passing(&limiter, client("203.0.112.3"), 100), 2);
}

#[test]
fn a_key_of_ones_own_is_counted_whatever_the_address() {
    #[derive(Clone, Hash)]
    struct User(&'static str);
    let by_user = |_: ClientIp, head: &RequestHead<'_>| head.extensions.get::<User>().map(Key::of);
    let (limiter, _clock) = limiter([Limit::new("user", Quota::requests(2).per(MINUTE)).with_key(by_user)]);
    let check = |user: Option<&'static str>, addr: &str| {
        let mut request = Request::new(());
        if let Some(user) = user {
            request.extensions_mut().insert(User(user));
        }
        limiter.check(client(addr), &(&request).into()).is_pass()
    };
    assert!(check(Some("ann"), "203.0.113.1"));
    assert!(check(Some("ann"), "203.0.113.2"));
    assert!(!check(Some("ann"), "203.0.113.3"));
    assert!(check(Some("bob"), "203.0.113.3"));
    // Nobody's requests are not counted by user.
    assert!((0..10).all(|_| check(None, "203.0.113.3")));
}
