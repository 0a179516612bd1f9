use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::super::*;
use super::*;

const BYTES: usize = 256 << 10;
const START: Duration = Duration::from_secs(1_772_409_600);

fn launch() -> Profile {
    Profile::own("launch", Profile::Otp)
}

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
    let profile = match event.client {
        0 => Profile::Notification,
        1 => launch(),
        _ => Profile::Otp,
    };
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

/// What was kept of `otp` and `launch`, restored for these profiles, and what is judged in each then.
fn restored_for(profiles: &[Profile]) -> (State, Duration) {
    let policy = Policy::default();
    let (mut state, mut now) = (State::with_secret(BYTES, secret()), START);
    state.keep_profiles(&[Profile::Otp, Profile::Notification, Profile::Campaign, launch()]);
    for place in 0..100 {
        let event = Event {
            wait: 1,
            range: 3,
            place,
            client: 1 + u8::from(place % 2 == 0),
            outcome: None,
            drain: false,
        };
        play(&policy, &mut state, &mut now, event);
    }
    let mut kept = Kept::default();
    kept.absorb(&state.changes());
    let (mut restored, skipped) = kept.restore(BYTES);
    assert_eq!(skipped, 0);
    restored.keep_profiles(profiles);
    // And once more, as another restart finds it.
    kept.absorb(&restored.changes());
    let (mut restored, skipped) = kept.restore(BYTES);
    assert_eq!(skipped, 0);
    restored.keep_profiles(profiles);
    (restored, now)
}

fn judged(state: &mut State, profile: Profile, now: Duration) -> Action {
    let policy = Policy::default();
    let attempt = Attempt::new(policy.read("+6281234561999", None), profile);
    decide(&policy, state, &attempt, now).0.action
}

#[test]
fn a_profile_that_is_added_finds_the_others_as_they_were() {
    let new = Profile::own("alerts", Profile::Otp);
    let [otp, notification, campaign] = Profile::BUILT_IN;
    let (mut state, now) = restored_for(&[otp, notification, campaign, new, launch()]);
    assert_ne!(judged(&mut state, Profile::Otp, now), Action::Allow);
    assert_ne!(judged(&mut state, launch(), now), Action::Allow);
    assert_eq!(judged(&mut state, new, now), Action::Allow);
    assert!(!state.changes().is_whole());
}

#[test]
fn a_profile_that_is_gone_is_forgotten_and_the_others_are_not() {
    let (mut state, now) = restored_for(&Profile::BUILT_IN);
    assert_eq!(state.tenants.len(), 3);
    assert!(state.tenants.pending() > 0);
    assert_ne!(judged(&mut state, Profile::Otp, now), Action::Allow);
}

#[test]
fn a_damaged_memory_makes_no_more_profiles_than_there_can_be() {
    let records: Vec<_> = (0_u64..1000).map(|key| (COUNTRIES, key << 16, vec![VERSION])).collect();
    let records = records.iter().map(|(table, key, value)| (*table, *key, value.as_slice()));
    let (state, skipped) = State::restore(BYTES, secret(), records);
    assert_eq!((skipped, state.tenants.len()), (1000, 16));
}
