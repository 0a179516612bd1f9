//! What goes out is counted once wherever it counts, and what does not is taken back as it was counted.

use super::super::cells::Cell;
use super::super::numbers::NumberCell;
use super::*;

#[test]
fn what_was_shifted_counts_in_full_once_it_goes_by_sms() {
    let sent = |shifted_before: bool| {
        let mut policy = Policy::default();
        policy.shift_to.push(Shift::Viber);
        let mut world = World::usual(policy);
        let numbers: Vec<_> = (0..200).map(|n| format!("+62812345{:05}", 67_000 + n * 7 % 1000)).collect();
        if shifted_before {
            for n in 0..8_u64 {
                let stranger = format!("+1202{:07}", 2_000_000 + n * 91_813 % 7_000_000);
                world.send_from(&stranger, Some("203.0.113.7"));
            }
            for number in &numbers {
                let verdict = world.send_from(number, Some("203.0.113.7"));
                assert!(matches!(verdict.action, Action::Shift(_)), "{verdict:?}");
            }
        }
        world.wait(3600);
        let asked = numbers.iter().enumerate().map(|(n, number)| {
            world.wait(5);
            world.send_from(number, Some(&format!("198.{}.{}.9", 18 + n / 250, n % 250))).action
        });
        asked.filter(|action| *action == Action::Allow).count()
    };
    let usual = sent(false);
    assert!(usual < 10 && sent(true) <= usual, "{usual}");
}

#[test]
fn what_is_taken_back_of_somebody_known_takes_no_stranger_from_his_range() {
    let mut world = World::usual(Policy::default());
    let own = "+6281234560001";
    world.send(own);
    world.wait(20);
    world.outcome(own, Outcome::Verified);
    world.wait(2 * 86_400);
    for n in 0..20 {
        world.wait(20);
        let number = format!("+62812345{:05}", 60_100 + n * 37);
        world.send(&number);
        world.wait(20);
        world.outcome(&number, Outcome::Verified);
    }
    let Reading::Number(number) = world.policy.read(own, None) else { panic!() };
    let strangers = |world: &World| {
        [0, 1, 2, 3, 4].map(|level| {
            let key = world.state.range_key(Profile::Otp, level, number.range(3));
            world.state.ranges.find(key).unwrap().hour
        })
    };
    let before = strangers(&world);
    for _ in 0..25 {
        assert_eq!(world.send(own).action, Action::Allow);
        forget(&mut world.state, world.charges[own]);
    }
    assert_eq!(strangers(&world), before);
}

#[test]
fn whoever_verifies_in_one_profile_while_he_waits_in_another_leaves_nobody_waiting_there() {
    let mut world = World::usual(Policy::default());
    let attempt = |world: &World, profile| Attempt::new(world.policy.read("+6281234560001", None), profile);
    for _ in 0..3 {
        let elsewhere = attempt(&world, Profile::Notification);
        world.attempt("n1", &elsewhere);
        let here = attempt(&world, Profile::Otp);
        world.attempt("o1", &here);
        world.wait(35);
        world.outcome("o1", Outcome::Verified);
        world.attempt("n2", &elsewhere);
        world.wait(120 * 86_400);
        world.send("+6591111111");
        let tenant = world.state.tenant(Profile::Notification);
        assert_eq!((tenant.world.in_flight, tenant.pending.len()), (0, 0));
    }
}

#[test]
fn a_rest_that_was_forgotten_does_not_hide_the_one_that_is_remembered() {
    let policy = Policy::default();
    let Reading::Number(number) = policy.read("+6591234567", None) else { panic!() };
    let now = 1_772_409_600;
    let mut cell = NumberCell::recalled([now + 80_000, 0], now);
    let score = |cell: &NumberCell| policy.cooldown.judge(cell, &number, false, now + 11).unwrap().score;
    assert_eq!(score(&cell), CHALLENGE_AT);
    for n in 0..10 {
        cell.sent(now + n, None);
    }
    assert_eq!(score(&cell), 100);
}

#[test]
fn a_second_press_for_an_unusual_number_gets_the_first_answer_too() {
    let mut world = World::usual(Policy::default());
    for number in ["+442079460000", "+6591234567"] {
        assert_eq!(world.send_from(number, Some("203.0.113.7")).action, Action::Allow);
        world.wait(3);
        assert!(world.send_from(number, Some("203.0.113.7")).repeat, "{number}");
    }
}

#[test]
fn nobody_silences_the_outcomes_with_a_few_numbers_of_his_own() {
    let mut world = World::usual(Policy::default());
    let own = ["+6281234560001", "+6281234560002"];
    for number in own {
        world.send(number);
        world.wait(20);
        world.outcome(number, Outcome::Verified);
    }
    for _ in 0..20 {
        world.wait(86_400);
        for number in own {
            world.send(number);
            world.wait(400);
        }
    }
    assert!(world.state.tenant(Profile::Otp).silent <= 2);
}
