//! What every [`Store`] has to pass, as a function that panics at what it does not.
//!
//! Time is the store's own, which nobody may be able to set: the suite waits, a second or two in all.

#![allow(clippy::panic, clippy::expect_used, reason = "a test-suite: what is wrong ends it")]

use std::time::Duration;

use http::{Request, Response};
use tollgate_core::ClientIp;

use super::Store;
use crate::{Limit, Limiter, Mode, Quota};

const DAY: Duration = Duration::from_secs(86_400);

/// Runs all of it. `limiter` makes a limiter of these limits with a new, empty store, and the machine's clock.
///
/// # Panics
///
/// At the first thing that the store does otherwise than it should.
pub async fn run<S: Store>(limiter: impl AsyncFn(Vec<Limit>) -> Limiter<S>) {
    a_client_gets_its_burst_and_is_told_how_long_to_wait(&limiter).await;
    requests_come_back_one_by_one(&limiter).await;
    what_one_limit_refuses_is_charged_to_none(&limiter).await;
    a_prefix_is_held_by_all_its_levels(&limiter).await;
    a_monitored_limit_stands_in_nobodys_way(&limiter).await;
    costs_are_charged_settled_and_given_back(&limiter).await;
    penalties_are_owed_and_can_be_forgotten(&limiter).await;
    another_quota_forgets_nobody(&limiter).await;
    many_at_once_get_the_quota_and_no_more(&limiter).await;
}

fn client(last: u8) -> ClientIp {
    ClientIp::asserted([203, 0, 113, last].into())
}

/// How many of so many requests pass.
async fn passing<S: Store>(limiter: &Limiter<S>, client: ClientIp, attempts: usize) -> usize {
    let mut passed = 0;
    for _ in 0..attempts {
        passed += usize::from(limiter.ask(client, &(&Request::new(())).into()).await.is_pass());
    }
    passed
}

async fn a_client_gets_its_burst_and_is_told_how_long_to_wait<S: Store>(
    limiter: &impl AsyncFn(Vec<Limit>) -> Limiter<S>,
) {
    let limiter = limiter(vec![Limit::new("a", Quota::requests(24).per(DAY).burst(3))]).await;
    assert_eq!(passing(&limiter, client(1), 5).await, 3, "burst");
    assert_eq!(passing(&limiter, client(2), 5).await, 3, "another client's burst");
    let decision = limiter.ask(client(1), &(&Request::new(())).into()).await;
    assert_eq!(decision.violated().collect::<Vec<_>>(), ["a"]);
    let wait = decision.wait().expect("a wait");
    let hour = Duration::from_secs(3600);
    assert!(wait <= hour && wait > hour - Duration::from_secs(60), "{wait:?} instead of an hour");
}

async fn requests_come_back_one_by_one<S: Store>(limiter: &impl AsyncFn(Vec<Limit>) -> Limiter<S>) {
    let interval = Duration::from_millis(400);
    let limiter = limiter(vec![Limit::new("a", Quota::requests(3).per(3 * interval))]).await;
    assert_eq!(passing(&limiter, client(1), 5).await, 3);
    tokio::time::sleep(interval + interval / 4).await;
    assert_eq!(passing(&limiter, client(1), 5).await, 1, "one interval later");
}

async fn what_one_limit_refuses_is_charged_to_none<S: Store>(
    limiter: &impl AsyncFn(Vec<Limit>) -> Limiter<S>,
) {
    let limits =
        [("wide", 5), ("tight", 2)].map(|(name, most)| Limit::new(name, Quota::requests(most).per(DAY)));
    let limiter = limiter(limits.into()).await;
    assert_eq!(passing(&limiter, client(1), 20).await, 2);
    limiter.limit("tight").expect("tight").forget(client(1)).expect("forgotten");
    assert_eq!(passing(&limiter, client(1), 20).await, 2);
    limiter.limit("tight").expect("tight").forget(client(1)).expect("forgotten");
    assert_eq!(passing(&limiter, client(1), 20).await, 1, "wide was charged what passed, and no more");
    let decision = limiter.ask(client(1), &(&Request::new(())).into()).await;
    assert_eq!(decision.violated().collect::<Vec<_>>(), ["wide"]);
}

