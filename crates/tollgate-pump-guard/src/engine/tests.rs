use proptest::prelude::*;

use super::*;

struct Guard {
    policy: Policy,
    state: State,
    now: Duration,
}

impl Guard {
    fn new(policy: Policy) -> Self {
        Self { policy, state: State::seeded(1 << 20, 7), now: Duration::from_secs(5) }
    }

    fn send(&mut self, destination: &str) -> Verdict {
        self.send_as(destination, Profile::Otp)
    }

    fn send_as(&mut self, destination: &str, profile: Profile) -> Verdict {
        let attempt = Attempt::new(self.policy.read(destination, None), profile);
        decide(&self.policy, &mut self.state, &attempt, self.now).0
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }
}

fn blocked_by(verdict: &Verdict) -> Option<Signal> {
    (verdict.action == Action::Block).then(|| verdict.main_reason().unwrap().signal)
}

#[test]
fn an_ordinary_number_passes_without_a_reason() {
    let verdict = Guard::new(Policy::default()).send("+6591234567");
    assert_eq!(verdict, Verdict::allow());
}

#[test]
fn what_receives_no_codes_is_blocked_and_a_landline_only_noted() {
    let mut guard = Guard::new(Policy::default());
    for destination in ["garbage", "+999", "+6512", ""] {
        assert_eq!(blocked_by(&guard.send(destination)), Some(Signal::NumberShape), "{destination}");
    }
    for destination in ["+19002345678", "+18002345678", "+448451234567", "+881612345678", "+870773111632"] {
        assert_eq!(blocked_by(&guard.send(destination)), Some(Signal::NumberType), "{destination}");
    }
    let landline = guard.send("+442079460000");
    assert_eq!((landline.action, landline.score, landline.reasons.len()), (Action::Allow, 30, 1));
}

#[test]
fn country_lists_deny_allow_and_monitor() {
    let countries = |codes: &[&str]| codes.iter().map(|code| code.parse().unwrap()).collect();
    let mut policy = Policy::default();
    policy.country.deny = countries(&["ID"]);
    policy.country.monitor = countries(&["SG"]);
    let mut guard = Guard::new(policy.clone());
    assert_eq!(blocked_by(&guard.send("+6281234567890")), Some(Signal::CountryPolicy));
    let monitored = guard.send("+6591234567");
    assert_eq!((monitored.action, monitored.reasons[0].signal), (Action::Allow, Signal::CountryPolicy));
    assert_eq!(guard.send("+12025550123"), Verdict::allow());

    policy.country.allow = countries(&["US"]);
    let mut guard = Guard::new(policy);
    assert_eq!(blocked_by(&guard.send("+6591234567")), Some(Signal::CountryPolicy));
    assert_eq!(guard.send("+12025550123").action, Action::Allow);
    // Canada shares the calling code and is told apart.
    assert_eq!(blocked_by(&guard.send("+14165550123")), Some(Signal::CountryPolicy));
}

#[test]
fn a_number_rests_longer_after_each_message_and_gets_ten_a_day() {
    let mut guard = Guard::new(Policy::default());
    guard.policy.cooldown.unverified_per_day = 10;
    for step in [0, 30, 60, 120, 300, 900, 1800, 3600, 3600, 3600] {
        if step > 0 {
            guard.wait(step - 1);
            let early = guard.send("+6591234567");
            assert_eq!(blocked_by(&early), Some(Signal::NumberCooldown), "before {step}");
            assert_eq!(early.retry_after, Some(Duration::from_secs(1)));
            guard.wait(1);
        }
        assert_eq!(guard.send("+6591234567").action, Action::Allow, "after {step}");
    }
    guard.wait(3600);
    let full = guard.send("+6591234567");
    assert_eq!(blocked_by(&full), Some(Signal::NumberCooldown));
    guard.now += full.retry_after.unwrap() - Duration::from_secs(1);
    assert_eq!(guard.send("+6591234567").action, Action::Block);
    guard.wait(1);
    assert_eq!(guard.send("+6591234567").action, Action::Allow);
}

