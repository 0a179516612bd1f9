//! What requests cost, before and after they are answered.

use http::{Request, Response};
use proptest::prelude::*;
use tollgate_rate_limit::{Limit, Limiter, Quota, Ticket};

use crate::{MINUTE, client, limiter, passing};

const CLIENT: &str = "203.0.113.7";

fn charged(limiter: &Limiter) -> Option<Ticket> {
    let decision = limiter.check(client(CLIENT), &(&Request::new(())).into());
    decision.is_pass().then(|| decision.into_ticket())
}

#[test]
fn a_request_can_cost_more_than_one() {
    let quota = Quota::requests(10).per(MINUTE);
    let (fixed, _clock) = limiter([Limit::new("fixed", quota).with_cost(4)]);
    assert_eq!(passing(&fixed, client(CLIENT), 9), 2);

    let by_path = Limit::new("by path", quota)
        .with_cost_of(|head| head.uri.path().trim_start_matches('/').parse().unwrap_or(1));
    let (limiter, clock) = limiter([by_path]);
    let check = |cost: u32| {
        let request = Request::get(format!("/{cost}")).body(()).unwrap();
        limiter.check(client(CLIENT), &(&request).into()).is_pass()
    };
    assert_eq!([7, 4, 3, 1].map(check), [true, false, true, false]);
    // What is free is not counted, nor refused.
    assert!(check(0));
    // What costs more than the burst never passes, and leaves no trace.
    clock.advance(60 * MINUTE);
    assert!(!check(11));
    assert!(check(10));
}

#[test]
fn a_cost_that_cannot_be_is_told_at_once() {
    let limit = |cost| [Limit::new("a", Quota::requests(10).per(MINUTE).burst(5)).with_cost(cost)];
    assert!(Limiter::new(limit(5)).is_ok());
    assert_eq!(
        Limiter::new(limit(6)).unwrap_err().to_string(),
        "limits[0].cost: 6: nothing would ever pass; give at most the burst, 5"
    );
    assert_eq!(Limiter::new(limit(0)).unwrap_err().field(), "cost");
}

#[test]
fn successes_are_given_back_where_only_failures_count() {
    let quota = Quota::requests(3).per(MINUTE);
    let (limiter, _clock) = limiter([Limit::new("wrong passwords", quota).skip_successes()]);
    let answer = |status: u16| Response::builder().status(status).body(()).unwrap();
    for _ in 0..10 {
        let ticket = charged(&limiter).unwrap();
        limiter.settle(ticket, &(&answer(200)).into());
    }
    for _ in 0..3 {
        let ticket = charged(&limiter).unwrap();
        limiter.settle(ticket, &(&answer(401)).into());
    }
    assert!(charged(&limiter).is_none());
}

#[test]
fn a_verified_user_pays_nothing_for_neighbours_behind_one_address() {
    #[derive(Clone)]
    struct Verified;
    let quota = Quota::requests(2).per(MINUTE);
    let limit = Limit::new("sends", quota)
        .settled_by(|answer| answer.extensions.get::<Verified>().is_some().then_some(0));
    let (limiter, _clock) = limiter([limit]);
    let mut answer = Response::new(());
    answer.extensions_mut().insert(Verified);
    for _ in 0..10 {
        let ticket = charged(&limiter).unwrap();
        limiter.settle(ticket, &(&answer).into());
    }
    assert_eq!(passing(&limiter, client(CLIENT), 10), 2);
}

#[test]
fn what_cost_more_than_was_charged_is_owed() {
    let quota = Quota::requests(10).per(MINUTE);
    let (limiter, clock) = limiter([Limit::new("tokens", quota).settled_by(|_| Some(16))]);
    let ticket = charged(&limiter).unwrap();
    limiter.settle(ticket, &(&Response::new(())).into());
    // Six too many: 36 s until the burst is where it would be, and 6 s for one more.
    clock.advance(MINUTE * 42 / 60 - std::time::Duration::from_millis(1));
    assert!(charged(&limiter).is_none());
    clock.advance(std::time::Duration::from_millis(1));
    assert!(charged(&limiter).is_some());
}

#[test]
fn a_ticket_can_be_given_back_whole() {
    let quota = Quota::requests(1).per(MINUTE);
    let (limiter, _clock) = limiter([Limit::new("a", quota), Limit::new("b", quota)]);
    for _ in 0..5 {
        limiter.refund(charged(&limiter).unwrap());
    }
    assert_eq!(passing(&limiter, client(CLIENT), 5), 1);
}

