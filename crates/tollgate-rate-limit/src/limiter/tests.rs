use std::sync::Arc;

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
    let mut all = LimitSet::default();
    (0..3).for_each(|index| all.insert(index));
    // It looked before another request took the only one of tight …
    let mut verdict = limiter.peek(all, client, Tick::ZERO);
    assert!(verdict.refused.is_empty());
    assert!(limiter.rules[2].charge(client, Tick::ZERO).is_ok());
    // … and charges after.
    limiter.charge(all, client, Tick::ZERO, &mut verdict);

    let decision = limiter.decision(&verdict, Duration::ZERO);
    let Decision::Refuse { violated, wait } = decision else {
        panic!("{decision:?}");
    };
    assert_eq!(violated.names().collect::<Vec<_>>(), ["tight"]);
    assert_eq!(wait, Duration::from_secs(60));
    for untouched in &limiter.rules[..2] {
        for _ in 0..3 {
            assert!(untouched.charge(client, Tick::ZERO).is_ok());
        }
    }
}