#[test]
fn what_was_stopped_is_not_remembered() {
    let mut guard = Guard::new(Policy::default());
    guard.send("+6591234567");
    guard.wait(11);
    for _ in 0..89 {
        guard.wait(1);
        guard.send("+6591234567");
    }
    // 30 s after the one that went out, one more did; hammering made neither wait longer.
    let verdict = guard.send("+6591234567");
    assert!(verdict.reasons[0].evidence.starts_with("3 messages"), "{verdict:?}");
}

#[test]
fn a_destination_that_can_be_read_in_two_ways_is_stopped_in_every_mode() {
    let mut policy = Policy::default();
    policy.shape.mode = Mode::Off;
    let mut guard = Guard::new(policy.clone());
    for destination in
        ["+62.812.3456.7891", "+62 812\u{a0}34567892", "\u{ff0b}6281234567893", "tel:+6281234567895"]
    {
        assert_eq!(blocked_by(&guard.send(destination)), Some(Signal::NumberShape), "{destination}");
    }
    // A number that is only not valid passes then, unless countries are told apart.
    assert_eq!(guard.send("+659123456").action, Action::Allow);
    policy.country.deny = ["ID".parse().unwrap()].into();
    assert_eq!(blocked_by(&Guard::new(policy).send("+659123456")), Some(Signal::CountryPolicy));
}

#[test]
fn a_full_day_waits_for_the_longer_of_both() {
    let mut guard = Guard::new(Policy::default());
    guard.policy.cooldown.unverified_per_day = 2;
    guard.send("+6591234567");
    guard.wait(86_370);
    assert_eq!(guard.send("+6591234567").action, Action::Allow);
    guard.wait(11);
    let full = guard.send("+6591234567");
    // The first goes in 30 s; the second rests for 30 s too, and no less.
    guard.now += full.retry_after.unwrap();
    assert_eq!(guard.send("+6591234567").action, Action::Allow, "{full:?}");
}

#[test]
fn a_campaign_is_held_to_the_hard_rules_only() {
    let mut guard = Guard::new(Policy::default());
    for _ in 0..1000 {
        assert_eq!(guard.send_as("+6281234567000", Profile::Campaign).action, Action::Allow);
    }
    assert_eq!(blocked_by(&guard.send_as("+19002345678", Profile::Campaign)), Some(Signal::NumberType));
    // And it teaches the button's rules nothing.
    assert_eq!(guard.send("+6281234567000").action, Action::Allow);
}

#[test]
fn monitor_and_off_are_per_signal() {
    let mut policy = Policy::default();
    policy.shape.mode = Mode::Monitor;
    policy.surprise.mode = Mode::Off;
    let mut guard = Guard::new(policy);
    let noted = guard.send("+19002345678");
    assert_eq!((noted.action, noted.score), (Action::Allow, 0));
    assert!(!noted.reasons[0].enforced);
    for n in 0..50 {
        assert_eq!(guard.send(&format!("+62812345670{n:02}")).action, Action::Allow);
    }
}

#[test]
fn time_that_jumps_back_opens_nothing() {
    let mut guard = Guard::new(Policy::default());
    guard.wait(1000);
    guard.send("+6591234567");
    guard.now = Duration::ZERO;
    assert!(guard.send("+6591234567").repeat);
    let verdict = guard.send("+6591234567");
    assert_eq!(verdict.retry_after, Some(Duration::from_secs(30)));
}

#[test]
fn a_value_that_makes_no_sense_is_named() {
    let mut policy = Policy::default();
    policy.cooldown.per_day = 11;
    assert_eq!(
        policy.validate().unwrap_err().to_string(),
        "number_cooldown.per_day: 11 is not within 1 to 10"
    );
    let mut policy = Policy::default();
    policy.conversion.per_10k = 0.5;
    assert_eq!(policy.validate().unwrap_err().field, "range_conversion.per_10k");
    let shift_to = vec![Shift::WhatsApp { template_name: " ".to_owned() }];
    let policy = Policy { shift_to, ..Policy::default() };
    assert_eq!(policy.validate().unwrap_err().field, "shift.whatsapp.templateName");
}

