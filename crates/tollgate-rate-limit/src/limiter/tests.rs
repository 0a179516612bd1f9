use std::sync::Arc;
use std::time::Duration;

use http::Request;
use tollgate_core::FakeClock;

use super::*;
use crate::Quota;

#[test]
fn a_request_that_lost_the_race_is_charged_to_none_and_told_of_all() {
    let limit = |name, requests| {
        let quota = Quota::requests(requests).per(Duration::from_secs(60));
        Limit::new(name, quota)
    };
    let limits = [limit("wide", 3), limit("watched", 3).with_mode(Mode::Monitor), limit("tight", 1)];
    let limiter = Limiter::new(limits).unwrap().with_clock(Arc::new(FakeClock::new()));
    let client = ClientIp::asserted([203, 0, 113, 7].into());
    let request = Request::new(());
    let mut ticket = limiter.ticket(client, &(&request).into());
    let subject = ticket.asked[0].subject;
    let now = Tick::ZERO;
    // It looked before another request took the only one of tight …
    assert!(limiter.peek(&mut ticket, now).is_none());
    assert!(limiter.rules[2].charge(subject, 1, now).is_ok());
    // … and charges after.
    let wait = limiter.charge(&mut ticket, now).unwrap();

    let violated = limiter.violated(&ticket, Mode::Enforce);
    assert_eq!(violated.names().collect::<Vec<_>>(), ["tight"]);
    assert_eq!(wait.from(Duration::ZERO), Duration::from_secs(60));
    for untouched in &limiter.rules[..2] {
        for _ in 0..3 {
            assert!(untouched.charge(subject, 1, now).is_ok());
        }
    }
}
