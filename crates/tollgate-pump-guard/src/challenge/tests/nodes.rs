//! Guards of one secret, as the nodes behind one address have it.

use std::sync::Arc;

use tollgate_core::FakeClock;

use super::*;
use crate::{Policy, Profile, PumpGuard, Secret, State};

fn guard(secret: Secret) -> PumpGuard {
    let state = State::with_secret(PumpGuard::MEMORY, secret);
    PumpGuard::with_state(Policy::default(), Arc::new(FakeClock::new()), state).unwrap()
}

#[tokio::test]
async fn what_one_node_issues_is_solved_at_any_of_the_same_secret() {
    let secret = Secret::derived(b"a secret of ours");
    let (one, other) = (guard(secret), guard(secret));
    let mut attempt = one.attempt("+6591234567", None, Profile::Otp);
    let challenge = one.challenge(&attempt).unwrap();
    let text = challenge.object.split('"').nth(7).unwrap();
    let solution = solve(text).unwrap();
    let stranger = guard(Secret::derived(b"a secret of others"));
    assert_eq!(stranger.prove(&mut attempt, &solution).await, Err(Rejected::NotIssued));
    assert_eq!(other.prove(&mut attempt, &solution).await, Ok(()));
    assert_eq!(other.prove(&mut attempt, &solution).await, Err(Rejected::AlreadyUsed));
}
