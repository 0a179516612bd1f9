//! What is remembered of how many, and what a flood cannot make forget.

use super::cells::Cells;
use super::ranges::{PEOPLE, RangeCell};
use super::strangers_tests::*;
use super::*;

/// Everything goes out, as where the guard only monitors.
fn lax() -> Policy {
    Policy { mode: Mode::Monitor, ..Policy::default() }
}

fn client(n: u64) -> Option<std::net::IpAddr> {
    let scattered = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    Some(std::net::Ipv4Addr::from(u32::try_from(scattered).unwrap()).into())
}

/// A sixty-fourth of a million numbers, of a sixty-fourth of the ranges that a million all over the world are of, in a
/// sixty-fourth of 64 MiB and of a day; seven in ten verify.
fn filled(bytes: usize) -> (State, Vec<(Number, bool)>, u32) {
    let policy = lax();
    let (mut state, mut now) = (State::seeded(bytes, 7), Duration::from_secs(1_772_409_600));
    let mut sent = Vec::new();
    for n in 0.. {
        if sent.len() == 15_625 {
            break;
        }
        now += Duration::from_millis(86_400_000 / 17_000);
        let written = if n % 4 == 0 {
            format!("+6281{:09}", 200_000_000 + n * 7_919 % 25_000_000)
        } else {
            format!("+659{:07}", n * 6_364_136 % 9_999_991)
        };
        let attempt = Attempt::new(policy.read(&written, None), Profile::Otp).from_client(client(n));
        let (_, charge) = decide(&policy, &mut state, &attempt, now);
        if let (Some(charge), Reading::Number(number)) = (charge, attempt.reading) {
            let verifies = n * 7 % 10 < 7;
            if verifies {
                observe(&policy, &mut state, &charge, Outcome::Verified, now + Duration::from_secs(20));
            }
            sent.push((number, verifies));
        }
    }
    (state, sent, state::seconds(now))
}

#[test]
fn most_of_a_million_numbers_and_of_their_ranges_are_remembered_in_64_mib() {
    let (state, sent, now) = filled(1 << 20);
    let (mut numbers, mut people, mut verified, mut ranges) = (0, 0, 0, 0);
    for (number, verifies) in &sent {
        numbers += usize::from(state.numbers.find(state.number_key(Profile::Otp, number, false)).is_some());
        people += usize::from(*verifies);
        verified += usize::from(state.confirmed.find(state.confirmed_key(number)).is_some());
        ranges += usize::from(state.ranges.find(state.range_key(Profile::Otp, 0, number.range(3))).is_some());
    }
    let share = |known: usize, of: usize| 100 * known / of;
    let shares = [share(numbers, sent.len()), share(verified, people), share(ranges, sent.len())];
    println!("numbers, verified, 1k ranges: {shares:?} %; at {now}");
    assert!(shares.iter().all(|share| *share >= 75), "{shares:?}");
}

/// Strangers by the ten thousand, each once, from everywhere.
fn flood(world: &mut World, count: u64) {
    let policy = lax();
    for n in 0..count {
        world.now += Duration::from_millis(50);
        let number = format!("+62857{:08}", n * 7_919 % 99_999_989);
        let attempt = Attempt::new(policy.read(&number, None), Profile::Otp).from_client(client(n));
        let _ = decide(&policy, &mut world.state, &attempt, world.now);
    }
}

#[test]
fn a_flood_of_ten_times_the_memory_resets_no_stopped_range_no_cool_down_and_no_verified_number() {
    let mut world = World::usual_in(Policy::default(), State::seeded(0, 7));
    let (known, victim) = ("+6281234560001", "+6591110000");
    world.send(known);
    world.wait(30);
    world.outcome(known, Outcome::Verified);
    world.wait(2 * 86_400);
    for _ in 0..4 {
        assert_eq!(world.send(victim).action, Action::Allow);
        world.wait(200);
    }
    world.pumped((10..100).map(|n| format!("+628123456{n:04}")), 1);
    assert_eq!(world.send("+6281234560999").action, Action::Block);

    flood(&mut world, 40_000);
    let rests = world.send(victim);
    assert_eq!((rests.action, signal(&rests)), (Action::Block, Signal::NumberCooldown), "{rests:?}");
    let stopped = world.send("+6281234560998");
    assert_ne!(stopped.action, Action::Allow);
    assert!(stopped.reasons.iter().any(|reason| reason.signal == Signal::RangeConversion), "{stopped:?}");
    assert_eq!(world.send(known).action, Action::Allow);
}

