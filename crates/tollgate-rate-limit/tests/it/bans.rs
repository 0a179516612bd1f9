//! Bans, and the lists of those allowed and denied.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tollgate_core::{ClientIp, FakeClock, PrefixLengths};
use tollgate_rate_limit::{Bans, IpRateLimitLayer, Key, Limit, Limiter, Quota, RequestHead};
use tower::{Layer, ServiceExt, service_fn};

use crate::{MINUTE, SECOND, client, passes, passing, wait};

const CLIENT: &str = "203.0.113.7";
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

fn banning(bans: Bans) -> (Limiter, FakeClock) {
    let clock = FakeClock::new();
    let limiter = Limiter::new([Limit::new("a", Quota::requests(2).per(SECOND))]).unwrap();
    (limiter.with_bans(bans).unwrap().with_clock(Arc::new(clock.clone())), clock)
}

#[test]
fn who_is_refused_too_often_is_banned_for_longer_each_time_up_to_a_cap() {
    let (limiter, clock) =
        banning(Bans::of(MINUTE).up_to(3 * MINUTE).forgotten_after(DAY).after(Quota::requests(3).per(HOUR)));
    let offender = client(CLIENT);
    let hammer = || {
        while wait(&limiter, offender).is_none_or(|wait| wait <= SECOND) {}
        wait(&limiter, offender).unwrap()
    };
    assert_eq!(passing(&limiter, offender, 2 + 3), 2);
    for ban in [1, 2, 3, 3, 3] {
        assert_eq!(hammer(), ban * MINUTE);
        // Asking while banned makes it no longer.
        assert_eq!(passing(&limiter, offender, 1000), 0);
        assert_eq!(wait(&limiter, offender), Some(ban * MINUTE));
        assert!(passes(&limiter, client("198.51.100.9")));
        clock.advance(ban * MINUTE - Duration::from_millis(1));
        assert!(!passes(&limiter, offender));
        clock.advance(Duration::from_millis(1));
        assert!(passes(&limiter, offender));
    }
}

#[test]
fn strikes_are_forgotten_one_by_one() {
    let (limiter, clock) = banning(Bans::of(MINUTE).up_to(DAY).forgotten_after(HOUR));
    let offender = client(CLIENT);
    let ban = || limiter.ban(offender).unwrap();
    assert_eq!([ban(), ban(), ban()], [MINUTE, 2 * MINUTE, 4 * MINUTE]);
    clock.advance(2 * HOUR);
    assert_eq!(ban(), 2 * MINUTE);
    clock.advance(10 * HOUR);
    assert_eq!(ban(), MINUTE);
    limiter.pardon(offender).unwrap();
    assert!(passes(&limiter, offender));
    assert_eq!(ban(), MINUTE);
}

#[test]
fn a_ban_holds_for_the_whole_64_and_never_becomes_shorter() {
    let (limiter, clock) = banning(Bans::of(HOUR).up_to(HOUR));
    limiter.ban(client("2001:db8::1")).unwrap();
    assert!(!passes(&limiter, client("2001:db8::2:3:4:5")));
    assert!(passes(&limiter, client("2001:db8:0:1::1")));
    clock.advance(MINUTE);
    assert_eq!(limiter.ban(client("2001:db8::9")).unwrap(), HOUR);
    assert_eq!(limiter.snapshot(1).banned, 1);
}

#[test]
fn a_limiter_without_bans_says_so_and_bans_that_cannot_be_do_too() {
    let limiter = || Limiter::new([Limit::new("a", Quota::requests(2).per(SECOND))]).unwrap();
    let error = limiter().ban(client(CLIENT)).unwrap_err();
    assert_eq!(error.to_string(), "bans: none: build the limiter `with_bans`");
    for (bans, field) in [
        (Bans::of(Duration::ZERO), "bans.first"),
        (Bans::of(2 * HOUR).up_to(HOUR), "bans.up_to"),
        (Bans::of(HOUR).up_to(31 * DAY), "bans.up_to"),
        (Bans::of(HOUR).forgotten_after(MINUTE), "bans.forgotten_after"),
        (Bans::of(HOUR).forgotten_after(12 * DAY), "bans.forgotten_after"),
        (Bans::of(HOUR).after(Quota::requests(0).per(HOUR)), "requests"),
    ] {
        assert_eq!(limiter().with_bans(bans).unwrap_err().field(), field);
    }
}

#[test]
fn bans_take_their_part_of_the_memory_and_no_more() {
    let (limiter, _clock) = banning(Bans::of(MINUTE).after(Quota::requests(3).per(HOUR)));
    let bytes = limiter.table_bytes();
    assert!(((1 << 20) - 256..=1 << 20).contains(&bytes), "{bytes}");
    let limiter = limiter.with_table_bytes(1 << 16).unwrap();
    assert!(((1 << 16) - 256..=1 << 16).contains(&limiter.table_bytes()));
}

