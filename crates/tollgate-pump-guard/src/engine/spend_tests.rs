//! What strangers cost, and what everything does.

use super::*;

fn money(amount: f64) -> Money {
    Money::of(amount).unwrap()
}

fn priced(amount: f64) -> Policy {
    let mut prices = Prices::new("EUR");
    prices.sms.default = Some(money(amount));
    Policy { prices: Some(prices), ..Policy::default() }
}

fn capped(amount: f64, cap: f64) -> Policy {
    let mut policy = priced(amount);
    policy.spend.per_day = money(cap);
    policy
}

/// Numbers of one 100k range, all in different 1k ranges of it.
fn spread(n: u32) -> String {
    format!("+62812345{:05}", n * 11_003 % 100_000)
}

#[test]
fn strangers_of_a_dear_range_are_stopped_by_their_money_before_their_number() {
    // Without outcomes, numbers alone would let some forty of a 100k range pass.
    let mut cheap = World::fresh(priced(0.001));
    assert!(cheap.pumped((0..100).map(spread), 5) > 20);
    let mut dear = World::fresh(priced(0.15));
    let sent = dear.pumped((0..100).map(spread), 5);
    assert!((13..=16).contains(&sent), "{sent}");
    let verdict = dear.send(&spread(200));
    assert_eq!((verdict.action, signal(&verdict)), (Action::Challenge, Signal::SpendVelocity), "{verdict:?}");
    let evidence = &verdict.main_reason().unwrap().evidence;
    assert!(evidence.contains("100k range +62812345xxxxx") && evidence.contains("EUR"), "{evidence}");
    // With outcomes, where one message costs as much as ten.
    let mut armed = World::usual(priced(1.1));
    assert_eq!(armed.pumped((0..20).map(|n| format!("+628123456{n:04}")), 5), 2);
    assert_eq!(signal(&armed.send("+6281234560999")), Signal::SpendVelocity);
    assert_eq!(armed.send("+6285511223344").action, Action::Allow, "others are served");
}

#[test]
fn challenges_that_are_solved_for_nothing_end_in_a_block() {
    let mut world = World::fresh(priced(0.15));
    world.policy.surprise.mode = Mode::Off;
    let mut last = Verdict::allow();
    for n in 0..60 {
        world.wait(5);
        let number = spread(n);
        let mut attempt = Attempt::new(world.policy.read(&number, None), Profile::Otp);
        attempt.proven = true;
        last = world.attempt(&number, &attempt);
    }
    assert_eq!((last.action, signal(&last)), (Action::Block, Signal::SpendVelocity), "{last:?}");
}

#[test]
fn an_office_whose_people_verify_owes_no_money() {
    let mut world = World::usual(priced(0.3));
    for n in 0..36_u64 {
        world.wait(20);
        let number = format!("+6591234{n:03}");
        let verdict = world.send(&number);
        assert_eq!(verdict.action, Action::Allow, "{n}: {verdict:?}");
        world.wait(6 + n * 13 % 50);
        if n % 4 != 0 {
            world.outcome(&number, Outcome::Verified);
        }
    }
}

#[test]
fn what_is_stopped_costs_nothing_and_a_range_opens_when_it_was_said() {
    let mut world = World::fresh(priced(0.15));
    world.policy.surprise.mode = Mode::Off;
    world.pumped((0..20).map(spread), 1);
    for n in 20..5000 {
        world.send(&spread(n));
    }
    let verdict = world.send(&spread(9000));
    let wait = verdict.retry_after.unwrap();
    assert!(wait < Duration::from_secs(1200), "{verdict:?}");
    world.now += wait - Duration::from_secs(2);
    assert_ne!(world.send(&spread(9001)).action, Action::Allow);
    world.wait(2);
    assert_eq!(world.send(&spread(9002)).action, Action::Allow);
}

#[test]
fn a_message_that_was_not_sent_after_all_cost_nothing() {
    let mut world = World::fresh(capped(1.0, 10.0));
    world.policy.surprise.mode = Mode::Off;
    for n in 0..50 {
        assert_eq!(world.send(&spread(n)).action, Action::Allow, "{n}");
        world.wait(1);
        let charge = world.charges.remove(&spread(n)).unwrap();
        forget(&mut world.state, charge);
    }
    // Only what is left of it is taken back: forgetting an old message frees no other's money.
    world.send(&spread(100));
    let old = world.charges.remove(&spread(100)).unwrap();
    world.wait(3600);
    assert_eq!(world.send(&spread(101)).action, Action::Allow);
    world.send(&spread(102));
    forget(&mut world.state, old);
    assert_ne!(world.send(&spread(103)).action, Action::Allow);
}

