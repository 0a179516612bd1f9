//! The signals that look at what the others do not: sends again, sessions and users, networks, operators, whole countries
//! by the hour of the week, and guesses everywhere.

use super::*;

/// Numbers all over Singapore, none of them those of [`World::usual`].
fn at_home(n: u64) -> String {
    format!("+659{:07}", 1_000_003 + n * 91_813 % 7_000_000)
}

fn checked(world: &mut World, number: &str) -> Verdict {
    let charge = world.charges[number];
    judge_check(&world.policy, &mut world.state, Some(&charge), None, None, world.now)
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

fn asked(world: &mut World, number: &str, change: impl FnOnce(Attempt) -> Attempt) -> Verdict {
    let attempt = Attempt::new(world.policy.read(number, None), Profile::Otp);
    world.attempt(number, &change(attempt))
}

#[test]
fn a_user_has_three_new_numbers_a_day_from_however_many_addresses_and_the_next_is_challenged_then_blocked() {
    let mut world = World::usual(Policy::default());
    let mut verdicts = Vec::new();
    for n in 0..12_u8 {
        world.wait(240);
        let client = Some([198, n, 0, 9].into());
        let number = at_home(n.into());
        verdicts.push(asked(&mut world, &number, |attempt| {
            attempt.from_client(client).by(Caller::new().with_user("u-1"))
        }));
    }
    assert!(verdicts[..3].iter().all(|verdict| verdict.action == Action::Allow), "{verdicts:?}");
    assert_eq!((verdicts[3].action, signal(&verdicts[3])), (Action::Challenge, Signal::UserBudget));
    let last = &verdicts[11];
    assert_eq!((last.action, signal(last)), (Action::Block, Signal::UserBudget));
    assert!(last.main_reason().unwrap().evidence.contains("this user"), "{last:?}");
    // Somebody else is not meant, nor whoever has no user.
    for caller in [Caller::new().with_user("u-2"), Caller::new().with_session("u-1"), Caller::new()] {
        assert_eq!(asked(&mut world, "+6598887766", |attempt| attempt.by(caller)).action, Action::Allow);
        world.wait(200);
    }
}

#[test]
fn a_session_whose_numbers_verify_goes_on_and_the_same_number_again_is_not_a_new_one() {
    let mut world = World::usual(Policy::default());
    for n in 0..12_u64 {
        world.wait(120);
        let number = at_home(n);
        let verdict = asked(&mut world, &number, |attempt| attempt.by(Caller::new().with_session("s")));
        assert_eq!(verdict.action, Action::Allow, "{n} {verdict:?}");
        world.wait(8 + n * 7 % 60);
        world.outcome(&number, Outcome::Verified);
    }
    let mut world = World::usual(Policy::default());
    for _ in 0..3 {
        world.wait(700);
        asked(&mut world, &at_home(1), |attempt| attempt.by(Caller::new().with_session("s")));
    }
    world.wait(700);
    let verdict = asked(&mut world, &at_home(2), |attempt| attempt.by(Caller::new().with_session("s")));
    assert_eq!(verdict.action, Action::Allow, "{verdict:?}");
}

#[test]
fn no_session_or_user_is_shown() {
    let caller = Caller::new().with_session("secret-session").with_user("secret-user");
    let attempt = Attempt::new(Policy::default().read("+6591234567", None), Profile::Otp).by(caller);
    assert!(!format!("{attempt:?}").contains("secret"), "{attempt:?}");
    assert_eq!(Caller::new().with_user("").with_session(""), Caller::new());
}

#[test]
fn made_up_sessions_make_no_address_be_forgotten() {
    let mut world = World::usual(Policy::default());
    world.state = State::seeded(0, 7);
    world.policy.mode = Mode::Monitor;
    let client = Some([198, 51, 100, 9].into());
    asked(&mut world, &at_home(0), |attempt| attempt.from_client(client));
    for n in 1..20_000_u64 {
        let session = n.to_string();
        asked(&mut world, &at_home(n), |attempt| attempt.by(Caller::new().with_session(session)));
    }
    let now = state::seconds(world.now);
    assert!(world.state.client_at(Profile::Otp, client, now).is_some());
}

#[test]
fn a_network_whose_strangers_do_not_verify_only_adds() {
    let mut world = World::usual(Policy::default());
    let mut noted = None;
    for n in 0..120_u64 {
        world.wait(30);
        let verdict = asked(&mut world, &at_home(n), |attempt| attempt.in_network(Some(Asn(64_500))));
        if let Some(reason) = reason(&verdict, Signal::Asn) {
            assert!(verdict.score < CHALLENGE_AT || verdict.reasons.len() > 1, "{verdict:?}");
            assert_eq!(reason.score, 15);
            noted = noted.or(Some(n));
        }
    }
    assert!(noted.is_some_and(|n| n > 25), "{noted:?}");
    let other = asked(&mut world, "+6598887766", |attempt| attempt.in_network(Some(Asn(64_501))));
    assert_eq!(reason(&other, Signal::Asn), None);
}

fn with_operators() -> Policy {
    let mut policy = Policy::default();
    policy.operators.add("one", ["+6591", "6592"]).unwrap();
    policy.operators.add("two", ["+65912"]).unwrap();
    policy
}

#[test]
fn the_longest_prefix_says_whose_a_number_is() {
    let policy = with_operators();
    let of = |number: &str| match policy.read(number, None) {
        Reading::Number(number) => policy.operators.of(&number).map(str::to_owned),
        _ => panic!("{number}"),
    };
    assert_eq!(of("+6591345678").as_deref(), Some("one"));
    assert_eq!(of("+6591234567").as_deref(), Some("two"));
    assert_eq!(of("+6598887766"), None);
}

#[test]
fn an_operator_is_named_once_with_prefixes_that_are_its_own() {
    let mut policy = with_operators();
    for (name, prefixes) in [
        ("", &["+6593"][..]),
        ("one", &["+6593"]),
        ("three", &[]),
        ("three", &["+6591"]),
        ("three", &["0659"]),
    ] {
        assert!(policy.operators.add(name, prefixes).is_err(), "{name} {prefixes:?}");
    }
    assert!(!policy.operators.knows("three"));
    policy.entries.push(Entry::new(Matcher::Operator("nobody".to_owned()), EntryAction::Allow, "test"));
    assert_eq!(policy.validate().unwrap_err().field, "entry.operator");
}

#[test]
fn an_operator_whose_strangers_do_not_verify_is_challenged_where_the_rest_of_its_country_does() {
    let mut policy = with_operators();
    // Alone: nothing else is to explain it.
    (policy.conversion.mode, policy.surprise.mode) = (Mode::Off, Mode::Off);
    policy.places.country.mode = Mode::Off;
    let mut world = World::usual(policy);
    let mut stopped = None;
    for n in 0..200_u64 {
        world.wait(60);
        let number = format!("+659{}{:06}", 1 + n % 2, 300_000 + n * 15_013 % 700_000);
        let verdict = world.send(&number);
        if verdict.action != Action::Allow && stopped.is_none() {
            assert_eq!((verdict.action, signal(&verdict)), (Action::Challenge, Signal::OperatorShare));
            stopped = Some(n);
        }
    }
    assert!(stopped.is_some_and(|n| (6..150).contains(&n)), "{stopped:?}");
    assert_eq!(world.send("+6598887766").action, Action::Allow);
    assert_eq!(world.send("+6591288777").action, Action::Allow, "two's number, though it begins as one's do");
}

#[test]
fn an_operator_that_fails_as_the_rest_of_its_country_does_is_not_told_from_it() {
    let mut policy = with_operators();
    (policy.conversion.mode, policy.surprise.mode) = (Mode::Off, Mode::Off);
    let mut world = World::usual(policy);
    for n in 0..120_u64 {
        world.wait(100);
        let verdict = world.send(&format!("+659{:07}", 1_000_003 + n * 2_918_133 % 7_000_000));
        assert_eq!(reason(&verdict, Signal::OperatorShare), None, "{n} {verdict:?}");
    }
}

#[test]
fn an_entry_by_hand_may_name_an_operator() {
    let mut policy = with_operators();
    let end = Duration::from_secs(4_000_000_000);
    let entry = Entry::new(Matcher::Operator("two".to_owned()), EntryAction::Block, "leaks").until(end);
    policy.entries.push(entry);
    policy.validate().unwrap();
    let mut world = World::usual(Policy::default());
    world.policy = policy;
    assert_eq!(signal(&world.send("+6591288777")), Signal::Manual);
    assert_eq!(world.send("+6591388777").action, Action::Allow);
}

/// Twenty-four people of Singapore an hour verify by day, and nobody by night, for so many days.
fn by_day(policy: Policy, days: u64) -> World {
    let mut world = World::fresh(policy);
    for n in 0..days * 24 * 24 {
        world.wait(150);
        if n / 24 % 24 < 12 {
            let number = format!("+659{:07}", 1_000_003 + n * 2_918_133 % 7_000_000);
            let reading = world.policy.read(&number, None);
            world.attempt(&number, &Attempt::new(reading, Profile::Otp));
            world.now += Duration::from_secs(8 + n * 7 % 60);
            world.outcome(&number, Outcome::Verified);
            world.now -= Duration::from_secs(8 + n * 7 % 60);
        }
    }
    world
}

/// With nothing else to see it: no range, no place.
fn country_alone() -> Policy {
    let mut policy = Policy::default();
    (policy.conversion.mode, policy.surprise.mode) = (Mode::Off, Mode::Off);
    (policy.places.country.mode, policy.places.breaker.mode) = (Mode::Off, Mode::Off);
    (policy.places.new_country.mode, policy.cooldown.mode) = (Mode::Off, Mode::Off);
    policy
}

#[test]
fn a_flood_at_an_hour_that_is_quiet_is_surprising_and_only_challenged() {
    // Six hours of the night are over.
    let mut world = by_day(country_alone(), 6);
    world.wait(18 * 3600);
    let mut stopped = None;
    for n in 0..200_u64 {
        world.wait(15);
        let verdict = world.send(&format!("+658{:07}", 1_000_003 + n * 2_918_133 % 7_000_000));
        if let Some(reason) = reason(&verdict, Signal::CountrySurprise) {
            assert_eq!(verdict.action, Action::Challenge, "{reason}");
            stopped = stopped.or(Some(n));
        }
    }
    assert!(stopped.is_some_and(|n| (30..150).contains(&n)), "{stopped:?}");
}

#[test]
fn a_launch_whose_people_verify_surprises_nobody() {
    let mut world = by_day(country_alone(), 6);
    world.wait(18 * 3600);
    for n in 0..600_u64 {
        world.wait(6);
        let number = |n: u64| format!("+658{:07}", 1_000_003 + n * 2_918_133 % 7_000_000);
        let verdict = world.send(&number(n));
        assert_eq!(reason(&verdict, Signal::CountrySurprise), None, "{n} {verdict:?}");
        if n >= 5 && n % 4 != 0 {
            world.outcome(&number(n - 5 + n * 7 % 3), Outcome::Verified);
        }
    }
}

#[test]
fn what_is_not_verified_is_no_past_and_a_young_past_is_silent() {
    let mut world = by_day(country_alone(), 3);
    let country = "SG".parse().unwrap();
    let usual =
        |world: &World, now: Duration| world.state.tenant(Profile::Otp).usual(country, state::seconds(now));
    assert_eq!(usual(&world, world.now), None);
    let later = world.now + Duration::from_secs(2 * 86_400);
    let before = usual(&world, later);
    assert!(before.is_some());
    world.policy.mode = Mode::Monitor;
    for n in 0..400_u64 {
        world.wait(60);
        world.send(&format!("+658{:07}", 1_000_003 + n * 2_918_133 % 7_000_000));
    }
    assert_eq!(usual(&world, later), before);
}

/// What may have been seen before, of all kinds.
fn seen_before(events: &[(u32, u64, u8, u8)]) -> World {
    let mut world = World::usual(with_operators());
    for (number, wait, then, who) in events {
        world.wait(*wait);
        let number = spread(*number);
        asked(&mut world, &number, |attempt| from(attempt, *who));
        if let Some(outcome) = [Outcome::Verified, Outcome::WrongCode].get(usize::from(*then)) {
            world.outcome(&number, *outcome);
        }
    }
    world
}

fn from(attempt: Attempt, who: u8) -> Attempt {
    let caller = Caller::new().with_user(who.to_string()).with_session((who % 3).to_string());
    let asn = (!who.is_multiple_of(4)).then_some(Asn(u32::from(who % 4)));
    attempt.from_client(Some([203, 0, 113, who].into())).by(caller).in_network(asn)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Of one attempt, judged by either policy with the same memory.
    #[test]
    fn a_lower_limit_never_lets_through_what_a_higher_one_stops(
        events in prop::collection::vec((0_u32..200, 0_u64..900, 0_u8..6, 0_u8..8), 1..120),
        number in 0_u32..200,
        who in 0_u8..8,
        by in 0.2_f32..1.0,
    ) {
        let verdict = |factor: f32| {
            let mut world = seen_before(&events);
            let policy = &mut world.policy;
            policy.users.strangers = (policy.users.strangers * factor).max(1.0);
            policy.asn.strangers *= factor;
            policy.operator_share.strangers *= factor;
            policy.country_surprise.nats *= factor;
            policy.resends.ratio = (policy.resends.ratio * factor).max(1.0);
            policy.resends.messages *= factor;
            asked(&mut world, &spread(number), |attempt| from(attempt, who))
        };
        let (high, low) = (verdict(1.0), verdict(by));
        prop_assert!(low.score >= high.score, "{high:?} {low:?}");
        prop_assert!(high.action == Action::Allow || low.action != Action::Allow);
    }

    #[test]
    fn the_same_callers_networks_and_operators_give_the_same_verdicts_and_none_without_a_reason(
        events in prop::collection::vec((0_u32..200, 0_u64..900, 0_u8..6, 0_u8..8), 1..120),
    ) {
        let last = || asked(&mut seen_before(&events), &spread(1), |attempt| from(attempt, 1));
        let verdict = last();
        prop_assert_eq!(&verdict, &last());
        prop_assert!(verdict.action == Action::Allow || verdict.main_reason().is_some());
    }
}

#[test]
fn a_lower_limit_of_wrong_codes_everywhere_stops_no_less() {
    let stopped = |per_hour: f32| {
        let mut world = World::usual(Policy::default());
        world.policy.guesses.per_hour = per_hour;
        (0..60)
            .filter(|n| {
                let number = at_home(*n);
                world.wait(40);
                world.policy.mode = Mode::Monitor;
                world.send(&number);
                world.policy.mode = Mode::Enforce;
                world.outcome(&number, Outcome::WrongCode);
                checked(&mut world, &number).action != Action::Allow
            })
            .count()
    };
    let limits = [5.0, 10.0, 20.0, 40.0, 1000.0].map(stopped);
    assert!(limits.windows(2).all(|pair| matches!(pair, [low, high] if low >= high)), "{limits:?}");
    assert!(limits[0] > 0 && limits[4] == 0, "{limits:?}");
}
