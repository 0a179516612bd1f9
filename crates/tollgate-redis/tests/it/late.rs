//! Answers that come when their requests are long decided.

use std::sync::Arc;
use std::time::Duration;

use tollgate_rate_limit::Limiter;
use tollgate_redis::rate_limit::{RedisStore, Sharing};

use crate::proxy::Slow;
use crate::server::{TestServer, program};
use crate::{client, node, node_within, of_day, passes, passing, rest};

const DEADLINE: Duration = Duration::from_millis(150);

/// Three requests, too few for the server to be given up, are answered when it is too late: how many of them passed. (To a
/// machine that stands still meanwhile, an answer is in time.)
async fn late(slow: &Slow, limiter: &Limiter<RedisStore>, last: u8) -> usize {
    slow.delay(3 * DEADLINE);
    let passed = passing(limiter, client(last), 3).await;
    slow.delay(Duration::ZERO);
    rest(600).await;
    passed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_answered_late_counts_once() {
    let Some(program) = program() else { return };
    for leases in [false, true] {
        let server = TestServer::start(program, &[]);
        let slow = Slow::in_front_of(server.port).await;
        let sharing = |sharing: Sharing| if leases { sharing } else { sharing.without_leases() };
        let limiter = node_within(DEADLINE, &slow.url, vec![of_day("a", 60)], sharing).await;
        for last in 1..3 {
            let mut passed = passing(&limiter, client(last), 10).await;
            passed += late(&slow, &limiter, last).await;
            assert_eq!(passed, 13);
            let other = node(&server.url(), vec![of_day("a", 60)], Sharing::without_leases).await;
            passed += passing(&other, client(last), 100).await;
            // What is leased by then is the first node's.
            passed += passing(&limiter, client(last), 100).await;
            assert_eq!(passed, 60, "leases: {leases}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_a_node_refuses_by_itself_gets_back_what_the_server_charged_late() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let slow = Slow::in_front_of(server.port).await;
    let nodes = |sharing: Sharing| sharing.with_nodes(10).unwrap().without_leases();
    let limiter = node_within(DEADLINE, &slow.url, vec![of_day("a", 10)], nodes).await;
    assert_eq!(passing(&limiter, client(1), 6).await, 6);
    // A tenth of what is left is not one: none passes that is late.
    let in_time = late(&slow, &limiter, 1).await;
    let other = node(&server.url(), vec![of_day("a", 10)], nodes).await;
    assert_eq!(passing(&other, client(1), 20).await, 4 - in_time);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_passes_by_himself_is_told_where_the_server_refuses_late() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let slow = Slow::in_front_of(server.port).await;
    let limits = || vec![of_day("narrow", 10), of_day("wide", 20)];
    let one = node_within(DEADLINE, &slow.url, limits(), Sharing::without_leases).await;
    // Of what passes here, the first node knows nothing.
    let other = node(&server.url(), limits(), Sharing::without_leases).await;
    assert_eq!(passing(&other, client(1), 10).await, 10);
    // All three that are late.
    let passed = late(&slow, &one, 1).await;
    let wide = node(&server.url(), vec![of_day("wide", 20)], Sharing::without_leases).await;
    assert_eq!(passing(&wide, client(1), 20).await, 10 - passed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_late_request_takes_along_is_told_once() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let slow = Slow::in_front_of(server.port).await;
    let limits = || vec![of_day("a", 40)];
    let limiter = node_within(DEADLINE, &slow.url, limits(), Sharing::without_leases).await;
    for last in 1..3 {
        assert!(passes(&limiter, client(last)).await);
        slow.delay(3 * DEADLINE);
        limiter.limit("a").unwrap().penalize(client(last), 10).unwrap();
        assert!(passes(&limiter, client(last)).await);
        slow.delay(Duration::ZERO);
        rest(600).await;
        let other = node(&server.url(), limits(), Sharing::without_leases).await;
        assert_eq!(passing(&other, client(last), 40).await, 28);
    }
}

/// One is answered late, and of those behind it nobody knows: a proxy cuts them off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_answer_forgets_nobody_who_passed_meanwhile() {
    let Some(program) = program() else { return };
    for leases in [false, true] {
        let mut server = TestServer::start(program, &[]);
        let slow = Slow::in_front_of(server.port).await;
        let sharing = |sharing: Sharing| if leases { sharing } else { sharing.without_leases() };
        let limiter = Arc::new(node_within(DEADLINE, &slow.url, vec![of_day("a", 40)], sharing).await);
        assert!(passes(&limiter, client(1)).await);
        slow.delay(2 * DEADLINE);
        let ask = || {
            let limiter = Arc::clone(&limiter);
            tokio::spawn(async move { passes(&limiter, client(1)).await })
        };
        let mut asked = vec![ask()];
        rest(100).await;
        slow.delay(20 * DEADLINE);
        asked.extend((0..30).map(|_| ask()));
        rest(400).await;
        server.kill();
        let mut passed = 1 + passing(&limiter, client(1), 100).await;
        for asked in asked {
            passed += usize::from(asked.await.unwrap());
        }
        assert_eq!(passed, 40, "leases: {leases}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_never_answers_is_told_when_it_is_given_up() {
    let Some(program) = program() else { return };
    let mut server = TestServer::start(program, &[]);
    let limits = || vec![of_day("a", 40)];
    let limiter = node_within(DEADLINE, &server.url(), limits(), Sharing::without_leases).await;
    assert_eq!(passing(&limiter, client(1), 10).await, 10);
    server.signal("-STOP");
    assert_eq!(passing(&limiter, client(1), 10).await, 10);
    server.kill();
    server.start_again();
    rest(2500).await;
    let other = node(&server.url(), limits(), Sharing::without_leases).await;
    assert_eq!(passing(&other, client(1), 40).await, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_answered_late_takes_no_more_of_a_nodes_part_than_its_own() {
    let Some(program) = program() else { return };
    let mut server = TestServer::start(program, &[]);
    let slow = Slow::in_front_of(server.port).await;
    let nodes = |sharing: Sharing| sharing.with_nodes(4).unwrap().without_leases();
    let limiter = node_within(DEADLINE, &slow.url, vec![of_day("a", 40)], nodes).await;
    assert_eq!(passing(&limiter, client(1), 9).await, 9);
    assert_eq!(late(&slow, &limiter, 1).await, 3);
    server.kill();
    // A fourth of the 28 that are left.
    assert_eq!(passing(&limiter, client(1), 40).await, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_leased_late_comes_not_on_top_of_what_passed_meanwhile() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let slow = Slow::in_front_of(server.port).await;
    let deadline = Duration::from_millis(25);
    let limiter = node_within(deadline, &slow.url, vec![of_day("a", 300)], |sharing| sharing).await;
    let mut passed = passing(&limiter, client(1), 20).await;
    slow.delay(Duration::from_millis(40));
    passed += passing(&limiter, client(1), 400).await;
    slow.delay(Duration::ZERO);
    rest(1500).await;
    passed += passing(&limiter, client(1), 400).await;
    assert!((260..=300).contains(&passed), "{passed}");
}
