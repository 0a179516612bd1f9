//! Requests that come at the same time, which share calls.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Request;
use tokio::task::JoinSet;
use tollgate_core::ClientIp;
use tollgate_rate_limit::{Limit, Limiter, Mode, Quota};
use tollgate_redis::rate_limit::{RedisStore, Sharing};

use crate::awake::Awake;
use crate::proxy::Slow;
use crate::server::{TestServer, program, programs};
use crate::{DAY, SOON, client, node, of_day, passes, rest};

fn ask(limiter: &Arc<Limiter<RedisStore>>, client: ClientIp) -> tokio::task::JoinHandle<bool> {
    let limiter = Arc::clone(limiter);
    tokio::spawn(async move { passes(&limiter, client).await })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_come_at_once_share_calls_and_each_gets_its_own_answer() {
    for program in programs() {
        let server = TestServer::start(program, &[]);
        let limits =
            vec![of_day("a", 3), Limit::new("b", Quota::requests(2).per(DAY)).with_mode(Mode::Monitor)];
        let limiter = Arc::new(node(&server.url(), limits, Sharing::without_leases).await);
        let before = server.calls();
        let mut asked = JoinSet::new();
        for turn in 0..5_u8 {
            for last in 0..200 {
                let limiter = Arc::clone(&limiter);
                asked.spawn(async move {
                    let decision = limiter.ask(client(last), &(&Request::new(())).into()).await;
                    (last, turn, decision.is_pass(), decision.monitored().count())
                });
            }
        }
        let (mut passed, mut monitored) = ([0; 200], [0; 200]);
        for (last, _, passes, over) in asked.join_all().await {
            passed[usize::from(last)] += usize::from(passes);
            monitored[usize::from(last)] += over;
        }
        assert_eq!(passed, [3; 200], "{program}");
        assert!(monitored.iter().all(|over| (1..=3).contains(over)), "{program}: {monitored:?}");
        let calls = server.calls() - before;
        assert!(calls < 200, "{program}: {calls} calls for 1000 requests");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_many_counts_requests_have_each_gets_its_own_answer() {
    const NAMES: [&str; 64] = {
        let mut names = [""; 64];
        let letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
        let mut at = 0;
        while at < names.len() {
            names[at] = letters.split_at(at).1.split_at(1).0;
            at += 1;
        }
        names
    };
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let limits = NAMES.map(|name| of_day(name, 2)).to_vec();
    let limiter = Arc::new(node(&server.url(), limits, Sharing::without_leases).await);
    let mut asked = JoinSet::new();
    for host in 0..200_u128 {
        let limiter = Arc::clone(&limiter);
        // Each of a prefix of its own, on all levels.
        let client = ClientIp::asserted(std::net::Ipv6Addr::from((0x2001_0db9 + host) << 80).into());
        asked.spawn(async move {
            let mut passed = 0;
            for _ in 0..3 {
                passed += usize::from(passes(&limiter, client).await);
            }
            passed
        });
    }
    assert!(asked.join_all().await.into_iter().all(|passed| passed == 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_is_answered_though_those_before_are_given_up() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let limiter = Arc::new(node(&server.url(), vec![of_day("a", 500)], Sharing::without_leases).await);
    server.signal("-STOP");
    let on_their_way: Vec<_> = (1..=2).map(|_| ask(&limiter, client(1))).collect();
    rest(100).await;
    let waiting: Vec<_> = (1..=100).map(|_| ask(&limiter, client(2))).collect();
    rest(100).await;
    on_their_way.iter().for_each(tokio::task::JoinHandle::abort);
    rest(100).await;
    server.signal("-CONT");
    for asked in waiting {
        assert!(tokio::time::timeout(SOON, asked).await.unwrap().unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_server_that_is_far_away_nobody_waits_for_others_answers() {
    const WAY: Duration = Duration::from_millis(300);
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let slow = Slow::in_front_of(server.port).await;
    let limiter = Arc::new(node(&slow.url, vec![of_day("a", 500)], Sharing::without_leases).await);
    // So that it knows the script.
    assert!(passes(&limiter, client(0)).await);
    slow.delay(WAY);
    let start = Awake::now();
    let mut asked = JoinSet::new();
    for last in 0..200 {
        let limiter = Arc::clone(&limiter);
        asked.spawn(async move { passes(&limiter, client(last)).await });
    }
    assert!(asked.join_all().await.into_iter().all(|passes| passes));
    assert!(start.elapsed() < WAY * 2, "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_no_stretch_of_time_passes_more_than_the_quota_however_three_nodes_are_asked() {
    const INTERVAL: Duration = Duration::from_millis(10);
    const BURST: usize = 96;
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let quota = Quota::requests(BURST as u32).per(INTERVAL * BURST as u32);
    let mut asked = JoinSet::new();
    for number in 0..3_u64 {
        let sharing = |sharing: Sharing| sharing.with_nodes(3).unwrap();
        let limiter = Arc::new(node(&server.url(), vec![Limit::new("a", quota)], sharing).await);
        for task in 0..3 {
            let limiter = Arc::clone(&limiter);
            asked.spawn(async move {
                let mut state = 0x9e37_79b9_7f4a_7c15 ^ (number * 3 + task + 1);
                let mut random = move || {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    state
                };
                let start = Instant::now();
                let mut passed = Vec::new();
                while start.elapsed() < Duration::from_secs(6) {
                    // Bursts, of which some are given up, and rests that leases outlive or do not.
                    for _ in 0..random() % 40 {
                        let before = Instant::now();
                        let asking = passes(&limiter, client(1));
                        let given_up = Duration::from_micros(if random() % 4 == 0 { 30 } else { 1_000_000 });
                        if let Ok(true) = tokio::time::timeout(given_up, asking).await {
                            passed.push((before, Instant::now()));
                        }
                    }
                    tokio::time::sleep(Duration::from_millis(random() % 400)).await;
                }
                passed
            });
        }
    }
    let mut passed: Vec<(Instant, Instant)> = asked.join_all().await.into_iter().flatten().collect();
    passed.sort_unstable();
    assert!(passed.len() > BURST, "{} passed", passed.len());
    for (index, (from, _)) in passed.iter().enumerate() {
        let mut answered: Vec<Instant> = passed.iter().skip(index).map(|(_, answered)| *answered).collect();
        answered.sort_unstable();
        for (others, until) in answered.into_iter().enumerate() {
            let stretch = until - *from;
            let most = BURST as f64 + stretch.as_secs_f64() / INTERVAL.as_secs_f64() + 1.0;
            assert!((others + 1) as f64 <= most, "{} within {stretch:?}", others + 1);
        }
    }
}