async fn ask(layer: &IpRateLimitLayer, addr: &str) -> (u16, http::HeaderMap, String) {
    let app = service_fn(async |_: Request<()>| {
        Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let mut request = Request::new(());
    request.extensions_mut().insert::<ClientIp>(client(addr));
    let (parts, body) = layer.layer(app).oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_ban_is_answered_as_abnormal_usage() {
    let (limiter, _clock) = banning(Bans::of(90 * SECOND));
    limiter.ban(client(CLIENT)).unwrap();
    let (status, headers, body) = ask(&limiter.into(), CLIENT).await;
    assert_eq!(status, 429);
    assert_eq!(headers["tollgate-refusal"], "client_banned");
    assert_eq!(headers["retry-after"], "90");
    assert!(
        body.contains("\"type\":\"https://iana.org/assignments/http-problem-types#abnormal-usage-detected\""),
        "{body}"
    );
}

#[tokio::test]
async fn the_lists_come_before_all_limits_and_can_be_replaced() {
    let (limiter, _clock) = banning(Bans::of(MINUTE));
    limiter.ban(client("10.0.0.9")).unwrap();
    let layer = IpRateLimitLayer::from(limiter);
    let limiter = layer.limiter();
    limiter.set_allowed(["10.0.0.0/8", "2001:db8::/32"]).unwrap();
    limiter.set_denied(["203.0.113.0/24", "10.6.6.6"]).unwrap();
    for allowed in ["10.0.0.9", "::ffff:10.1.2.3", "2001:db8::1"] {
        assert_eq!(passing(limiter, client(allowed), 100), 100, "{allowed}");
    }
    for denied in [CLIENT, "::ffff:203.0.113.8", "10.6.6.6"] {
        let (status, headers, _) = ask(&layer, denied).await;
        assert_eq!(
            (status, headers["tollgate-refusal"].to_str().unwrap()),
            (403, "client_denied"),
            "{denied}"
        );
        assert!(!headers.contains_key("retry-after"));
    }
    assert_eq!(passing(limiter, client("198.51.100.9"), 100), 2);
    // What cannot be right leaves them as they were.
    for wrong in ["0.0.0.0/0", "::/0", "10.0.0.0/33", "everybody"] {
        assert!(limiter.set_denied([wrong]).is_err(), "{wrong}");
        assert!(limiter.set_allowed([wrong]).is_err(), "{wrong}");
    }
    assert_eq!(ask(&layer, CLIENT).await.0, 403);
    limiter.set_denied([""; 0]).unwrap();
    limiter.set_allowed([""; 0]).unwrap();
    assert_eq!(ask(&layer, CLIENT).await.0, 200);
    assert_eq!(ask(&layer, "10.0.0.9").await.0, 429);
}

/// Who is refused because others used up what they share is not banned for them.
#[test]
fn nobody_is_banned_for_others() {
    let bans = Bans::of(MINUTE).after(Quota::requests(5).per(MINUTE));
    let honest = client("203.0.113.7");
    let cap = Limit::new("cap", Quota::requests(100).per(MINUTE))
        .with_key(|_, _: &RequestHead<'_>| Some(Key::of(0)));
    let limiter = Limiter::new([cap]).unwrap().with_bans(bans).unwrap();
    passing(&limiter, client("198.51.100.1"), 100);
    assert_eq!(passing(&limiter, honest, 50), 0);
    limiter.limit("cap").unwrap().forget(Key::of(0)).unwrap();
    assert!(passes(&limiter, honest));

    // A /48 that others have used up.
    let limiter = Limiter::new([Limit::new("a", Quota::requests(10).per(60 * MINUTE))])
        .unwrap()
        .with_bans(bans)
        .unwrap();
    for host in 0..16 {
        passing(&limiter, client(&format!("2001:db8:0:{:x}::1", host * 0x100)), 10);
    }
    let neighbour = client("2001:db8:0:ff01::1");
    assert_eq!(passing(&limiter, neighbour, 50), 0);
    assert_eq!(limiter.snapshot(1).banned, 0);
}

/// A ban holds for whom the limit counts as one client.
#[test]
fn a_ban_goes_by_the_limits_prefix_lengths() {
    let bans = Bans::of(MINUTE).after(Quota::requests(5).per(MINUTE));
    let of = |lengths| {
        let limit = Limit::new("a", Quota::requests(2).per(SECOND)).with_prefix_lengths(lengths);
        Limiter::new([limit]).unwrap().with_bans(bans).unwrap()
    };
    let limiter = of(PrefixLengths::default().with_nat64_as_ipv4());
    passing(&limiter, client("64:ff9b::198.51.100.1"), 20);
    assert!(passes(&limiter, client("64:ff9b::203.0.113.7")));
    assert!(wait(&limiter, client("198.51.100.1")).is_some_and(|wait| wait > 50 * SECOND));
    let limiter = of(PrefixLengths::new(32, 128).unwrap());
    passing(&limiter, client("2001:db8::1"), 20);
    assert!(passes(&limiter, client("2001:db8::2")));
}

#[test]
fn many_refusals_at_once_are_one_strike() {
    let bans = Bans::of(MINUTE).after(Quota::requests(5).per(MINUTE));
    let limiter =
        Limiter::new([Limit::new("a", Quota::requests(5).per(MINUTE))]).unwrap().with_bans(bans).unwrap();
    for n in 0..200 {
        let offender = client(&format!("10.0.0.{}", n + 1));
        passing(&limiter, offender, 10);
        let barrier = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    barrier.wait();
                    wait(&limiter, offender)
                });
            }
        });
        assert!(wait(&limiter, offender).unwrap() <= MINUTE, "{n}");
    }
}

#[tokio::test]
async fn a_preflight_does_not_pass_lists_and_bans() {
    let (limiter, _clock) = banning(Bans::of(MINUTE));
    limiter.set_denied([CLIENT]).unwrap();
    limiter.ban(client("198.51.100.9")).unwrap();
    let layer = IpRateLimitLayer::from(limiter);
    for (addr, status) in [(CLIENT, 403), ("198.51.100.9", 429), ("192.0.2.1", 200)] {
        let app = service_fn(async |_: Request<()>| {
            Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
        });
        let mut request = Request::options("/").body(()).unwrap();
        request.headers_mut().insert("origin", "https://a.example".parse().unwrap());
        request.headers_mut().insert("access-control-request-method", "POST".parse().unwrap());
        request.extensions_mut().insert::<ClientIp>(client(addr));
        assert_eq!(layer.layer(app).oneshot(request).await.unwrap().status(), status, "{addr}");
    }
}
