//! What becomes of strangers: numbers that were never verified.

use std::collections::HashMap;
use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

#[path = "books_tests.rs"]
mod books_tests;

#[path = "numbers_tests.rs"]
mod numbers_tests;

#[path = "signals_tests.rs"]
mod signals_tests;

#[path = "spend_tests.rs"]
mod spend_tests;

/// A sender whose people verify, and a clock.
pub(super) struct World {
    pub(super) policy: Policy,
    pub(super) state: State,
    pub(super) now: Duration,
    charges: HashMap<String, Charge>,
}

impl World {
    /// Nobody has asked for anything yet.
    fn fresh(policy: Policy) -> Self {
        let now = Duration::from_secs(1_772_409_600);
        Self { policy, state: State::seeded(4 << 20, 7), now, charges: HashMap::new() }
    }

    /// People of Singapore and the United States have verified all over their countries, for two days.
    pub(super) fn usual(policy: Policy) -> Self {
        Self::usual_in(policy, State::seeded(4 << 20, 7))
    }

    /// The same, with this memory.
    pub(super) fn usual_in(policy: Policy, state: State) -> Self {
        let mut world = Self { state, ..Self::fresh(policy) };
        for n in 0..200_u64 {
            world.wait(864);
            let number = match n % 2 {
                0 => format!("+659{:07}", 1_000_000 + n * 40_009 % 7_000_000),
                _ => format!("+1202{:07}", 2_000_000 + n * 39_979 % 7_000_000),
            };
            assert_eq!(world.send(&number).action, Action::Allow, "{number}");
            world.wait(8 + n * 7 % 60);
            world.outcome(&number, Outcome::Verified);
        }
        world
    }

    pub(super) fn send(&mut self, number: &str) -> Verdict {
        self.send_from(number, None)
    }

    pub(super) fn send_from(&mut self, number: &str, client: Option<&str>) -> Verdict {
        let reading = self.policy.read(number, None);
        let client = client.map(|text| text.parse::<IpAddr>().unwrap());
        let attempt = Attempt::new(reading, Profile::Otp).from_client(client);
        self.attempt(number, &attempt)
    }

    fn attempt(&mut self, name: &str, attempt: &Attempt) -> Verdict {
        let (verdict, charge) = decide(&self.policy, &mut self.state, attempt, self.now);
        if let Some(charge) = charge {
            self.charges.insert(name.to_owned(), charge);
        }
        verdict
    }