#[test]
fn a_ticket_of_another_limiter_does_no_harm() {
    let quota = Quota::requests(1).per(MINUTE);
    let (two, _clock) = limiter([Limit::new("a", quota), Limit::new("b", quota).settled_by(|_| Some(0))]);
    let (none, _clock) = limiter([]);
    none.settle(charged(&two).unwrap(), &(&Response::new(())).into());
    assert!(charged(&two).is_none());
    two.limit("a").unwrap().forget(client(CLIENT)).unwrap();
    two.limit("b").unwrap().forget(client(CLIENT)).unwrap();
    none.refund(charged(&two).unwrap());
    assert!(charged(&two).is_none());
}

#[test]
fn another_clock_or_size_keeps_every_limit() {
    let quota = Quota::requests(1).per(MINUTE);
    let limits = || (0..64).map(|n| Limit::new(n.to_string(), quota));
    let (limiter, _clock) = limiter(limits());
    let limiter = limiter.with_table_bytes(64 * 4096).unwrap();
    assert_eq!(limiter.limits().count(), 64);
    assert_eq!(limiter.table_bytes(), 64 * 4096);
    assert_eq!(passing(&limiter, client("2001:db8::1"), 5), 1);
}

/// Slow requests that end well are given back what they still owe, and not what time has given back already: who holds
/// many of them open for minutes could otherwise let them go all at once, and have as many guesses.
#[test]
fn what_time_has_given_back_is_not_given_back_again() {
    let quota = Quota::requests(5).per(MINUTE);
    let (limiter, clock) = limiter([Limit::new("wrong passwords", quota).skip_successes()]);
    let mut slow = Vec::new();
    for _ in 0..20 {
        slow.extend((0..5).map(|_| charged(&limiter).unwrap()));
        clock.advance(MINUTE);
    }
    let answer = |status: u16| Response::builder().status(status).body(()).unwrap();
    let mut guesses = 0;
    loop {
        while let Some(ticket) = charged(&limiter) {
            limiter.settle(ticket, &(&answer(401)).into());
            guesses += 1;
        }
        let Some(ticket) = slow.pop() else { break };
        limiter.settle(ticket, &(&answer(200)).into());
    }
    assert_eq!(guesses, 5);
}

#[test]
fn a_ticket_of_before_a_change_gives_back_one_request_of_the_new_quota() {
    let hour = 60 * MINUTE;
    let (limiter, _clock) = limiter([Limit::new("a", Quota::requests(3).per(3 * hour))]);
    let ticket = charged(&limiter).unwrap();
    limiter.limit("a").unwrap().set_quota(Quota::requests(3600).per(hour)).unwrap();
    assert_eq!(passing(&limiter, client(CLIENT), 5000), 3599);
    limiter.refund(ticket);
    assert_eq!(passing(&limiter, client(CLIENT), 5000), 1);
}

/// One request that turned out to cost a million does not use up what its client shares with a whole /48.
#[test]
fn what_one_client_owes_after_the_fact_leaves_its_neighbours_their_quota() {
    let (limiter, _clock) =
        limiter([Limit::new("tokens", Quota::requests(10).per(MINUTE)).settled_by(|_| Some(1_000_000))]);
    let ask = |addr: &str| limiter.check(client(addr), &(&Request::new(())).into());
    limiter.settle(ask("2001:db8::1").into_ticket(), &(&Response::new(())).into());
    assert!(!ask("2001:db8::1").is_pass());
    limiter.limit("tokens").unwrap().penalize(client("2001:db8::1"), u32::MAX).unwrap();
    assert!(ask("2001:db8:0:ff01::1").is_pass());
}

proptest! {
    /// A refund makes it as if nothing had been charged, and never gives more than the quota.
    #[test]
    fn costs_and_refunds_in_any_order_keep_the_books(
        steps in prop::collection::vec((1u32..8, any::<bool>()), 1..100),
    ) {
        let limit = Limit::new("a", Quota::requests(20).per(366 * 24 * 60 * MINUTE)).with_cost_of(|head| {
            head.uri.path().trim_start_matches('/').parse().unwrap_or(1)
        });
        let (limiter, _clock) = limiter([limit]);
        let mut owed = 0;
        for (cost, gives_back) in steps {
            let request = Request::get(format!("/{cost}")).body(()).unwrap();
            let decision = limiter.check(client(CLIENT), &(&request).into());
            prop_assert_eq!(decision.is_pass(), owed + cost <= 20);
            if decision.is_pass() {
                if gives_back { limiter.refund(decision.into_ticket()) } else { owed += cost }
            }
        }
    }
}
