//! One limit, several nodes, a server that is there.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tollgate_core::ClientIp;
use tollgate_rate_limit::store::suite;
use tollgate_rate_limit::{IpRateLimitLayer, Limit, Limiter, Quota};
use tollgate_redis::rate_limit::Sharing;
use tower::{Layer, ServiceExt, service_fn};

use crate::server::{TestServer, program, programs};
use crate::{DAY, client, connect, node, of_day, passes, passing, rest};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_passes_the_suite_without_leases() {
    for program in programs() {
        let server = TestServer::start(program, &[]);
        suite::run(async |limits| {
            server.cli(&["flushall"]);
            node(&server.url(), limits, Sharing::without_leases).await
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_passes_the_suite_with_leases() {
    for program in programs() {
        let server = TestServer::start(program, &[]);
        suite::run(async |limits| {
            server.cli(&["flushall"]);
            node(&server.url(), limits, |sharing| sharing).await
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_nodes_let_through_one_quota_and_with_leases_hardly_less() {
    const QUOTA: usize = 1600;
    let Some(program) = program() else { return };
    for leases in [false, true] {
        let server = TestServer::start(program, &[]);
        let mut tasks = Vec::new();
        for _ in 0..4 {
            let sharing = |sharing: Sharing| {
                let sharing = sharing.with_nodes(4).unwrap();
                if leases { sharing } else { sharing.without_leases() }
            };
            let limiter = Arc::new(node(&server.url(), vec![of_day("a", QUOTA as u32)], sharing).await);
            for _ in 0..4 {
                let limiter = Arc::clone(&limiter);
                tasks.push(tokio::spawn(async move { passing(&limiter, client(1), QUOTA / 4).await }));
            }
        }
        let mut passed = 0;
        for task in tasks {
            passed += task.await.unwrap();
        }
        assert!(passed <= QUOTA, "{passed} with leases: {leases}");
        assert!(passed >= if leases { QUOTA - QUOTA / 8 } else { QUOTA }, "{passed} with leases: {leases}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_client_costs_far_less_than_a_call_a_request() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let limiter = node(&server.url(), vec![of_day("a", 100_000)], |sharing| sharing).await;
    let before = server.calls();
    assert_eq!(passing(&limiter, client(1), 20_000).await, 20_000);
    let calls = server.calls() - before;
    assert!(calls < 200, "{calls} calls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_hammers_costs_nothing() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let limiter = node(&server.url(), vec![of_day("a", 3)], |sharing| sharing).await;
    assert_eq!(passing(&limiter, client(1), 4).await, 3);
    let before = server.calls();
    assert_eq!(passing(&limiter, client(1), 10_000).await, 0);
    assert_eq!(server.calls(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fresh_hosts_of_a_prefix_that_is_used_up_cost_nothing() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let limiter = node(&server.url(), vec![of_day("a", 1)], |sharing| sharing).await;
    let host =
        |host: u16| ClientIp::asserted(std::net::Ipv6Addr::new(0x2001, 0xdb8, 1, host, 0, 0, 0, 1).into());
    let mut passed = 0;
    for last in 0..5 {
        passed += passing(&limiter, host(last), 1).await;
    }
    assert_eq!(passed, 4);
    let before = server.calls();
    for last in 5..250 {
        assert!(!passes(&limiter, host(last)).await);
    }
    assert_eq!(server.calls(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_was_not_spent_in_time_adds_nothing_to_the_quota() {
    // One every 20 ms, 64 at once: leases of 4.
    let quota = Quota::requests(64).per(Duration::from_millis(64 * 20));
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let mut nodes = Vec::new();
    for _ in 0..2 {
        nodes.push(node(&server.url(), vec![Limit::new("a", quota)], |sharing| sharing).await);
    }
    let start = std::time::Instant::now();
    let mut passed = passing(&nodes[0], client(1), 8).await;
    // All of it is back, and what the first node holds is worth nothing by now.
    rest(1500).await;
    let quiet = start.elapsed();
    let again = std::time::Instant::now();
    passed -= 8;
    for turn in 0..200 {
        passed += passing(&nodes[turn % 2], client(1), 1).await;
    }
    let back = again.elapsed().as_millis() / 20 + 1;
    assert!(passed as u128 <= 64 + back, "{passed} after {quiet:?}, {back} of which came back meanwhile");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_takes_an_eighth_of_a_quota_along_at_the_most() {
    const QUOTA: usize = 3200;
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let mut passed = 0;
    for _ in 0..2 {
        let limits = vec![of_day("a", QUOTA as u32)];
        let dies = node(&server.url(), limits, |sharing| sharing.with_nodes(2).unwrap()).await;
        passed += passing(&dies, client(1), 500).await;
        rest(100).await;
    }
    let last = node(&server.url(), vec![of_day("a", QUOTA as u32)], Sharing::without_leases).await;
    passed += passing(&last, client(1), 2 * QUOTA).await;
    assert!((QUOTA - QUOTA / 8..=QUOTA).contains(&passed), "{passed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_a_short_limit_refuses_again_and_again_loses_nothing_of_a_long_one() {
    const QUOTA: usize = 300;
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let short = Limit::new("short", Quota::requests(10).per(Duration::from_millis(100)));
    let limits = vec![short, of_day("long", QUOTA as u32)];
    let limiter = Arc::new(node(&server.url(), limits, |sharing| sharing.with_nodes(3).unwrap()).await);
    let start = std::time::Instant::now();
    let hammers = (0..6).map(|_| {
        let limiter = Arc::clone(&limiter);
        tokio::spawn(async move {
            let mut passed = 0;
            while start.elapsed() < Duration::from_secs(6) {
                passed += passing(&limiter, client(1), 5).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            passed
        })
    });
    let mut passed = 0;
    for hammer in hammers.collect::<Vec<_>>() {
        passed += hammer.await.unwrap();
    }
    assert!((QUOTA - QUOTA / 8..=QUOTA).contains(&passed), "{passed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_takes_back_and_forgets_all_have() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let limits = || vec![of_day("a", 4)];
    let one = node(&server.url(), limits(), |sharing| sharing).await;
    let other = node(&server.url(), limits(), |sharing| sharing).await;
    let ticket = one.ask(client(1), &(&Request::new(())).into()).await.into_ticket();
    assert!(passes(&other, client(1)).await);
    one.refund(ticket);
    rest(200).await;
    assert_eq!(passing(&other, client(1), 9).await, 3);
    assert_eq!(passing(&one, client(1), 9).await, 0);
    one.limit("a").unwrap().forget(client(1)).unwrap();
    assert_eq!(passing(&one, client(1), 2).await, 2);
    // What the others remember is over after a while; what they know does not come back.
    let third = node(&server.url(), limits(), |sharing| sharing).await;
    assert_eq!(passing(&third, client(1), 9).await, 2);
    one.limit("a").unwrap().penalize(client(2), 3).unwrap();
    rest(200).await;
    assert_eq!(passing(&other, client(2), 9).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_that_changes_on_one_node_after_the_other_resets_nothing() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let (many, few) = (Quota::requests(100).per(DAY), Quota::requests(10).per(DAY));
    let one = node(&server.url(), vec![Limit::new("a", many)], Sharing::without_leases).await;
    let other = node(&server.url(), vec![Limit::new("a", many)], Sharing::without_leases).await;
    assert_eq!(passing(&one, client(1), 50).await, 50);
    assert_eq!(passing(&one, client(2), 5).await, 5);
    other.limit("a").unwrap().set_quota(few).unwrap();
    // In turn, each by its own quota.
    let mut passed = 0;
    for _ in 0..100 {
        passed += passing(&other, client(2), 1).await;
        passed += passing(&one, client(2), 1).await;
    }
    assert!(passed <= 95, "{passed}");
    one.limit("a").unwrap().set_quota(few).unwrap();
    assert_eq!(passing(&one, client(1), 20).await, 0, "used up is used up");
    assert_eq!(passing(&other, client(1), 20).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_that_is_tightened_on_one_node_gives_nothing_back_on_others_that_do_not_know_a_client() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let minutes = |requests| Quota::requests(requests).per(Duration::from_secs(3600));
    let url = server.url();
    let fresh = || node(&url, vec![Limit::new("a", minutes(100))], Sharing::without_leases);
    assert_eq!(passing(&fresh().await, client(1), 90).await, 90);
    let tightened = fresh().await;
    tightened.limit("a").unwrap().set_quota(minutes(5)).unwrap();
    assert_eq!(passing(&tightened, client(1), 3).await, 0);
    let passed = passing(&fresh().await, client(1), 100).await;
    assert!((9..=11).contains(&passed), "{passed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_of_the_server_that_goes_back_refuses_nobody_for_as_long() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let quota = Quota::requests(10).per(Duration::from_secs(60));
    let url = server.url();
    let fresh = || node(&url, vec![Limit::new("a", quota)], Sharing::without_leases);
    let asked = async |limiter: &Limiter<_>| {
        let decision = limiter.ask(client(1), &(&Request::new(())).into()).await;
        decision.wait()
    };
    assert_eq!(asked(&fresh().await).await, None);
    // Stored an hour ahead, as a server finds it whose clock is an hour behind.
    let name = server.cli(&["keys", "*a:0:*"]);
    let value = server.cli(&["get", name.trim()]);
    let (until, end) = value.trim().split_at(14);
    let ahead = until.parse::<u64>().unwrap() + 3600 * 62_500;
    server.cli(&["set", name.trim(), &format!("{ahead}{end}"), "px", "9999999"]);
    let wait = asked(&fresh().await).await.unwrap();
    assert!(wait <= Duration::from_secs(120), "{wait:?}");
    let kept = server.cli(&["get", name.trim()]);
    assert!(kept[..14].parse::<u64>().unwrap() <= until.parse::<u64>().unwrap() + 121 * 62_500, "{kept}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_put_at_a_key_is_overwritten_and_hurts_nobody() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let limits = || vec![of_day("a", 3)];
    let limiter = node(&server.url(), limits(), Sharing::without_leases).await;
    assert_eq!(passing(&limiter, client(1), 1).await, 1);
    let name = server.cli(&["keys", "*a:0:*"]);
    let name = name.trim();
    let end = server.cli(&["get", name]).trim()[14..].to_owned();
    let of_this_quota =
        ["           nan", "           inf", "0x7fffffffffff", "              ", "-9999999999999"];
    let values = of_this_quota.map(|till| format!("{till}{end}"));
    let strange = ["x", "", "99999999999999-1:2:3", "99999999999999-0:0", "99999999999999l0:5", "1-1:2", "1"];
    let strings = values.iter().map(String::as_str).chain(strange).map(|value| ["set", name, value]);
    for what in strings.chain([["lpush", name, "x"]]) {
        for is_charged_first in [false, true] {
            server.cli(&["del", name]);
            server.cli(&what);
            let fresh = node(&server.url(), limits(), Sharing::without_leases).await;
            if is_charged_first {
                fresh.limit("a").unwrap().penalize(client(1), 1).unwrap();
                rest(50).await;
            }
            let passes = 3 - usize::from(is_charged_first);
            assert_eq!(passing(&fresh, client(1), 5).await, passes, "{what:?}");
            assert_eq!(passing(&fresh, client(2), 5).await, 3);
            fresh.limit("a").unwrap().forget(client(2)).unwrap();
            rest(50).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_server_are_no_addresses_and_everything_expires() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let limits = vec![Limit::new("a", Quota::requests(2).per(Duration::from_secs(1)))];
    let sharing = Sharing::over(connect(&server.url()).await, *b"that of all nodes").unwrap();
    let limiter = sharing.share(Limiter::new(limits).unwrap());
    passing(&limiter, client(7), 3).await;
    let host = ClientIp::asserted("2001:db8:1:2::3".parse::<std::net::IpAddr>().unwrap());
    passing(&limiter, host, 3).await;
    let keys = server.cli(&["keys", "*"]);
    let names: Vec<&str> = keys.lines().filter(|key| !key.contains("probe")).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    for name in names {
        assert!(name.starts_with("tollgate1:{"), "{name}");
        for address in ["203", "cb00", "2001", "db8"] {
            assert!(!name.contains(address), "{name}");
        }
    }
    rest(2600).await;
    assert_eq!(server.cli(&["dbsize"]).trim(), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_layer_limits_by_a_shared_store_and_gives_back_what_its_limits_say() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let app = service_fn(|request: Request<()>| async move {
        let mut response = Response::new(Full::<Bytes>::default());
        if request.uri().path() == "/fails" {
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
        Ok::<_, Infallible>(response)
    });
    let limit = of_day("a", 2).skip_failures();
    let sharing = Sharing::insecure_without_secret(connect(&server.url()).await);
    let service = IpRateLimitLayer::from(sharing.share(Limiter::new([limit]).unwrap())).layer(app);
    let mut statuses = Vec::new();
    for path in ["/fails", "/fails", "/", "/fails", "/", "/", "/"] {
        let mut request = Request::get(path).body(()).unwrap();
        request.extensions_mut().insert(client(9));
        statuses.push(service.clone().oneshot(request).await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [500, 500, 200, 500, 200, 429, 429]);
}