#[test]
fn a_country_is_challenged_for_its_money_at_most_and_bears_three_times_what_is_usual() {
    let strangers = |n: u32| format!("+6281{}", 2_000_000 + n * 700_001 % 97_000_000);
    let mut world = World::usual(priced(0.9));
    for signal in [&mut world.policy.places.new_country, &mut world.policy.places.breaker] {
        signal.mode = Mode::Off;
    }
    world.policy.places.country.mode = Mode::Off;
    let sent = world.pumped((0..60).map(strangers), 5);
    assert!((11..=14).contains(&sent), "{sent}");
    let verdict = world.send(&strangers(100));
    assert_eq!((verdict.action, signal(&verdict)), (Action::Challenge, Signal::CountrySpend), "{verdict:?}");
    // Where people verify all day, as many strangers are a bad hour.
    let mut home = World::usual(priced(0.9));
    home.policy.places.country.mode = Mode::Off;
    for n in 0..1500_u32 {
        home.wait(180);
        let number = format!("+659{:07}", 1_000_003 + n * 40_009 % 7_000_000);
        if home.send(&number).action == Action::Allow {
            home.wait(10);
            home.outcome(&number, Outcome::Verified);
        }
    }
    let strangers = |n: u32| format!("+658{:07}", 1_000_007 + n * 400_009 % 7_000_000);
    let sent = home.pumped((0..40).map(strangers), 5);
    assert!(sent > 25, "{sent}");
}

#[test]
fn past_the_cap_strangers_are_blocked_and_past_a_fifth_more_everybody() {
    let mut world = World::usual(capped(1.0, 300.0));
    let known = |n: u64| format!("+659{:07}", 1_000_000 + 2 * n * 40_009 % 7_000_000);
    world.wait(26 * 3600);
    world.policy.spend.per_day = money(10.0);
    for n in 0..10 {
        world.wait(60);
        assert_eq!(world.send(&known(n)).action, Action::Allow, "{n}");
    }
    let stranger = world.send("+6581234567");
    assert_eq!((stranger.action, signal(&stranger)), (Action::Block, Signal::SpendCap), "{stranger:?}");
    assert_eq!(stranger.score, 100);
    assert!(stranger.main_reason().unwrap().evidence.contains("11.00 EUR; the cap of all others is 10.00"));
    for n in 10..12 {
        assert_eq!(world.send(&known(n)).action, Action::Allow, "{n}");
    }
    let known = world.send(&known(12));
    assert_eq!((known.action, signal(&known)), (Action::Block, Signal::SpendCap), "{known:?}");
    // Nothing lets it through: not a challenge, not by hand.
    let allow = Entry::new(Matcher::Country("SG".parse().unwrap()), EntryAction::Allow, "ours");
    world.policy.entries.push(allow);
    let mut attempt = Attempt::new(world.policy.read("+6581234567", None), Profile::Otp);
    attempt.proven = true;
    assert_eq!(world.attempt("", &attempt).action, Action::Block);
    // A day later it is open, as it said.
    world.now += stranger.retry_after.unwrap();
    assert_ne!(world.send("+6581234567").main_reason().map(|reason| reason.signal), Some(Signal::SpendCap));
}

#[test]
fn a_campaign_pays_into_the_cap_and_is_stopped_by_it() {
    let mut world = World::fresh(capped(0.5, 10.0));
    let send = |world: &mut World, n: u32| {
        let number = format!("+6281234567{n:03}");
        let attempt = Attempt::new(world.policy.read(&number, None), Profile::Campaign);
        world.attempt(&number, &attempt)
    };
    for n in 0..20 {
        assert_eq!(send(&mut world, n).action, Action::Allow);
    }
    let full = send(&mut world, 20);
    assert_eq!((full.action, signal(&full)), (Action::Block, Signal::SpendCap));
    // A batch that is refused gives all of it back.
    for (_, charge) in world.charges.drain() {
        forget(&mut world.state, charge);
    }
    assert_eq!(send(&mut world, 20).action, Action::Allow);
    // It teaches the button's rules nothing, has a cap of its own, and no cap costs no memory.
    let charge = world.charges["+6281234567020"];
    observe(&world.policy, &mut world.state, &charge, Outcome::Verified, world.now);
    assert!(world.state.confirmed.find(charge.confirmed).is_none());
    assert_eq!(world.send("+6281234567020").action, Action::Allow);
    world.policy.spend.per_day = Money::ZERO;
    world.charges.clear();
    send(&mut world, 30);
    assert!(world.charges.is_empty());
}

#[test]
fn without_prices_nothing_is_said_of_money_and_a_price_in_the_log_changes_nothing() {
    let mut world = World::fresh(Policy::default());
    world.policy.surprise.mode = Mode::Off;
    for n in 0..100 {
        let number = spread(n);
        let attempt = Attempt::new(world.policy.read(&number, None), Profile::Otp).priced(Some(money(5.0)));
        assert_eq!(world.attempt(&number, &attempt), Verdict::allow());
    }
}

