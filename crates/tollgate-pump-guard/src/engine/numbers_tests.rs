//! What holds for one number, whatever its range does: who asks for it, who verified it, and what was decided by hand.

use super::*;

#[test]
fn one_number_that_many_clients_ask_for_is_bombed_and_its_owner_is_not_locked_out() {
    let mut world = World::usual(Policy::default());
    let victim = "+6591110000";
    world.send_from(victim, Some("192.0.2.1"));
    world.wait(20);
    world.outcome(victim, Outcome::Verified);
    world.wait(2 * 86_400);
    let mut sent = 0;
    for n in 0..200 {
        world.wait(40);
        sent += usize::from(
            world.send_from(victim, Some(&format!("198.{}.0.9", n % 200))).action == Action::Allow,
        );
    }
    assert!(sent <= 10, "{sent}");
    // Whoever verified it has his own allowance.
    assert_eq!(world.send_from(victim, Some("192.0.2.200")).action, Action::Allow);

    let stranger = "+6591110001";
    let sent = (0..200)
        .filter(|n| {
            world.wait(40);
            world.send_from(stranger, Some(&format!("198.{n}.0.9"))).action == Action::Allow
        })
        .count();
    assert!(sent <= 3, "{sent}");
    let verdict = world.send_from(stranger, Some("198.201.0.9"));
    assert!(verdict.reasons.iter().any(|reason| reason.signal == Signal::NumberActors), "{verdict:?}");
}

#[test]
fn whoever_gives_his_code_back_waits_for_no_other_and_has_ten_a_day() {
    let mut world = World::usual(Policy::default());
    let (number, home) = ("+6591110000", Some("192.0.2.1"));
    // The first was a stranger's.
    for _ in 0..11 {
        assert_eq!(world.send_from(number, home).action, Action::Allow);
        world.wait(15);
        world.outcome(number, Outcome::Verified);
        world.wait(15);
    }
    let verdict = world.send_from(number, home);
    assert_eq!(verdict.action, Action::Block, "{verdict:?}");
    assert!(verdict.retry_after > Some(Duration::from_secs(80_000)), "{verdict:?}");
}

#[test]
fn wrong_codes_are_counted_for_the_number_over_all_its_codes() {
    let mut world = World::usual(Policy::default());
    let victim = "+6591110000";
    for _ in 0..2 {
        world.send(victim);
        for _ in 0..5 {
            world.outcome(victim, Outcome::WrongCode);
        }
        world.wait(3600);
    }
    let verdict = world.send(victim);
    assert_eq!((verdict.action, signal(&verdict)), (Action::Block, Signal::CodeGuesses));
    assert!(verdict.retry_after.unwrap() < Duration::from_secs(86_400));
    world.wait(86_400);
    assert_eq!(world.send(victim).action, Action::Allow);
}

#[test]
fn a_number_that_was_verified_is_exempt_from_its_range_and_from_nothing_else() {
    let mut world = World::usual(Policy::default());
    let known = "+6281234560001";
    world.send(known);
    world.wait(30);
    world.outcome(known, Outcome::Verified);
    world.wait(2 * 86_400);
    world.pumped((10..300).map(|n| format!("+628123456{n:04}")), 1);
    assert_eq!(world.send("+6281234560999").action, Action::Block);
    assert_eq!(world.send(known).action, Action::Allow);
    world.wait(11);
    assert_eq!(signal(&world.send(known)), Signal::NumberCooldown);
}

#[test]
fn a_stock_of_verified_numbers_is_soon_used_up() {
    let mut world = World::usual(Policy::default());
    let stocked = "+6281234560001";
    world.send(stocked);
    world.wait(30);
    world.outcome(stocked, Outcome::Verified);
    world.wait(2 * 86_400);
    let mut sent = 0;
    for n in 0..40_u64 {
        // Somebody else verifies all the while.
        let other = format!("+659{:07}", 3_000_000 + n * 80_021);
        world.send(&other);
        world.wait(20 + n % 9);
        world.outcome(&other, Outcome::Verified);
        sent += usize::from(world.send(stocked).action == Action::Allow);
        world.wait(4000);
    }
    assert!(sent <= 12, "{sent}");
    assert!(!world.send(stocked).reasons.is_empty());
}

#[test]
fn doubtful_messages_go_over_a_channel_that_pays_no_fraudster_where_there_is_one() {
    let doubtful = |policy: Policy, channel: Channel, proven: bool| {
        let mut world = World::usual(policy);
        // One over its budget, and nothing else.
        let mut last = Verdict::allow();
        for n in 0..8_u64 {
            let reading = world.policy.read(&format!("+1202{:07}", 2_000_000 + n * 91_813 % 7_000_000), None);
            let client = Some("203.0.113.7".parse().unwrap());
            let mut attempt = Attempt::new(reading, Profile::Otp).from_client(client).over(channel);
            attempt.proven = proven;
            last = world.attempt("", &attempt);
        }
        (last.action, last.score)
    };
    let whatsapp = Shift::WhatsApp { template_name: "otp".to_owned() };
    let with = |channels: &[Shift]| Policy { shift_to: channels.to_vec(), ..Policy::default() };
    assert_eq!(doubtful(with(&[]), Channel::Sms, false), (Action::Challenge, 60));
    assert_eq!(doubtful(with(&[]), Channel::Sms, true), (Action::Allow, 60));
    assert_eq!(
        doubtful(with(std::slice::from_ref(&whatsapp)), Channel::Sms, false).0,
        Action::Shift(Channel::WhatsApp)
    );
    assert_eq!(doubtful(with(&[whatsapp]), Channel::WhatsApp, false).0, Action::Challenge);
}

#[test]
fn what_was_decided_by_hand_holds_until_it_ends_and_a_block_goes_first() {
    let mut world = World::usual(Policy::default());
    let numbers = |digits: &str| Matcher::Numbers(digits.to_owned());
    let end = world.now + Duration::from_secs(100);
    world.policy.entries = vec![
        Entry::new(numbers("628123456"), EntryAction::Allow, "our own test range"),
        Entry::new(numbers("62812345699"), EntryAction::Block, "INC-7").until(end),
    ];
    assert_eq!(world.policy.validate(), Ok(()));
    let sent = world.pumped((0..50).map(|n| format!("+628123456{:04}", n * 31)), 1);
    assert_eq!(sent, 50, "allowed by hand");
    let blocked = world.send("+6281234569912");
    assert_eq!((blocked.action, signal(&blocked)), (Action::Block, Signal::Manual));
    assert!(blocked.reasons[0].evidence.contains("INC-7"));
    assert_eq!(blocked.reasons[0].retry_after, Some(Duration::from_secs(50)));
    world.wait(100);
    assert_eq!(world.send("+6281234569912").action, Action::Allow);

    world.policy.entries = vec![Entry::new(numbers("628"), EntryAction::Block, "for ever")];
    assert_eq!(world.policy.validate().unwrap_err().field, "entry.until");
}
