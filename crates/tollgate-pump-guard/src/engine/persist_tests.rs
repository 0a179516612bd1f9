use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::super::*;
use super::*;

const BYTES: usize = 256 << 10;
const START: Duration = Duration::from_secs(1_772_409_600);

fn secret() -> Secret {
    Secret::from_bytes(*b"sixteen bytes...")
}

/// What is kept elsewhere.
#[derive(Clone, Default)]
struct Kept(std::collections::BTreeMap<(u8, u64), Vec<u8>>);

impl Kept {
    fn absorb(&mut self, changes: &Changes) {
        if changes.is_whole() {
            self.0.clear();
        }
        for (table, key, value) in changes.iter() {
            if value.is_empty() {
                assert!(self.0.remove(&(table, key)).is_some(), "{table} {key} was there");
            } else {
                self.0.insert((table, key), value.to_vec());
            }
        }
    }

    /// Where those that may still verify begin is of no account, only their order.
    fn contents(&self) -> impl Iterator<Item = (u8, Option<u64>, &[u8])> {
        self.0
            .iter()
            .map(|((table, key), value)| (*table, (*table != PENDING).then_some(*key), value.as_slice()))
    }

    fn restore(&self, bytes: usize) -> (State, usize) {
        let records = self.0.iter().map(|((table, key), value)| (*table, *key, value.as_slice()));
        State::restore(bytes, secret(), records)
    }
}

#[derive(Clone, Copy, Debug)]
struct Event {
    wait: u32,
    range: u8,
    place: u16,
    client: u8,
    outcome: Option<Outcome>,
    drain: bool,
}

fn event() -> impl Strategy<Value = Event> {
    let outcome = prop_oneof![
        2 => Just(None),
        4 => Just(Some(Outcome::Verified)),
        1 => Just(Some(Outcome::WrongCode)),
        1 => Just(Some(Outcome::Undelivered)),
    ];
    (0_u32..400, 0_u8..6, 0_u16..400, 0_u8..20, outcome, any::<bool>()).prop_map(
        |(wait, range, place, client, outcome, drain)| Event { wait, range, place, client, outcome, drain },
    )
}

fn play(policy: &Policy, state: &mut State, now: &mut Duration, event: Event) -> (Verdict, bool) {
    *now += Duration::from_secs(event.wait.into());
    let prefix =
        ["+659123", "+659876", "+1202555", "+628123456", "+4479123", "+216201"][usize::from(event.range)];
    let digits = [4, 4, 4, 4, 5, 5][usize::from(event.range)];
    let place = u32::from(event.place) * 7 + 1000;
    let number = format!("{prefix}{place:0digits$}");
    let client = Ipv4Addr::new(203, 0, 113, event.client);
    let profile = if event.client == 0 { Profile::Notification } else { Profile::Otp };
    let attempt = Attempt::new(policy.read(&number, None), profile).from_client(Some(client.into()));
    let (verdict, charge) = decide(policy, state, &attempt, *now);
    if let Some(charge) = &charge {
        track(state, &number, charge);
    }
    // By its id, as an outcome comes.
    let found = tracked(state, &number);
    if let (Some(outcome), Some(charge)) = (event.outcome, &found) {
        observe(policy, state, charge, outcome, *now + Duration::from_secs(9));
    }
    (verdict, found.is_some())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_memory_that_was_restored_judges_as_the_one_that_was_lost(
        before in prop::collection::vec(event(), 1..150),
        after in prop::collection::vec(event(), 1..60),
    ) {
        let policy = Policy::default();
        let (mut state, mut now) = (State::with_secret(BYTES, secret()), START);
        let mut kept = Kept::default();
        for event in before {
            play(&policy, &mut state, &mut now, event);
            if event.drain {
                kept.absorb(&state.changes());
            }
        }
        kept.absorb(&state.changes());
        prop_assert!(state.changes().is_empty());
        let (mut restored, skipped) = kept.restore(BYTES);
        prop_assert_eq!(skipped, 0);
        prop_assert!(restored.changes().is_empty(), "what was restored has not changed");
        let mut later = now;
        for event in after {
            let expected = play(&policy, &mut state, &mut now, event);
            prop_assert_eq!(play(&policy, &mut restored, &mut later, event), expected);
        }
        // And what changed since is the same too.
        let mut again = kept.clone();
        kept.absorb(&state.changes());
        again.absorb(&restored.changes());
        prop_assert!(kept.contents().eq(again.contents()));
    }

    #[test]
    fn whatever_was_kept_nothing_panics(
        records in prop::collection::vec((0_u8..12, 0_u64..3000, prop::collection::vec(any::<u8>(), 0..120)), 0..200),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..200),
        events in prop::collection::vec(event(), 1..40),
    ) {
        let policy = Policy::default();
        let (mut state, mut now) = (State::with_secret(BYTES, secret()), START);
        for &event in &events {
            play(&policy, &mut state, &mut now, event);
        }
        let mut kept = Kept::default();
        kept.absorb(&state.changes());
        let mut values: Vec<_> = kept.0.values_mut().collect();
        for (which, byte, with) in damage {
            let value = which.get_mut(&mut values);
            let at = byte.index(value.len());
            value[at] ^= with;
        }
        for (table, key, mut value) in records {
            if let Some(first) = value.first_mut() {
                *first = VERSION;
            }
            kept.0.insert((table, key), value);
        }
        let (mut state, _) = kept.restore(BYTES);
        let mut now = state.latest().max(now);
        for event in events {
            play(&policy, &mut state, &mut now, event);
        }
        state.changes();
    }
}

