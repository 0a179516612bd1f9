use super::*;
use crate::simulate::MINUTE;

fn send(minute: u32, label: Label, destination: &str) -> Event {
    let send = Send { label: Some(label), destination: destination.to_owned(), ..Send::default() };
    Event { at: MINUTE * minute, kind: Kind::Send(send) }
}

const ALLOW: Decision = Decision { action: Action::Allow, cooldown: false };
const BLOCK: Decision = Decision { action: Action::Block, cooldown: false };
const COOLDOWN: Decision = Decision { action: Action::Block, cooldown: true };
const CHALLENGE: Decision = Decision { action: Action::Challenge, cooldown: false };
const SHIFT: Decision = Decision { action: Action::Shift, cooldown: false };

const SG: &str = "+6591234567";
const ID: &str = "+6281234567890";

fn fraud(decisions: &[Decision]) -> Score {
    let events: Vec<Event> =
        (0..).map(|minute| send(minute, Label::Fraud, SG)).take(decisions.len()).collect();
    score(&events, decisions)
}

#[test]
fn a_challenge_stops_half_and_a_shift_or_a_block_all() {
    assert_eq!(fraud(&[ALLOW, CHALLENGE, SHIFT, BLOCK]).stopped_percent, Some(62.5));
    assert_eq!(fraud(&[]).stopped_percent, None);
}

#[test]
fn what_counts_is_what_got_through_before_it_was_stopped_for_good() {
    let mut decisions = vec![ALLOW; 20];
    decisions.extend([CHALLENGE; 12]);
    decisions.extend([BLOCK; 44]);
    // From the third challenge on, 45 of 50 are stopped: 44 and a half, from the second on, are not enough.
    decisions.extend([ALLOW, BLOCK, BLOCK, ALLOW, ALLOW, ALLOW]);
    let score = fraud(&decisions);
    assert!(score.caught);
    assert_eq!(score.let_through, 20.0 + 1.0);

    let never = fraud(&[ALLOW, CHALLENGE, BLOCK].repeat(40));
    assert_eq!((never.let_through, never.caught), (60.0, false));
    let soon = fraud(&[vec![ALLOW; 4], vec![BLOCK; 96]].concat());
    assert_eq!((soon.let_through, soon.caught), (4.0, true), "the first ones count, however few");
    let at_once = fraud(&[BLOCK; 10]);
    assert_eq!((at_once.let_through.to_string(), at_once.caught), ("0".to_owned(), true));
}

#[test]
fn harm_is_told_by_kind_and_the_cool_down_apart() {
    let events: Vec<Event> = (0..6).map(|minute| send(minute, Label::Legit, SG)).collect();
    let score = score(&events, &[ALLOW, BLOCK, BLOCK, COOLDOWN, SHIFT, CHALLENGE]);
    let harm = Harm { attempts: 6, blocked: 2, shifted: 1, challenged: 1, cooled_down: 1 };
    assert_eq!((score.everywhere, score.under_attack), (harm, Harm::default()));
    assert_eq!(harm.percent(3), 50.0);
    assert_eq!(Harm::default().percent(0), 0.0);
}

#[test]
fn under_attack_is_where_and_while_the_fraud_is() {
    let events = [
        send(0, Label::Legit, SG),
        send(1, Label::Fraud, SG),
        send(2, Label::Legit, SG),
        send(2, Label::Legit, ID),
        send(3, Label::Fraud, SG),
        send(4, Label::Legit, SG),
    ];
    let score = score(&events, &[BLOCK; 6]);
    assert_eq!((score.under_attack.attempts, score.everywhere.attempts), (1, 4));
}

#[test]
fn recovery_is_the_last_one_hurt_within_six_hours_in_the_attacked_country() {
    let after = |minute, destination, decision| {
        let events = [send(0, Label::Fraud, SG), send(minute, Label::Legit, destination)];
        score(&events, &[BLOCK, decision]).recovery
    };
    assert_eq!(after(30, SG, BLOCK), MINUTE * 30);
    assert_eq!(after(30, SG, CHALLENGE), MINUTE * 30);
    assert_eq!(after(30, SG, COOLDOWN), Duration::ZERO);
    assert_eq!(after(30, SG, ALLOW), Duration::ZERO);
    assert_eq!(after(30, ID, BLOCK), Duration::ZERO);
    assert_eq!(after(361, SG, BLOCK), Duration::ZERO);
}