    pub(super) fn outcome(&mut self, number: &str, outcome: Outcome) {
        if let Some(charge) = self.charges.get(number) {
            observe(&self.policy, &mut self.state, charge, outcome, self.now);
        }
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// How many of these go out, one every `pause` seconds, where none verifies.
    pub(super) fn pumped(&mut self, numbers: impl Iterator<Item = String>, pause: u64) -> usize {
        let mut sent = 0;
        for number in numbers {
            self.wait(pause);
            sent += usize::from(self.send(&number).action == Action::Allow);
        }
        sent
    }
}

pub(super) fn signal(verdict: &Verdict) -> Signal {
    verdict.main_reason().unwrap().signal
}

#[test]
fn a_pumped_range_is_blocked_within_ten_messages_and_the_reason_names_it() {
    for pause in [0, 1, 20, 240] {
        let mut world = World::usual(Policy::default());
        let sent =
            world.pumped((0..300).map(|n| format!("+62812345{:05}", 60_000 + n * 7919 % 10_000)), pause);
        assert!(sent <= 10, "{sent} sent, one every {pause} s");
        let verdict = world.send("+6281234569999");
        assert_eq!(
            (verdict.action, signal(&verdict)),
            (Action::Block, Signal::RangeConversion),
            "{verdict:?}"
        );
        assert!(verdict.main_reason().unwrap().evidence.contains("10k range +628123456xxxx"), "{verdict:?}");
        assert!(verdict.retry_after.is_some());
        // Others are served all the while.
        assert_eq!(world.send("+6598887766").action, Action::Allow);
        assert_eq!(
            world.send("+6285511223344").action,
            Action::Allow,
            "the country is not guilty of its range"
        );
    }
}

#[test]
fn an_office_whose_people_verify_is_left_alone() {
    let mut world = World::usual(Policy::default());
    for n in 0..36 {
        world.wait(20);
        let number = format!("+6591234{n:03}");
        let verdict = world.send_from(&number, Some("203.0.113.7"));
        assert_eq!(verdict.action, Action::Allow, "{n}: {verdict:?}");
        if n >= 3 && n % 5 != 0 {
            let before = format!("+6591234{:03}", n - 1 - n * 5 % 3);
            world.outcome(&before, Outcome::Verified);
        }
    }
}

#[test]
fn a_range_recovers_once_people_are_back() {
    let mut world = World::usual(Policy::default());
    world.pumped((0..500).map(|n| format!("+628123456{:04}", n * 7 % 10_000)), 2);
    assert_eq!(world.send("+6281234569999").action, Action::Block);
    // A probe goes out when the verdict said, and while nobody verifies the next is later.
    world.wait(46 * 60);
    assert_eq!(world.send("+6281234560001").action, Action::Allow);
    assert_eq!(world.send("+6281234569998").action, Action::Block);
    world.wait(30);
    world.outcome("+6281234560001", Outcome::Verified);
    for n in 0..6 {
        world.wait(120);
        let number = format!("+62812345680{n:02}");
        let back = world.send(&number);
        world.wait(20);
        world.outcome(&number, Outcome::Verified);
        if n > 1 {
            assert_eq!(back.action, Action::Allow, "{n}: {back:?}");
        }
    }
}

#[test]
fn what_was_stopped_never_counts_as_unverified() {
    let mut world = World::usual(Policy::default());
    world.pumped((0..2000).map(|n| format!("+628123456{:04}", n * 7919 % 10_000)), 1);
    let verdict = world.send("+6281234569999");
    let evidence = &verdict.main_reason().unwrap().evidence;
    let failed: f32 = evidence.split(", ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(failed <= 10.0, "{evidence}");
}

#[test]
fn outcomes_twice_late_and_out_of_order_do_no_harm() {
    let charges = |order: &[(u64, Outcome)]| {
        let mut world = World::usual(Policy::default());
        world.send("+6281234560001");
        for (wait, outcome) in order {
            world.wait(*wait);
            world.outcome("+6281234560001", *outcome);
        }
        world.wait(10_000);
        world.pumped((10..100).map(|n| format!("+6281234560{n:03}")), 1)
    };
    let once = charges(&[(20, Outcome::Verified)]);
    assert_eq!(charges(&[(20, Outcome::Verified), (1, Outcome::Verified), (1, Outcome::Delivered)]), once);
    assert_eq!(
        charges(&[(20, Outcome::Delivered), (1, Outcome::Verified), (900, Outcome::Undelivered)]),
        once
    );
    // A verification after it was given up repays the same.
    assert!(charges(&[(20, Outcome::Undelivered), (1, Outcome::Verified)]).abs_diff(once) <= 1);
}

#[test]
fn what_was_not_sent_after_all_is_forgotten() {
    let mut world = World::usual(Policy::default());
    for n in 0..50 {
        let number = format!("+62812345670{:02}", n % 20);
        assert_eq!(world.send(&number).action, Action::Allow, "{n}");
        forget(&mut world.state, world.charges[&number]);
    }
}

#[test]
fn countries_in_which_nobody_verified_share_one_pool_which_never_blocks() {
    let mut world = World::usual(Policy::default());
    let prefixes = ["+447400", "+4915112", "+33612", "+393401", "+34612", "+31612", "+48601", "+420601"];
    let mut stepped = None;
    for n in 0..30_u64 {
        world.wait(60);
        let prefix = prefixes[n as usize % prefixes.len()];
        let digits = format!("{:06}", 100_000 + n * 87_641 % 900_000);
        let verdict = world.send(&format!("{prefix}{digits}"));
        if verdict.action != Action::Allow {
            // What blocks is a range of its own failures.
            assert!(
                verdict.action != Action::Block || signal(&verdict) == Signal::RangeConversion,
                "{prefix}{digits} {verdict:?}"
            );
            stepped = stepped.or(Some(n));
        }
    }
    assert!(stepped.is_some_and(|n| (5..10).contains(&n)), "{stepped:?}");
    // Where people have verified, nothing changes.
    assert_eq!(world.send("+6598887766").action, Action::Allow);
}

#[test]
fn codes_completed_by_machine_repay_nothing() {
    let mut world = World::usual(Policy::default());
    // Their own people take their time, each another.
    for n in 0..60_u64 {
        let number = format!("+659{:07}", 2_000_000 + n * 50_021);
        world.wait(300);
        world.send(&number);
        world.wait(8 + n * 7 % 60);
        world.outcome(&number, Outcome::Verified);
    }
    let mut sent = 0;
    for n in 0..300 {
        let number = format!("+628123456{:04}", n * 31 % 10_000);
        world.wait(20);
        sent += usize::from(world.send(&number).action == Action::Allow);
        world.wait(3);
        world.outcome(&number, Outcome::Verified);
    }
    assert!(sent <= 30, "{sent}");
    let verdict = world.send("+6281234569999");
    assert!(verdict.reasons.iter().any(|reason| reason.signal == Signal::TimeToVerify), "{verdict:?}");
}

#[test]
fn codes_completed_as_people_do_are_surprising_in_number() {
    let mut world = World::usual(Policy::default());
    // A sender whose traffic is hardly known is granted more.
    world.wait(3 * 86_400);
    let mut sent = 0;
    for n in 0..600_u64 {
        let number = format!("+628123456{:04}", n * 31 % 10_000);
        world.wait(10);
        sent += usize::from(world.send(&number).action == Action::Allow);
        world.wait(5 + n * 13 % 50);
        world.outcome(&number, Outcome::Verified);
    }
    // Nothing else tells them from people: a quarter gets through before the day is full.
    assert!(sent <= 600 / 4, "{sent}");
    assert_eq!(signal(&world.send("+6281234569999")), Signal::RangeSurprise);
}

#[test]
fn a_client_has_a_budget_of_strangers_and_a_crowd_that_verifies_has_more() {
    let spread = |n: u64| format!("+1202{:07}", 2_000_000 + n * 91_813 % 7_000_000);
    let mut world = World::usual(Policy::default());
    let allowed = (0..100)
        .filter(|n| {
            world.wait(30);
            world.send_from(&spread(*n), Some("203.0.113.7")).action == Action::Allow
        })
        .count();
    assert!(allowed <= 10, "{allowed}");

    let mut world = World::usual(Policy::default());
    for n in 0..300 {
        world.wait(30);
        let verdict = world.send_from(&spread(n), Some("203.0.113.7"));
        assert_eq!(verdict.action, Action::Allow, "{n} {verdict:?}");
        if n % 4 != 0 {
            world.wait(5 + n * 7 % 40);
            world.outcome(&spread(n), Outcome::Verified);
        }
    }
}

#[test]
fn who_reports_no_outcomes_is_judged_by_numbers_alone() {
    let mut world = World::fresh(Policy::default());
    for n in 0..300_u64 {
        world.wait(120);
        let verdict = world.send(&format!("+1202{:07}", 2_000_000 + n * 91_813 % 7_000_000));
        assert_eq!(verdict.action, Action::Allow, "{n} {verdict:?}");
    }
    let sent = world.pumped((0..300).map(|n| format!("+6281234567{n:03}")), 1);
    assert!(sent <= 10, "{sent}");
    let verdict = world.send("+6281234567999");
    assert_eq!((verdict.action, signal(&verdict)), (Action::Block, Signal::RangeSurprise));
}

#[test]
fn when_known_people_stop_verifying_it_is_the_outcomes_that_are_missing() {
    let mut world = World::usual(Policy::default());
    world.wait(86_400);
    for n in 0..30_u64 {
        world.wait(400);
        world.send(&format!("+659{:07}", 1_000_000 + n * 2 * 40_009 % 7_000_000));
    }
    for n in 0..60_u64 {
        world.wait(120);
        let verdict = world.send(&format!("+659{:07}", 1_234_567 + n * 91_813 % 7_000_000));
        assert_eq!(verdict.action, Action::Allow, "{n} {verdict:?}");
    }
}

#[test]
fn nothing_learned_in_one_profile_says_anything_in_another() {
    let mut world = World::usual(Policy::default());
    world.pumped((10..300).map(|n| format!("+628123456{n:04}")), 1);
    let attempt = Attempt::new(world.policy.read("+6281234569999", None), Profile::Notification);
    assert_eq!(world.attempt("", &attempt).action, Action::Allow);
}

/// One profile's traffic, with a flood in another between its events or without.
fn verdicts(events: &[(u32, u64, u8, u8)], flood: &[(u32, u8, u8)], flooded: Profile) -> Vec<Verdict> {
    let mut world = World::usual(Policy::default());
    let mut flood = flood.iter().cycle();
    events
        .iter()
        .map(|(number, wait, then, client)| {
            world.wait(*wait);
            for (number, then, client) in flood.by_ref().take(3) {
                let number = spread(*number);
                let client = format!("203.0.113.{client}").parse().ok();
                let attempt = Attempt::new(world.policy.read(&number, None), flooded).from_client(client);
                let (_, charge) = decide(&world.policy, &mut world.state, &attempt, world.now);
                let outcome = match then {
                    0 => Outcome::WrongCode,
                    1 => Outcome::Rejected,
                    2 => Outcome::Undelivered,
                    _ => Outcome::Delivered,
                };
                if let Some(charge) = charge {
                    observe(&world.policy, &mut world.state, &charge, outcome, world.now);
                    observe_guess(&mut world.state, Some(&charge), client, world.now);
                }
            }
            let number = spread(*number);
            let verdict = world.send_from(&number, Some(&format!("203.0.113.{client}")));
            if let Some(outcome) =
                [Outcome::Verified, Outcome::WrongCode, Outcome::Rejected].get(usize::from(*then))
            {
                world.outcome(&number, *outcome);
            }
            verdict
        })
        .collect()
}

/// Of a few ranges abroad, and of the people who have verified.
fn spread(number: u32) -> String {
    let n = u64::from(number);
    if n % 3 == 0 {
        return format!("+659{:07}", 1_000_000 + n * 2 * 40_009 % 7_000_000);
    }
    format!("+62812{:08}", n * 7_919 % 40_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_flood_in_one_profile_changes_no_verdict_in_another(
        events in prop::collection::vec((0_u32..100, 0_u64..900, 0_u8..6, 0_u8..20), 1..80),
        flood in prop::collection::vec((0_u32..100, 0_u8..6, 0_u8..20), 1..80),
        own in any::<bool>(),
    ) {
        let flooded = if own { Profile::own("launch", Profile::Otp) } else { Profile::Notification };
        prop_assert_eq!(verdicts(&events, &flood, flooded), verdicts(&events, &[], flooded));
    }
}

#[test]
fn a_profile_like_campaign_is_held_to_the_hard_rules_only() {
    let mut world = World::usual(Policy::default());
    let news = Profile::own("news", Profile::Campaign);
    for n in 0..100 {
        let number = format!("+62812345{n:05}");
        let attempt = Attempt::new(world.policy.read(&number, None), news);
        assert_eq!(world.attempt(&number, &attempt).action, Action::Allow);
    }
    assert!(world.charges.keys().all(|number| !number.starts_with("+62")), "and teaches nothing");
}

#[test]
fn who_is_waited_for_in_one_profile_is_not_given_up_for_a_flood_in_another() {
    let mut world = World::usual(Policy::default());
    world.state = State::seeded(0, 7);
    world.send("+6591112222");
    let waiting = world.state.tenant(Profile::Otp).pending.len();
    for n in 0..3 * world.state.pending_limit {
        let number = format!("+62812{:08}", n * 7_919);
        let attempt = Attempt::new(world.policy.read(&number, None), Profile::own("launch", Profile::Otp));
        let mut lax = world.policy.clone();
        lax.mode = Mode::Monitor;
        let _ = decide(&lax, &mut world.state, &attempt, world.now);
    }
    assert_eq!(world.state.tenant(Profile::Otp).pending.len(), waiting);
    assert!(world.state.tenants.pending() <= world.state.pending_limit);
}

proptest! {
    #[test]
    fn the_same_events_give_the_same_verdicts_in_bounded_memory_and_none_without_a_reason(
        events in prop::collection::vec((0_u32..400, 0_u64..900, 0_u8..6, 0_u8..20), 1..300)
    ) {
        let run = || {
            let mut world = World::fresh(Policy::default());
            world.state = State::seeded(0, 7);
            events.iter().map(|(number, wait, then, client)| {
                world.wait(*wait);
                let number = format!("+62812{:08}", u64::from(*number) * 7_919 % 40_000);
                let verdict = world.send_from(&number, Some(&format!("203.0.113.{client}")));
                let outcome = match then {
                    0 | 1 => Some(Outcome::Verified),
                    2 => Some(Outcome::WrongCode),
                    3 => Some(Outcome::Rejected),
                    _ => None,
                };
                if let Some(outcome) = outcome {
                    world.outcome(&number, outcome);
                }
                assert!(world.state.tenants.pending() <= world.state.pending_limit);
                verdict
            }).collect::<Vec<_>>()
        };
        let verdicts = run();
        prop_assert_eq!(&verdicts, &run());
        for verdict in verdicts {
            prop_assert!(verdict.score <= 100);
            prop_assert!(verdict.action == Action::Allow || verdict.main_reason().is_some());
            prop_assert!((verdict.action == Action::Allow) == (verdict.score < CHALLENGE_AT));
        }
    }
}

#[test]
fn a_trap_adds_to_what_else_is_doubtful_and_stops_nobody_alone() {
    let sends_until_stopped = |trapped: bool| {
        let mut world = World::usual(Policy::default());
        (0..40_u64).find(|n| {
            world.wait(20);
            let number = format!("+628123456{:04}", n * 733 % 10_000);
            let attempt = Attempt::new(world.policy.read(&number, None), Profile::Otp);
            let attempt = if trapped { attempt.trapped() } else { attempt };
            world.attempt(&number, &attempt).action != Action::Allow
        })
    };
    let (trapped, plain) = (sends_until_stopped(true), sends_until_stopped(false));
    assert!(trapped.is_some() && trapped <= plain, "{trapped:?} {plain:?}");

    let mut world = World::usual(Policy::default());
    let attempt = Attempt::new(world.policy.read("+6598765432", None), Profile::Otp).trapped();
    let verdict = world.attempt("+6598765432", &attempt);
    assert_eq!((verdict.action, verdict.score), (Action::Allow, 30));
    assert_eq!(verdict.reasons[0].signal, Signal::Honeytoken);
    world.policy.honeytoken.mode = Mode::Off;
    world.wait(3600);
    assert!(
        world
            .attempt("+6598765433", &Attempt { reading: world.policy.read("+6598765433", None), ..attempt })
            .reasons
            .is_empty()
    );
}
