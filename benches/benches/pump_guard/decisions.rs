//! Single decisions, numbers read beforehand, with a memory that is full.

use std::time::Duration;

use rlibphonenumber::PHONE_NUMBER_UTIL;
use tollgate_benches::{Table, Targets, allocations};
use tollgate_pump_guard::{Action, Mode, Policy};

use crate::latency::Latency;
use crate::memory::Filled;
use crate::traffic::{Press, Strangers, attack, mix};

const STRANGERS: usize = 200_000;
/// Of the last that verified, so many are back a day later.
const RETURNING: usize = 100_000;
/// After so many attempts on the range it is blocked.
const UNTIL_BLOCKED: usize = 5_000;
const READ: usize = 100_000;
/// More than may still verify at once.
const BURST: usize = 100_000;

/// One kind of attempts: ours and the rival's times, and how many each lets through.
#[derive(Default)]
struct Case {
    ours: Latency,
    theirs: Latency,
    outcomes: Latency,
    sent: [usize; 2],
    blocked: usize,
}

impl Case {
    /// Times them all, in their turn with the codes that are given back meanwhile.
    fn of<'a>(filled: &mut Filled, presses: impl Iterator<Item = &'a Press>) -> Self {
        let mut case = Self::default();
        let Filled { ours, theirs, .. } = filled;
        for press in presses {
            ours.tick();
            while let Some((at, charge)) = ours.given_back() {
                case.outcomes.time(|| ours.observe(at, &charge));
            }
            let (verdict, charge) = case.ours.time(|| ours.decide(press));
            let passes = case.theirs.time(|| theirs.check(press));
            case.sent[0] += usize::from(charge.is_some());
            case.sent[1] += usize::from(passes);
            case.blocked += usize::from(verdict.action == Action::Block);
            if let Some(charge) = charge {
                ours.will_verify(press, charge);
            }
        }
        case
    }

    fn rows(&self, table: &mut Table, name: &str) {
        self.ours.row(table, &format!("decide, {name}"), Some(self.sent[0]));
        self.theirs.row(table, &format!("governor, {name}"), Some(self.sent[1]));
    }
}

pub(crate) fn print(filled: &mut Filled, strangers: &mut Strangers<'_>, targets: &mut Targets) {
    let fresh: Vec<Press> = strangers.by_ref().take(STRANGERS).collect();
    let world = Case::of(filled, fresh.iter());
    allocated(filled, strangers, targets);

    // A day and an hour later: no cool-down any more, and known for a day.
    let mut back: Vec<Press> = filled.sent.iter().rev().map(|(_, press)| press.clone()).collect();
    back.retain(|press| press.verifies.is_some());
    back.truncate(RETURNING);
    back.sort_by_key(|press| mix(press.digits));
    filled.ours.now += Duration::from_secs(25 * 3600);
    let returning = Case::of(filled, back.iter());

    let range = attack(&filled.ours.policy);
    let (first, rest) = range.split_at(UNTIL_BLOCKED);
    for press in first {
        filled.ours.press(press);
        filled.theirs.check(press);
    }
    let attacked = Case::of(filled, rest.iter());

    let (reading, parsing) = read(&fresh);
    println!(
        "\nSingle calls with a full memory, in ns; numbers are read beforehand, and the clock's own time is within\n"
    );
    let mut table = Latency::table();
    let mut clock = Latency::default();
    for _ in 0..READ {
        clock.time(|| ());
    }
    clock.row(&mut table, "the clock alone", None);
    world.rows(&mut table, "strangers all over the world");
    returning.rows(&mut table, "verified numbers, a day later");
    attacked.rows(&mut table, "a range under attack");
    world.outcomes.row(&mut table, "observe(Verified), strangers", None);
    returning.outcomes.row(&mut table, "observe(Verified), known numbers", None);
    reading.row(&mut table, "Policy::read, a number", None);
    parsing.row(&mut table, "rlibphonenumber, parse and is_valid", None);
    println!("{table}");
    println!(
        "Of the attack, {} of {} were blocked, and {} sent; governor reads a clock of its own, ours is given the time.",
        attacked.blocked,
        rest.len(),
        attacked.sent[0]
    );
    let net = |latency: &Latency| latency.quantile(0.5) - clock.quantile(0.5);
    let over = |one: &Latency, other: &Latency| net(one) / net(other);
    targets.ratio("a stranger's decision over governor's two", 4.0, over(&world.ours, &world.theirs));
    silence(filled, strangers);
}

/// The first decision after a silence takes in that all who were waited for did not verify: those that the guard lets
/// through, and as many as it can wait for, where it only monitors.
fn silence(filled: &mut Filled, strangers: &mut Strangers<'_>) {
    let ours = &mut filled.ours;
    for mode in [Mode::Enforce, Mode::Monitor] {
        ours.policy.mode = mode;
        let mut sent = 0;
        for press in strangers.by_ref().take(BURST) {
            ours.now += Duration::from_micros(100);
            let (_, charge) = ours.decide(&press);
            sent += usize::from(charge.is_some());
        }
        ours.now += Duration::from_secs(600);
        let mut latency = Latency::default();
        for press in strangers.by_ref().take(1) {
            latency.time(|| ours.decide(&press));
        }
        println!(
            "The first decision ten minutes after {BURST} strangers within ten seconds ({mode:?}: {sent} sent, none \
             verified): {:.0} µs.",
            latency.quantile(1.0) / 1e3
        );
    }
}

fn read(presses: &[Press]) -> (Latency, Latency) {
    let policy = Policy::default();
    let (mut reading, mut parsing) = (Latency::default(), Latency::default());
    for press in &presses[..READ] {
        let written = format!("+{}", press.digits);
        reading.time(|| policy.read(&written, None));
        parsing.time(|| {
            let number = PHONE_NUMBER_UTIL.parse(&written, None);
            number.is_ok_and(|number| PHONE_NUMBER_UTIL.is_valid_number(&number))
        });
    }
    (reading, parsing)
}

/// What an allowed decision allocates.
fn allocated(filled: &mut Filled, strangers: &mut Strangers<'_>, targets: &mut Targets) {
    let ours = &mut filled.ours;
    let (mut decisions, mut calls, mut most) = (0, 0, 0);
    let (mut outcomes, mut theirs) = (0, 0);
    for press in strangers.by_ref().take(10_000) {
        ours.tick();
        while let Some((at, charge)) = ours.given_back() {
            outcomes += allocations(|| ours.observe(at, &charge)).calls;
        }
        let mut decided = None;
        let made = allocations(|| decided = Some(ours.decide(&press))).calls;
        theirs += allocations(|| filled.theirs.check(&press)).calls;
        if let Some((verdict, Some(charge))) = decided {
            ours.will_verify(&press, charge);
            if verdict.action == Action::Allow {
                (decisions, calls, most) = (decisions + 1, calls + made, most.max(made));
            }
        }
    }
    println!(
        "\nAllocations: {calls} of {decisions} allowed decisions ({most} at most of one), {outcomes} of their outcomes; \
         {theirs} of governor's decisions."
    );
    targets.count("allocations of an allowed decision at most", 0, most);
    targets.count("allocations of outcomes", 0, outcomes);
}
