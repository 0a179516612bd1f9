//! The signals that look at what the others do not: sends again, sessions and users, networks, operators, whole countries
//! by the hour of the week, and guesses everywhere.

use super::*;

/// Numbers all over Singapore, none of them those of [`World::usual`].
fn at_home(n: u64) -> String {
    format!("+659{:07}", 1_000_003 + n * 91_813 % 7_000_000)
}

fn checked(world: &mut World, number: &str) -> Verdict {
    let charge = world.charges[number];
    judge_check(&world.policy, &mut world.state, Some(&charge), None, world.now)
}

fn reason(verdict: &Verdict, signal: Signal) -> Option<&Reason> {
    verdict.reasons.iter().find(|reason| reason.signal == signal)
}

#[test]
fn where_wrong_codes_are_given_everywhere_a_number_has_one_try() {
    let mut world = World::usual(Policy::default());
    let (tried, fresh) = (at_home(5_000), at_home(5_001));
    world.send(&tried);
    world.send(&fresh);
    world.outcome(&tried, Outcome::WrongCode);
    assert_eq!(checked(&mut world, &tried).action, Action::Allow);
    // A few at each of many numbers: no number and no client has too many.
    for n in 0..70 {
        let number = at_home(n);
        world.policy.mode = Mode::Monitor;
        world.send(&number);
        world.policy.mode = Mode::Enforce;
        for _ in 0..3 {
            world.outcome(&number, Outcome::WrongCode);
        }
    }
    let stopped = checked(&mut world, &tried);
    assert_eq!((stopped.action, signal(&stopped)), (Action::Block, Signal::CodeGuesses));
    assert_eq!(checked(&mut world, &fresh).action, Action::Allow, "a first try is never stopped");
    world.now += stopped.retry_after.unwrap();
    assert_eq!(checked(&mut world, &tried).action, Action::Allow);
}

#[test]
fn right_codes_make_room_for_wrong_ones_and_unknown_sessions_count_for_nobody() {
    let mut world = World::usual(Policy::default());
    world.policy.guesses.per_hour = 4.0;
    let tried = at_home(5_000);
    world.send(&tried);
    world.outcome(&tried, Outcome::WrongCode);
    for _ in 0..1000 {
        observe_guess(&mut world.state, None, Some([192, 0, 2, 1].into()), world.now);
    }
    assert_eq!(checked(&mut world, &tried).action, Action::Allow);
    for n in 0..20 {
        world.wait(10);
        world.send(&at_home(n));
        if n % 2 == 0 {
            world.outcome(&at_home(n), Outcome::WrongCode);
        }
        world.outcome(&at_home(n), Outcome::Verified);
    }
    assert_eq!(checked(&mut world, &tried).action, Action::Allow, "eleven are wrong where twenty are right");
}

#[test]
fn numbers_that_are_sent_to_again_and_again_tell_a_range_from_one_that_fails_once() {
    let resent = |presses: u64| {
        let mut world = World::usual(Policy::default());
        // Half of them verify, so that the range's debt stays small.
        for n in 0..40_u64 {
            let number = format!("+659123{:04}", n * 211);
            for _ in 0..presses {
                world.wait(700);
                world.send(&number);
            }
            world.wait(8 + n * 7 % 60);
            world.outcome(&number, if n % 2 == 0 { Outcome::Verified } else { Outcome::Undelivered });
        }
        world.wait(600);
        world.send("+6591239999")
    };
    assert_eq!(reason(&resent(1), Signal::ResendRatio), None);
    let verdict = resent(3);
    let noted = reason(&verdict, Signal::ResendRatio).unwrap();
    assert!(noted.evidence.contains("100k range +65912xxxxx"), "{noted}");
    assert_eq!(noted.score, 15);
    assert!(verdict.score < CHALLENGE_AT || verdict.reasons.len() > 1, "it adds to others only");
}

#[test]
fn what_was_not_sent_after_all_is_no_message() {
    let mut world = World::usual(Policy::default());
    world.policy.mode = Mode::Monitor;
    for n in 0..200_u64 {
        world.wait(40);
        let number = format!("+659123{:04}", n % 40 * 211);
        world.send(&number);
        forget(&mut world.state, world.charges[&number]);
    }
    assert_eq!(reason(&world.send("+6591239999"), Signal::ResendRatio), None);
}
