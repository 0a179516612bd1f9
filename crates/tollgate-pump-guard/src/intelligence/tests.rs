use std::sync::Arc;

use super::*;
use crate::engine::NumberType;
use crate::{Action, Policy, Profile, PumpGuard};

const LANDLINE: &str = "+442079460000";

fn premium() -> Facts {
    Facts { line_type: Some(NumberType::Premium), ..Facts::default() }
}

#[tokio::test]
async fn what_is_known_of_a_doubtful_number_decides_and_of_others_nobody_is_asked() {
    let known = StaticIntelligence::new([(442_079_460_000, premium()), (6_591_234_567, premium())]);
    let guard = PumpGuard::new(Policy::default()).unwrap().with_intelligence(Arc::new(known));
    let action =
        async |destination| guard.check(&guard.attempt(destination, None, Profile::Otp)).await.action;
    assert_eq!(action(LANDLINE).await, Action::Block);
    assert_eq!(action("+442079460001").await, Action::Allow);
    assert_eq!(action("+6591234567").await, Action::Allow);
}

#[tokio::test]
async fn what_facts_stop_is_not_remembered() {
    let known = StaticIntelligence::new([(442_079_460_000, premium())]);
    let guard = PumpGuard::new(Policy::default()).unwrap().with_intelligence(Arc::new(known));
    let attempt = guard.attempt(LANDLINE, None, Profile::Otp);
    for _ in 0..20 {
        // By the facts each time: no cool-down had anything to count.
        let verdict = guard.check(&attempt).await;
        assert_eq!((verdict.score, verdict.reasons.len()), (100, 2), "{verdict:?}");
    }
}

#[test]
fn no_number_is_printed() {
    let known = StaticIntelligence::new([(442_079_460_000, Facts::default())]);
    assert_eq!(format!("{known:?}"), "StaticIntelligence { numbers: 1 }");
}
