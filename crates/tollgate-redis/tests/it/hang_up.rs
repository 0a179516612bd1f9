//! Clients that do not wait for an answer.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tollgate_rate_limit::Limiter;
use tollgate_redis::rate_limit::{RedisStore, Sharing};

use crate::proxy::Slow;
use crate::server::{TestServer, program};
use crate::{client, node, of_day, passes, passing, rest};

/// Asks, and goes before there is an answer; whether there was none.
async fn hang_up(limiter: &Limiter<RedisStore>, last: u8) -> bool {
    let mut asked = pin!(passes(limiter, client(last)));
    poll_fn(|cx| Poll::Ready(asked.as_mut().poll(cx).is_pending())).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hangs_up_is_charged_like_anybody_else() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let slow = Slow::in_front_of(server.port).await;
    let limiter = node(&slow.url, vec![of_day("a", 10)], Sharing::without_leases).await;
    slow.delay(Duration::from_millis(50));
    for _ in 0..4 {
        assert!(hang_up(&limiter, 1).await, "the answer is there at once");
    }
    rest(300).await;
    let other = node(&server.url(), vec![of_day("a", 10)], Sharing::without_leases).await;
    assert_eq!(passing(&other, client(1), 10).await, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hangs_up_while_the_server_hangs_is_charged_when_it_goes_on() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let limiter = node(&server.url(), vec![of_day("a", 30)], Sharing::without_leases).await;
    server.signal("-STOP");
    for _ in 0..20 {
        assert!(hang_up(&limiter, 1).await);
    }
    server.signal("-CONT");
    rest(200).await;
    assert_eq!(passing(&limiter, client(1), 30).await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_to_be_told_is_told_though_the_request_that_took_it_along_is_gone() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let limiter = node(&server.url(), vec![of_day("a", 10), of_day("b", 10)], |sharing| sharing).await;
    for last in 1..20 {
        for name in ["a", "b"] {
            limiter.limit(name).unwrap().penalize(client(last), 8).unwrap();
        }
        hang_up(&limiter, last).await;
    }
    rest(200).await;
    for name in ["a", "b"] {
        let other = node(&server.url(), vec![of_day(name, 10)], |sharing| sharing).await;
        for last in 1..20 {
            assert_eq!(passing(&other, client(last), 10).await, 1, "{name}, {last}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hangs_up_again_and_again_takes_no_leases_along() {
    const QUOTA: usize = 3200;
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let slow = Slow::in_front_of(server.port).await;
    let limiter = node(&slow.url, vec![of_day("a", QUOTA as u32)], |sharing| sharing).await;
    slow.delay(Duration::from_millis(5));
    let (gone, mut waited) = (100, 0);
    for _ in 0..gone {
        waited += usize::from(hang_up(&limiter, 1).await);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!((1..50).contains(&waited), "{waited} were not paid of leases");
    rest(200).await;
    let passed = passing(&limiter, client(1), 2 * QUOTA).await;
    assert!(passed + gone >= QUOTA - QUOTA / 8, "{passed} after {gone} that hung up");
    assert!(passed + gone <= QUOTA, "{passed} after {gone} that hung up");
}