#[test]
fn records_of_another_version_are_skipped_and_counted() {
    let policy = Policy::default();
    let (mut state, mut now) = (State::with_secret(BYTES, secret()), START);
    let event = Event { wait: 1, range: 0, place: 1, client: 1, outcome: None, drain: false };
    play(&policy, &mut state, &mut now, event);
    let mut kept = Kept::default();
    kept.absorb(&state.changes());
    for value in kept.0.values_mut() {
        value[0] = VERSION + 1;
    }
    let (mut restored, skipped) = kept.restore(BYTES);
    assert_eq!(skipped, kept.0.len());
    assert!(restored.changes().is_whole(), "they are written anew");
}

#[test]
fn a_memory_of_another_size_takes_what_has_room() {
    let policy = Policy::default();
    let (mut state, mut now) = (State::with_secret(4 * BYTES, secret()), START);
    let event = Event { wait: 1, range: 0, place: 1, client: 1, outcome: None, drain: false };
    play(&policy, &mut state, &mut now, event);
    let mut kept = Kept::default();
    kept.absorb(&state.changes());
    let (mut smaller, skipped) = kept.restore(BYTES);
    assert_eq!(skipped, 0);
    assert!(smaller.changes().is_whole());
    let again = play(&policy, &mut smaller, &mut now, Event { wait: 12, ..event });
    assert_eq!(again.0.main_reason().map(|reason| reason.signal), Some(Signal::NumberCooldown));
}

#[test]
fn what_could_not_be_kept_is_given_again() {
    let policy = Policy::default();
    let (mut state, mut now) = (State::with_secret(BYTES, secret()), START);
    let event = Event { wait: 1, range: 0, place: 1, client: 1, outcome: None, drain: false };
    play(&policy, &mut state, &mut now, event);
    let lost = state.changes();
    let all = state.everything();
    assert!(all.is_whole());
    assert!(lost.iter().eq(all.iter()));
}

#[test]
fn a_secret_is_kept_whole_and_shown_to_nobody() {
    let secret = Secret::random().unwrap();
    assert_eq!(Secret::from_bytes(secret.to_bytes()), secret);
    assert_eq!(Secret::from_bytes(secret.to_bytes()).check(), secret.check());
    assert_eq!(format!("{secret:?}"), "Secret(…)");
}