#[test]
fn what_was_forgotten_of_a_number_or_another_one_is_worth_a_challenge_and_never_a_block() {
    let mut world = World::usual(Policy::default());
    let number = "+6591110000";
    let Reading::Number(read) = world.policy.read(number, None) else { panic!() };
    let key = world.state.number_key(Profile::Otp, &read, false);
    let now = state::seconds(world.now);
    world.state.numbers.left().note(key, now + 3600);
    for n in 0..20 {
        let verdict = world.send_from(number, Some(&format!("203.0.113.{n}")));
        assert_eq!(
            (verdict.action, signal(&verdict)),
            (Action::Challenge, Signal::NumberCooldown),
            "{verdict:?}"
        );
        world.wait(60);
    }
    world.wait(3600);
    assert_eq!(world.send(number).action, Action::Allow);
}

#[test]
fn what_was_forgotten_of_a_range_or_another_one_is_worth_a_challenge_and_never_a_block() {
    let mut world = World::usual(Policy::default());
    let Reading::Number(read) = world.policy.read("+6281234560001", None) else { panic!() };
    let key = world.state.range_key(Profile::Otp, 1, read.range(3));
    let now = state::seconds(world.now);
    // A debt of sixteen.
    world.state.ranges.left().note(key, now + 4 * 48 * 3600);
    for n in 0..200 {
        let verdict = world.send(&format!("+628123456{:04}", n * 37));
        assert_eq!(
            (verdict.action, signal(&verdict)),
            (Action::Challenge, Signal::RangeConversion),
            "{verdict:?}"
        );
        world.wait(2);
    }
    assert_eq!(world.send("+6281234560001").action, Action::Challenge);
    // Once nobody asks any more, one goes out, and those that verify repay.
    world.wait(2 * 3600);
    assert_eq!(world.send("+6281234561111").action, Action::Allow);
}

#[test]
fn a_stopped_range_that_makes_room_is_recalled_with_its_debt_and_its_people() {
    let mut ranges = Cells::<RangeCell>::new(64 << 10);
    let (range, now) = (0x1234_5678_9a00_0000, 1_772_409_600);
    ranges.change(range, now, |cell| {
        *cell = cell.at(now);
        (cell.debt, cell.verified) = (8.0, 30.0);
        cell.hold.stopped(now, true);
    });
    let others = || (1..20_000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) & !0xff_ffff);
    for other in others() {
        ranges.change(other, now, |cell| {
            *cell = cell.at(now);
            cell.debt = 60.0;
        });
    }
    assert!(ranges.find(range).is_none(), "it made room");
    let recalled = ranges.seen(range, now);
    assert!((recalled.owed() - 8.0).abs() < 0.01 && recalled.remembered() == 0.0, "{recalled:?}");
    assert!((recalled.verified - PEOPLE).abs() < 0.01, "{recalled:?}");
    let later = ranges.seen(range, now + 2 * 86_400);
    assert!((later.owed() - 4.0).abs() < 0.01, "half of it after two days: {later:?}");
    // Those that were never stopped leave nothing.
    let fresh = (1..2_000_u64).filter(|n| ranges.seen(n << 40, now).owed() > 0.0).count();
    assert!(fresh < 20, "{fresh}");
}

#[test]
fn a_record_of_a_range_is_the_range_to_one_in_a_thousand_and_a_large_one_is_exact() {
    for many in [1.0, 300.0] {
        let mut ranges = Cells::<RangeCell>::new(64 << 10);
        let mut cell = RangeCell::default().at(1_772_409_600);
        (cell.debt, cell.hour, cell.day, cell.week) = (-1.857, 0.7 * many, 1.3 * many, 2.9 * many);
        (cell.verified, cell.verified_day, cell.stopped) = (1.9 * many, 0.9 * many, 0.3 * many);
        for took in [9_000, 20_000, 31_000] {
            cell.times.add(times::log(took), 0);
        }
        ranges.change(1 << 40, 0, |kept| *kept = cell);
        let kept = ranges.find(1 << 40).unwrap();
        let near = |a: f32, b: f32| (a - b).abs() <= b.abs() / 1000.0 + 1e-6;
        for (a, b) in [
            (kept.debt, cell.debt),
            (kept.hour, cell.hour),
            (kept.day, cell.day),
            (kept.week, cell.week),
            (kept.verified, cell.verified),
            (kept.verified_day, cell.verified_day),
            (kept.stopped, cell.stopped),
            (kept.times.mean(), cell.times.mean()),
            (kept.times.deviation(), cell.times.deviation()),
        ] {
            assert!(if many > 1.0 { (a - b).abs() < f32::EPSILON } else { near(a, b) }, "{a} for {b}");
        }
    }
}