async fn a_prefix_is_held_by_all_its_levels<S: Store>(limiter: &impl AsyncFn(Vec<Limit>) -> Limiter<S>) {
    let limiter = limiter(vec![Limit::new("a", Quota::requests(2).per(DAY))]).await;
    let mut passed = 0;
    // 20 /64s of one /56: four times the quota.
    for host in 0..20_u16 {
        let addr = std::net::Ipv6Addr::new(0x2001, 0xdb8, 1, host, 0, 0, 0, 1);
        passed += passing(&limiter, ClientIp::asserted(addr.into()), 5).await;
    }
    assert_eq!(passed, 8);
}

async fn a_monitored_limit_stands_in_nobodys_way<S: Store>(limiter: &impl AsyncFn(Vec<Limit>) -> Limiter<S>) {
    let watched = Limit::new("watched", Quota::requests(1).per(DAY)).with_mode(Mode::Monitor);
    let limiter = limiter(vec![watched, Limit::new("enforced", Quota::requests(3).per(DAY))]).await;
    let mut over = 0;
    for _ in 0..3 {
        let decision = limiter.ask(client(1), &(&Request::new(())).into()).await;
        assert!(decision.is_pass());
        over += decision.monitored().count();
    }
    assert_eq!(over, 2);
    assert_eq!(passing(&limiter, client(1), 3).await, 0);
}

async fn costs_are_charged_settled_and_given_back<S: Store>(
    limiter: &impl AsyncFn(Vec<Limit>) -> Limiter<S>,
) {
    let limit = Limit::new("a", Quota::requests(10).per(DAY)).with_cost(4);
    let limiter = limiter(vec![limit.settled_by(|answer| Some(answer.status.as_u16().into()))]).await;
    let ticket = limiter.ask(client(1), &(&Request::new(())).into()).await.into_ticket();
    limiter.refund(ticket);
    assert_eq!(passing(&limiter, client(1), 5).await, 2, "4 of 10, twice");
    let ticket = limiter.ask(client(2), &(&Request::new(())).into()).await.into_ticket();
    let mut answer = Response::new(());
    *answer.status_mut() = http::StatusCode::CONTINUE;
    // 100 instead of 4: as much as can be owed.
    limiter.settle(ticket, &(&answer).into());
    assert_eq!(passing(&limiter, client(2), 5).await, 0);
}

async fn penalties_are_owed_and_can_be_forgotten<S: Store>(limiter: &impl AsyncFn(Vec<Limit>) -> Limiter<S>) {
    let limiter = limiter(vec![Limit::new("a", Quota::requests(4).per(DAY))]).await;
    let limit = limiter.limit("a").expect("a");
    limit.penalize(client(1), 3).expect("a penalty");
    assert_eq!(passing(&limiter, client(1), 5).await, 1);
    limit.forget(client(1)).expect("forgotten");
    assert_eq!(passing(&limiter, client(1), 5).await, 4);
}

async fn another_quota_forgets_nobody<S: Store>(limiter: &impl AsyncFn(Vec<Limit>) -> Limiter<S>) {
    let limiter = limiter(vec![Limit::new("a", Quota::requests(4).per(DAY))]).await;
    assert_eq!(passing(&limiter, client(1), 9).await, 4);
    let limit = limiter.limit("a").expect("a");
    limit.set_quota(Quota::requests(2).per(2 * DAY)).expect("a quota");
    assert_eq!(passing(&limiter, client(1), 9).await, 0, "used up is used up");
    assert_eq!(passing(&limiter, client(2), 9).await, 2);
    limit.set_quota(Quota::requests(5).per(DAY)).expect("a quota");
    // Of five, two are used, or the four that a store may know of still.
    assert!((1..=3).contains(&passing(&limiter, client(1), 9).await));
}

async fn many_at_once_get_the_quota_and_no_more<S: Store>(limiter: &impl AsyncFn(Vec<Limit>) -> Limiter<S>) {
    const QUOTA: u32 = 50;
    let limiter = limiter(vec![Limit::new("a", Quota::requests(QUOTA).per(DAY))]).await;
    // The first inserts the key.
    let mut passed = passing(&limiter, client(1), 1).await;
    let limiter = std::sync::Arc::new(limiter);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let limiter = std::sync::Arc::clone(&limiter);
            tokio::spawn(async move { passing(&limiter, client(1), 40).await })
        })
        .collect();
    for task in tasks {
        passed += task.await.expect("a task");
    }
    assert_eq!(passed, QUOTA as usize);
}
