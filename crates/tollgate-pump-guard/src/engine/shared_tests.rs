use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::super::*;
use super::*;
use crate::engine::heard::MOST_NODES;
use crate::engine::persist::Changes;
use crate::engine::record::Record;

#[path = "late_tests.rs"]
mod late_tests;

const BYTES: usize = 1 << 20;
const START: Duration = Duration::from_secs(1_772_409_600);

fn node(number: u64) -> State {
    let mut state = State::with_secret(BYTES, Secret::derived(b"a secret of ours"));
    state.share_as(Node::of(number));
    state
}

/// Everything that is kept but who was heard, and by what a place is called.
fn contents(state: &mut State) -> Vec<(u8, u64, Vec<u8>)> {
    const HEARD: u8 = 13;
    let kept: Changes = state.everything();
    let records = kept.iter().filter(|(table, ..)| *table != HEARD);
    records.map(|(table, key, value)| (table, key, value.to_vec())).collect()
}

/// What came through, and what was told again.
fn exchange(from: &mut State, to: &mut State, policy: &Policy, now: Duration) -> Absorbed {
    let mut absorbed = Absorbed::default();
    loop {
        let deltas = from.drain(7);
        if deltas.is_empty() {
            return absorbed;
        }
        let deltas = Deltas::decode(&deltas.encode()).unwrap();
        absorbed = absorbed.plus(to.absorb(&deltas, |_| Some(policy), now));
    }
}

#[derive(Clone, Copy, Debug)]
struct Step {
    wait: u32,
    at_first: bool,
    range: u8,
    place: u16,
    client: u8,
    outcome: Option<Outcome>,
    outcome_at_first: bool,
    not_sent: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        2 => Just(None),
        4 => Just(Some(Outcome::Verified)),
        1 => Just(Some(Outcome::WrongCode)),
        1 => Just(Some(Outcome::Undelivered)),
    ];
    let whose = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.1));
    // Seconds apart: a second press at once is answered by the node that has the answer.
    (11_u32..400, 0_u8..5, 0_u16..400, 0_u8..20, outcome, whose).prop_map(
        |(wait, range, place, client, outcome, (at_first, outcome_at_first, not_sent))| Step {
            wait,
            at_first,
            range,
            place,
            client,
            outcome,
            outcome_at_first,
            not_sent,
        },
    )
}

fn attempt(policy: &Policy, step: Step) -> Attempt {
    let prefix = ["+659123", "+659876", "+1202555", "+628123456", "+4479123"][usize::from(step.range)];
    let digits = [4, 4, 4, 4, 5][usize::from(step.range)];
    let number = format!("{prefix}{:0digits$}", u32::from(step.place) * 7 + 1000);
    let profile = if step.client == 0 { Profile::Notification } else { Profile::Otp };
    let client = Ipv4Addr::new(203, 0, 113, step.client);
    Attempt::new(policy.read(&number, None), profile).from_client(Some(client.into()))
}