#[test]
fn a_price_of_its_own_goes_before_the_table_and_dear_calls_do_not_raise_what_is_usual() {
    let mut world = World::fresh(priced(0.01));
    world.policy.surprise.mode = Mode::Off;
    let calls = |world: &mut World, n: u32| {
        let number = spread(n);
        let attempt = Attempt::new(world.policy.read(&number, None), Profile::Otp);
        let attempt = attempt.over(Channel::Call).priced(Some(money(1.0)));
        world.attempt(&number, &attempt).action
    };
    assert_eq!(calls(&mut world, 0), Action::Allow);
    assert_eq!(calls(&mut world, 1), Action::Allow);
    assert_eq!(calls(&mut world, 2), Action::Challenge);
    // Of texts there are twenty an hour, for days; then they are calls.
    let mut world = World::fresh(priced(0.01));
    world.policy.surprise.mode = Mode::Off;
    world.pumped((0..3000).map(spread), 180);
    let before: Vec<_> = (3000..3040).map(|n| calls(&mut world, n)).collect();
    let through = before.iter().filter(|action| **action == Action::Allow).count();
    assert!(through <= 3, "{through}");
}

#[test]
fn a_limit_that_makes_no_sense_and_a_cap_without_prices_are_named() {
    let mut policy = priced(0.05);
    policy.spend.per_range = Money::ZERO;
    let error = policy.validate().unwrap_err();
    assert_eq!(error.to_string(), "spend_velocity.per_range: 0.00 is not within 0.01 to 1000000");
    let mut policy = capped(0.05, 100.0);
    assert!(policy.validate().is_ok());
    policy.prices = None;
    assert_eq!(policy.validate().unwrap_err().field, "spend_velocity.per_day");
    assert_eq!(Policy::preset(Preset::Cautious).spend.per_range, money(3.2));
    assert_eq!(Policy::preset(Preset::Strict).spend.per_country, money(6.0));
}

#[test]
fn a_restart_keeps_what_was_spent() {
    let policy = capped(1.0, 3.0);
    let secret = Secret::from_bytes(*b"sixteen bytes...");
    let mut state = State::with_secret(256 << 10, secret);
    let mut now = Duration::from_secs(1_772_409_600);
    let send = |state: &mut State, number: &str, now: Duration| {
        let attempt = Attempt::new(policy.read(number, None), Profile::Otp);
        decide(&policy, state, &attempt, now).0
    };
    for number in ["+6591234567", "+12025550123", "+447911123456"] {
        assert_eq!(send(&mut state, number, now).action, Action::Allow);
    }
    let kept = state.changes();
    let (mut state, skipped) = State::restore(256 << 10, secret, kept.iter());
    assert_eq!(skipped, 0);
    now += Duration::from_secs(3600);
    assert_eq!(signal(&send(&mut state, "+4915112345678", now)), Signal::SpendCap);
    now += Duration::from_secs(24 * 3600);
    assert_eq!(send(&mut state, "+4915112345678", now).action, Action::Allow);
}

/// How many have gone out after each of these, one every so many seconds.
fn campaign(policy: &Policy, waits: &[u32]) -> Vec<usize> {
    let (mut state, mut now, mut through) = (State::seeded(0, 7), Duration::from_secs(86_400), 0);
    let attempt = Attempt::new(policy.read("+6591234567", None), Profile::Campaign);
    let send = |wait: &u32| {
        now += Duration::from_secs((*wait).into());
        through += usize::from(decide(policy, &mut state, &attempt, now).1.is_some());
        through
    };
    waits.iter().map(send).collect()
}

proptest! {
    #[test]
    fn a_lower_cap_never_lets_more_through(
        waits in prop::collection::vec(0_u32..20_000, 1..120),
        caps in (1_u32..40, 1_u32..40),
    ) {
        let through = |cap: u32| campaign(&capped(1.0, cap.into()), &waits);
        let (low, high) = (through(caps.0.min(caps.1)), through(caps.0.max(caps.1)));
        prop_assert!(low.iter().zip(&high).all(|(low, high)| low <= high));
    }

    #[test]
    fn no_24_hours_cost_more_than_the_cap(
        sends in prop::collection::vec((0_u32..9000, 0_u32..4000, any::<bool>()), 1..200),
    ) {
        let policy = capped(1.0, 10.0);
        let (mut state, mut now) = (State::seeded(0, 7), Duration::from_secs(86_400));
        let mut sent: Vec<(Duration, u32)> = Vec::new();
        for (wait, cents, gone) in sends {
            now += Duration::from_secs(wait.into());
            let price = Money::of(f64::from(cents) / 1000.0);
            let attempt = Attempt::new(policy.read("+6591234567", None), Profile::Campaign).priced(price);
            let Some(charge) = decide(&policy, &mut state, &attempt, now).1 else { continue };
            if gone {
                forget(&mut state, charge);
            } else {
                sent.push((now, cents));
            }
            let day = sent.iter().filter(|(at, _)| *at + Duration::from_secs(86_400) > now);
            prop_assert!(day.map(|(_, cents)| cents).sum::<u32>() <= 10_000);
        }
    }
}