proptest! {
    #[test]
    fn the_same_attempts_give_the_same_verdicts_and_none_is_without_a_reason(
        attempts in prop::collection::vec((0_u32..300, 0_u64..600), 1..200)
    ) {
        let run = || {
            let mut guard = Guard::new(Policy::default());
            attempts.iter().map(|(number, wait)| {
                guard.wait(*wait);
                guard.send(&format!("+6281234{number:06}"))
            }).collect::<Vec<_>>()
        };
        let verdicts = run();
        prop_assert_eq!(&verdicts, &run());
        for verdict in verdicts {
            prop_assert!(verdict.action == Action::Allow || !verdict.reasons.is_empty());
            prop_assert!(verdict.score <= 100);
        }
    }

    #[test]
    fn any_text_gets_a_verdict(text in "\\PC{0,40}", country in prop::option::of("\\PC{0,4}")) {
        let policy = Policy::default();
        let _ = hard_rules(&policy, &policy.read(&text, country.as_deref()));
    }
}

/// In a table far too small, a flood of numbers that are let through makes it forget, but no number under attack keeps
/// being forgotten for less than a set's worth of other sends.
#[test]
fn memory_is_fixed_and_the_longest_rested_number_is_forgotten_first() {
    let mut policy = Policy::default();
    policy.surprise.mode = Mode::Off;
    let mut guard = Guard::new(policy);
    guard.state = State::seeded(0, 7);
    guard.send("+6591234567");
    guard.wait(11);
    for n in 0..100 {
        guard.send(&format!("+6281200{n:06}"));
    }
    assert_eq!(guard.send("+6591234567").action, Action::Block);
}

#[test]
fn people_who_verified_before_go_first_where_8x8_takes_no_more() {
    let mut guard = Guard::new(Policy::default());
    guard.policy.rate.per_second = 10;
    let known = guard.policy.read("+6598765432", None);
    let known = Attempt::new(known, Profile::Otp);
    let charge = decide(&guard.policy, &mut guard.state, &known, guard.now).1.unwrap();
    observe(&guard.policy, &mut guard.state, &charge, Outcome::Verified, guard.now + Duration::from_secs(20));
    guard.wait(2 * 86_400);

    // Far apart, so that nothing else speaks; a landline is doubtful.
    let strangers =
        ["+6591234567", "+447400123456", "+61412345678", "+33612345678", "+34612345678", "+393312345678"];
    for number in strangers {
        assert_eq!(guard.send(number).action, Action::Allow, "{number}");
    }
    let doubtful = guard.send("+442079460000");
    assert_eq!(blocked_by(&doubtful), Some(Signal::TenantRate));
    assert_eq!(doubtful.retry_after, Some(Duration::from_secs(1)));
    assert_eq!(guard.send("+4915112345678").action, Action::Allow);
    assert_eq!(guard.send("+31612345678").action, Action::Allow);
    assert_eq!(blocked_by(&guard.send("+32470123456")), Some(Signal::TenantRate));
    assert_eq!(blocked_by(&guard.send_as("+32470123457", Profile::Campaign)), Some(Signal::TenantRate));
    assert_eq!(guard.send("+6598765432").action, Action::Allow);

    // What was shed counts as nothing.
    guard.wait(2);
    assert_eq!(guard.send("+32470123456").action, Action::Allow);
}

#[test]
fn a_batch_is_one_request_and_what_is_stopped_is_none() {
    let mut guard = Guard::new(Policy::default());
    guard.policy.rate.per_second = 1;
    for n in 0..100 {
        let mut attempt =
            Attempt::new(guard.policy.read(&format!("+65912345{n:02}"), None), Profile::Campaign);
        attempt.batched = n > 0;
        assert_eq!(decide(&guard.policy, &mut guard.state, &attempt, guard.now).0.action, Action::Allow);
    }
    guard.wait(2);
    for _ in 0..100 {
        assert_ne!(blocked_by(&guard.send("+19002345678")), Some(Signal::TenantRate));
    }
    assert_eq!(guard.send("+6591234567").action, Action::Allow);
    guard.policy.rate.mode = Mode::Monitor;
    let noted = guard.send("+6598765432");
    assert_eq!((noted.action, noted.reasons[0].signal), (Action::Allow, Signal::TenantRate));
    guard.policy.rate.mode = Mode::Off;
    assert_eq!(guard.send("+6598765433").reasons, []);
    guard.policy.rate.per_second = 0;
    assert_eq!(guard.policy.validate().unwrap_err().field, "tenant_rate.per_second");
}