fn priced() -> Policy {
    let mut prices = Prices::new("EUR");
    prices.sms.default = Money::of(0.05);
    Policy { prices: Some(prices), ..Policy::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn two_nodes_that_tell_each_other_everything_know_what_one_that_saw_it_all_does(
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let policy = priced();
        let (mut one, mut first, mut second) = (node(1), node(2), node(3));
        let mut now = START;
        for (index, step) in steps.into_iter().enumerate() {
            now += Duration::from_secs(step.wait.into());
            // Time passes everywhere.
            for state in [&mut one, &mut first, &mut second] {
                state.advance(now);
            }
            let attempt = attempt(&policy, step);
            let (expected, charge) = decide(&policy, &mut one, &attempt, now);
            let (here, there) = if step.at_first { (&mut first, &mut second) } else { (&mut second, &mut first) };
            let (verdict, shared_charge) = decide(&policy, here, &attempt, now);
            prop_assert_eq!(&verdict, &expected);
            let id = format!("session-{index}");
            if let (Some(charge), Some(shared_charge)) = (charge, shared_charge) {
                if step.not_sent {
                    forget(&mut one, charge);
                    forget(here, shared_charge);
                } else {
                    track(&mut one, &id, &charge);
                    track(here, &id, &shared_charge);
                }
            }
            exchange(here, there, &policy, now);
            if let Some(outcome) = step.outcome && let Some(charge) = tracked(&one, &id) {
                now += Duration::from_secs(9);
                observe(&policy, &mut one, &charge, outcome, now);
                let (here, there) =
                    if step.outcome_at_first { (&mut first, &mut second) } else { (&mut second, &mut first) };
                let charge = tracked(here, &id);
                prop_assert!(charge.is_some(), "the other's send is known");
                observe(&policy, here, &charge.unwrap(), outcome, now);
                exchange(here, there, &policy, now);
            }
        }
        let expected = contents(&mut one);
        prop_assert!(contents(&mut first) == expected);
        prop_assert!(contents(&mut second) == expected);
    }

    #[test]
    fn whatever_the_bytes_are_nothing_panics_and_nothing_else_is_said(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        steps in prop::collection::vec(step(), 1..20),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let policy = priced();
        let (mut here, mut there) = (node(1), node(2));
        let _ = Deltas::decode(&bytes);
        let mut now = START;
        for step in steps {
            now += Duration::from_secs(step.wait.into());
            let (_, charge) = decide(&policy, &mut here, &attempt(&policy, step), now);
            if let (Some(charge), Some(outcome)) = (charge, step.outcome) {
                observe(&policy, &mut here, &charge, outcome, now);
            }
        }
        let mut bytes = here.drain(usize::MAX).encode();
        for (index, byte) in flips {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        // One whose sender is trusted, and lost its mind.
        if let Some(deltas) = Deltas::decode(&bytes) {
            there.absorb(&deltas, |_| Some(&policy), now);
            decide(&policy, &mut there, &attempt(&policy, Step {
                wait: 0, at_first: true, range: 0, place: 1, client: 1, outcome: None, outcome_at_first: true, not_sent: false,
            }), now + Duration::from_secs(400));
            let _ = there.changes();
        }
    }
}

fn send(policy: &Policy, state: &mut State, number: &str, now: Duration) -> Option<Charge> {
    decide(policy, state, &Attempt::new(policy.read(number, None), Profile::Otp), now).1
}

#[test]
fn what_is_absorbed_twice_counts_once() {
    let policy = Policy::default();
    let (mut here, mut there) = (node(1), node(2));
    for last in 0..20 {
        send(&policy, &mut here, &format!("+65912{last:02}567"), START);
    }
    let deltas = here.drain(usize::MAX);
    let first = there.absorb(&deltas, |_| Some(&policy), START);
    let known = contents(&mut there);
    assert_eq!((first.applied, first.known), (deltas.len() as u64, 0));
    let again = there.absorb(&deltas, |_| Some(&policy), START);
    assert_eq!((again.applied, again.known), (0, deltas.len() as u64));
    assert_eq!(contents(&mut there), known);
    assert_eq!(here.absorb(&deltas, |_| Some(&policy), START).applied, 0, "nor what is one's own");
}

#[test]
fn what_overlaps_counts_once_and_what_is_missing_is_noticed() {
    let policy = Policy::default();
    let (mut here, mut there) = (node(1), node(2));
    for last in 0..9 {
        send(&policy, &mut here, &format!("+65912{last:02}567"), START);
    }
    let all = here.drain(usize::MAX);
    assert_eq!(all.len(), 9);
    let parts: Vec<_> = all.parts(3).collect();
    assert_eq!(there.absorb(&parts[0], |_| Some(&policy), START).applied, 3);
    let absorbed = there.absorb(&parts[2], |_| Some(&policy), START);
    assert_eq!((absorbed.applied, absorbed.missed), (3, 3));
    assert_eq!(there.absorb(&all, |_| Some(&policy), START), Absorbed { known: 9, ..Absorbed::default() });
}

#[test]
fn after_a_restart_what_was_kept_does_not_count_again_and_what_was_not_does() {
    let policy = Policy::default();
    let secret = Secret::derived(b"a secret of ours");
    let (mut here, mut there) = (node(1), node(2));
    let mut told = Vec::new();
    send(&policy, &mut here, "+6591230001", START);
    send(&policy, &mut there, "+6591230002", START);
    told.extend([here.drain(99), there.drain(99)]);
    there.absorb(&told[0], |_| Some(&policy), START);
    let kept = there.changes();
    // After the last time it was kept.
    send(&policy, &mut here, "+6591230003", START);
    send(&policy, &mut there, "+6591230004", START);
    told.extend([here.drain(99), there.drain(99)]);
    there.absorb(&told[2], |_| Some(&policy), START);
    let (mut restored, skipped) = State::restore(BYTES, secret, kept.iter());
    assert_eq!(skipped, 0);
    restored.share_as(Node::of(3));
    let applied: u64 = told.iter().map(|told| restored.absorb(told, |_| Some(&policy), START).applied).sum();
    assert_eq!(applied, 2);
    let (was, is): (BTreeMap<_, _>, BTreeMap<_, _>) = [&mut there, &mut restored]
        .map(|state| contents(state).into_iter().map(|(table, key, value)| ((table, key), value)).collect())
        .into();
    assert_eq!(is.len(), was.len());
}

#[test]
fn an_outcome_that_is_earlier_than_its_send_waits_for_it() {
    let policy = Policy::default();
    let (mut here, mut there) = (node(1), node(2));
    let charge = send(&policy, &mut here, "+6591230001", START).unwrap();
    track(&mut here, "session", &charge);
    let now = START + Duration::from_secs(20);
    await_id(&mut there, "session", Outcome::Verified, now);
    assert_eq!(there.tenant(Profile::Otp).world.verified, 0.0);
    exchange(&mut here, &mut there, &policy, now);
    assert!(there.tenant(Profile::Otp).world.verified > 0.9);
    // And the node that sent it is told.
    exchange(&mut there, &mut here, &policy, now);
    assert!(here.tenant(Profile::Otp).world.verified > 0.9);
}

#[test]
fn clocks_that_differ_by_seconds_do_no_harm_and_one_that_is_a_day_ahead_moves_nobody() {
    let policy = Policy::default();
    let (mut here, mut there) = (node(1), node(2));
    let seconds = Duration::from_secs(5);
    send(&policy, &mut here, "+6591230001", START + seconds);
    assert_eq!(exchange(&mut here, &mut there, &policy, START).applied, 1);
    assert_eq!(there.latest(), START);
    let rests = send(&policy, &mut there, "+6591230001", START + Duration::from_secs(1));
    assert!(rests.is_none(), "the number rests there too");
    let day = Duration::from_secs(86_400);
    send(&policy, &mut here, "+6591230002", START + day);
    assert_eq!(exchange(&mut here, &mut there, &policy, START).refused, 1);
    assert_eq!(there.latest(), START + Duration::from_secs(1));
}

fn capped() -> Policy {
    let mut policy = priced();
    policy.spend.per_day = Money::of(1000.0).unwrap();
    policy
}

/// What a day has cost, of strangers' codes and of campaigns.
fn costs(state: &State) -> [Money; 2] {
    [Profile::Otp, Profile::Campaign].map(|profile| state.tenant(profile).day.total())
}

fn send_in(policy: &Policy, state: &mut State, profile: Profile, number: &str, now: Duration) -> Charge {
    let (verdict, charge) = decide(policy, state, &Attempt::new(policy.read(number, None), profile), now);
    charge.unwrap_or_else(|| panic!("{verdict:?}"))
}

#[test]
fn what_was_not_sent_is_taken_back_where_it_counted_and_nowhere_else() {
    let policy = capped();
    let (mut here, mut there) = (node(1), node(2));
    let second = Duration::from_secs(1);
    for profile in [Profile::Otp, Profile::Campaign] {
        let _ = send_in(&policy, &mut here, profile, "+6591230001", START);
    }
    let late = START + 300 * second;
    // By a clock that is two minutes ahead: refused, and what is told of it, a minute later, says nothing.
    for (profile, number) in [(Profile::Otp, "+6591230002"), (Profile::Campaign, "+6591230003")] {
        let charge = send_in(&policy, &mut here, profile, number, late + 120 * second);
        track(&mut here, number, &charge);
        forget(&mut here, charge);
    }
    let told = here.drain(99);
    let counted = [Money::of(0.05).unwrap(); 2];
    let parts: Vec<_> = told.parts(1).collect();
    for part in &parts {
        let now = if part.events()[0].kind == SENT { late } else { late + 90 * second };
        let absorbed = there.absorb(part, |_| Some(&policy), now);
        assert_eq!(absorbed.missed, 0);
    }
    assert_eq!(costs(&there), counted);
    // One that counted.
    for profile in [Profile::Otp, Profile::Campaign] {
        let charge = send_in(&policy, &mut here, profile, "+6591230004", late + 130 * second);
        assert_eq!(exchange(&mut here, &mut there, &policy, late + 130 * second).refused, 0);
        assert_eq!(costs(&there).iter().filter(|cost| **cost > counted[0]).count(), 1);
        forget(&mut here, charge);
        exchange(&mut here, &mut there, &policy, late + 130 * second);
        assert_eq!(costs(&there), counted);
    }
}

#[test]
fn of_a_node_that_was_not_heard_from_its_beginning_what_was_sent_before_is_not_taken_back() {
    let policy = capped();
    let (mut here, mut there) = (node(1), node(2));
    let lost = send_in(&policy, &mut here, Profile::Campaign, "+6591230001", START);
    assert_eq!(here.drain(99).len(), 1);
    let _ = send_in(&policy, &mut here, Profile::Campaign, "+6591230002", START + Duration::from_secs(1));
    forget(&mut here, lost);
    assert_eq!(exchange(&mut here, &mut there, &policy, START + Duration::from_secs(1)).applied, 2);
    assert_eq!(costs(&there)[1], Money::of(0.05).unwrap());
}

#[test]
fn an_id_whose_message_was_refused_is_not_known() {
    let policy = priced();
    let (mut here, mut there) = (node(1), node(2));
    let charge = send_in(&policy, &mut here, Profile::Otp, "+6591230001", START + Duration::from_secs(90));
    track(&mut here, "session", &charge);
    assert_eq!(exchange(&mut here, &mut there, &policy, START).refused, 2);
    assert!(tracked(&there, "session").is_none());
}

#[test]
fn a_profile_that_is_not_here_makes_none() {
    let policy = Policy::default();
    let (mut here, mut there) = (node(1), node(2));
    let profile = Profile::own("launch", Profile::Otp);
    decide(&policy, &mut here, &Attempt::new(policy.read("+6591230001", None), profile), START);
    let deltas = here.drain(99);
    let known = |profile: Profile| Profile::BUILT_IN.contains(&profile).then_some(&policy);
    assert_eq!(there.absorb(&deltas, known, START).refused, 1);
    assert_eq!(there.tenants.len(), 3);
}

#[test]
fn what_waits_to_be_told_has_a_bound_and_so_has_pressure() {
    let policy = Policy::default();
    let mut here = node(1);
    let charge = send(&policy, &mut here, "+6591230001", START).unwrap();
    for _ in 0..70_000 {
        observe(&policy, &mut here, &charge, Outcome::Delivered, START);
    }
    let oldest = here.drain(1);
    assert_eq!(here.telling.as_ref().unwrap().waiting.len(), (1 << 16) - 1);
    assert_eq!(oldest.first(), 70_001 - (1 << 16));
    for place in 0..10_000 {
        here.tell_pressed(&charge, place, 7);
    }
    while here.drain(256).len() == 256 {}
    for place in 0..10_000 {
        here.tell_pressed(&charge, place, 8);
    }
    assert_eq!(here.telling.as_ref().unwrap().waiting.len(), 100);
}

#[test]
fn a_flood_of_wrong_codes_leaves_room_for_messages_and_for_people_who_verify() {
    let policy = Policy::default();
    let (mut here, mut there) = (node(1), node(2));
    let number = "+6591230001";
    let charge = send(&policy, &mut here, number, START).unwrap();
    track(&mut here, "session", &charge);
    let client = Some(Ipv4Addr::new(203, 0, 113, 7).into());
    // An outage of ten minutes.
    let mut now = START;
    for second in 0..600 {
        now = START + Duration::from_secs(second);
        for _ in 0..120 {
            observe_guess(&mut here, None, client, now);
            observe_guess(&mut here, Some(&charge), client, now);
            observe(&policy, &mut here, &charge, Outcome::WrongCode, now);
        }
        let seen = Attempt::new(policy.read(&format!("+659{second:07}"), None), Profile::Otp);
        decide(&policy, &mut here, &seen.from_client(client), now);
    }
    observe(&policy, &mut here, &charge, Outcome::Verified, now);
    let waiting = here.telling.as_ref().unwrap().waiting.len();
    assert!(waiting <= 34_000, "{waiting}");
    // Here each counts.
    assert!(here.client_at(Profile::Otp, client, seconds(now)).unwrap().wrong > 100_000.0);
    exchange(&mut here, &mut there, &policy, now);
    assert!(tracked(&there, "session").is_some());
    assert!(there.tenant(Profile::Otp).world.verified > 0.9);
    // And what others need to know, they do.
    let check = judge_check(&policy, &mut there, Some(&charge), client, None, now);
    assert_eq!(check.action, Action::Block);
}

#[test]
fn no_more_nodes_are_remembered_than_have_room() {
    let policy = Policy::default();
    let mut here = node(0);
    for number in 1..=1000 {
        let deltas = Deltas::new(Node::of(number), 0, Vec::new());
        here.absorb(&deltas, |_| Some(&policy), START + Duration::from_secs(number));
    }
    assert_eq!(here.heard.nodes.len(), MOST_NODES);
}

#[test]
fn an_event_fits_in_what_is_squeezed() {
    let policy = priced();
    let mut here = node(1);
    send(&policy, &mut here, "+6591230001", START);
    let event = here.telling.as_ref().unwrap().waiting[0];
    let mut record = Vec::new();
    event.put(&mut record);
    assert!(record.len() <= 120, "{}", record.len());
}

#[test]
fn the_days_cap_holds_for_all_nodes_together_while_they_cannot_be_heard() {
    let mut policy = priced();
    policy.spend.per_day = Money::of(3.0).unwrap();
    (policy.surprise.mode, policy.country_surprise.mode) = (Mode::Off, Mode::Off);
    policy.spend.per_range = Money::of(1000.0).unwrap();
    let mut nodes = [node(1), node(2), node(3)];
    let mut now = START;
    let mut sent = |state: &mut State, most: u32| {
        let goes = |_: &u32| {
            now += Duration::from_secs(1);
            let number = format!("+659{:07}", now.as_secs() * 7919 % 10_000_000);
            send(&policy, state, &number, now).is_some()
        };
        (0..most).filter(goes).count()
    };
    // 30 of 60 are spent, and all know.
    assert_eq!(sent(&mut nodes[0], 30), 30);
    let told: Vec<_> =
        std::iter::from_fn(|| Some(nodes[0].drain(256)).filter(|told| !told.is_empty())).collect();
    for told in &told {
        nodes[1].absorb(told, |_| Some(&policy), START + Duration::from_secs(60));
        nodes[2].absorb(told, |_| Some(&policy), START + Duration::from_secs(60));
    }
    nodes.iter_mut().for_each(|node| node.be_one_of(3));
    let through: usize = nodes.iter_mut().map(|node| sent(node, 100)).sum();
    assert_eq!(through, 30, "ten each");
    nodes[0].be_one_of(1);
    assert_eq!(sent(&mut nodes[0], 100), 20, "what the others spent is told, or was not");
}

#[test]
fn secrets_that_differ_make_other_hashes() {
    let secret = Secret::derived(b"a secret of ours");
    assert!(node(1).is_keyed_by(secret));
    assert!(!node(1).is_keyed_by(Secret::derived(b"a secret of others")));
    assert!(!State::new(BYTES).is_keyed_by(secret));
}
