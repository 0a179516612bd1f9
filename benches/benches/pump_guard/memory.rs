//! What a million numbers leave behind, and how much of them.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

use std::time::{Duration, Instant};

use tollgate_benches::{Allocations, Table, Targets, allocations};
use tollgate_pump_guard::engine::{decide, last_send};
use tollgate_pump_guard::{Policy, Profile, Reading, Signal};

use crate::rivals::Rival;
use crate::sender::{BYTES, Sender};
use crate::traffic::{Press, Strangers};

/// So many numbers are sent to.
pub(crate) const NUMBERS: usize = 1_000_000;

/// How many are looked for, of all and of each age.
const SAMPLE: usize = 4_000;

/// Both, filled with the same, and what they were filled with, oldest first.
pub(crate) struct Filled {
    pub(crate) ours: Sender,
    pub(crate) theirs: Rival,
    pub(crate) sent: Vec<(Duration, Press)>,
}

/// The process's resident memory in KiB, where a page is 4 KiB; zero where there is no /proc.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * 4
}

/// What filling took.
struct Growth {
    empty: Allocations,
    filling: Allocations,
    /// KiB more than before, when empty and when full.
    grown: [u64; 2],
    took: Duration,
}

fn grow<T>(new: impl FnOnce() -> T, fill: impl FnOnce(&mut T)) -> (T, Growth) {
    let before = resident();
    let mut made = None;
    let empty = allocations(|| made = Some(new()));
    let mut made = made.unwrap();
    let first = resident().saturating_sub(before);
    let start = Instant::now();
    let filling = allocations(|| fill(&mut made));
    let took = start.elapsed();
    (made, Growth { empty, filling, grown: [first, resident().saturating_sub(before)], took })
}

/// Fills both, and prints what that took. To be called before all else: what was freed before would hide growth.
pub(crate) fn fill(strangers: &mut Strangers<'_>, targets: &mut Targets) -> Filled {
    // More than are sent to, as the guard stops some; read beforehand, so that the phone metadata is loaded by then.
    let presses: Vec<Press> = strangers.by_ref().take(NUMBERS + NUMBERS / 4).collect();
    let mut sent = Vec::with_capacity(NUMBERS);
    // Touched, so that it is no growth of ours.
    sent.resize(NUMBERS, (0_u32, Duration::from_secs(1)));
    sent.clear();
    let (ours, growth) = grow(Sender::new, |ours| {
        for (n, press) in presses.iter().enumerate() {
            if sent.len() == NUMBERS {
                break;
            }
            if ours.press(press) {
                sent.push((n as u32, ours.now));
            }
        }
    });
    let tried = sent.last().map_or(0, |(n, _)| *n + 1);
    let (theirs, rival) = grow(Rival::new, |theirs| {
        for (n, _) in &sent {
            theirs.check(&presses[*n as usize]);
        }
    });
    println!(
        "\nA million numbers in a day, of which seven in ten verify ({tried} tried, {} sent): KiB, and the time of each\n",
        sent.len()
    );
    let mut table = Table::new([
        "",
        "allocated empty",
        "resident empty",
        "resident full",
        "allocations filling",
        "ns a number",
    ]);
    let per_number = |growth: &Growth| growth.took.as_nanos() as f64 / sent.len() as f64;
    for (name, growth) in [("ours (64 MiB)", &growth), ("governor, both limiters", &rival)] {
        table.row([
            name.to_owned(),
            (growth.empty.bytes >> 10).to_string(),
            growth.grown[0].to_string(),
            growth.grown[1].to_string(),
            growth.filling.calls.to_string(),
            format!("{:.0}", per_number(growth)),
        ]);
    }
    println!("{table}");
    println!(
        "Ours holds the codes to be given back too, and its time their outcomes. governor keeps {} keys until it is told \
         to forget.",
        theirs.keys()
    );
    targets.count("allocated for an empty 64 MiB, bytes", BYTES as u64 + (1 << 20), growth.empty.bytes);
    targets.count("resident with a million numbers, KiB", (BYTES as u64 >> 10) + 4096, growth.grown[1]);
    let sent = sent.into_iter().map(|(n, at)| (at, presses[n as usize].clone())).collect();
    Filled { ours, theirs, sent }
}

/// What is still known of a number.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    asked: usize,
    /// Those that did not verify, and that their sends are known: a second one would meet the cool-down.
    numbers: [usize; 2],
    /// Which send an outcome belongs to.
    send: usize,
    /// Those that verified, and that of them it is known.
    verified: [usize; 2],
    /// Those that did not, and that their 1k range remembers something.
    ranges: [usize; 2],
}

/// A policy by which a verdict says what is remembered, and leaves nothing behind: all countries but one are denied; a
/// number rests for a day, and no 1k range bears a stranger.
fn telling() -> Policy {
    let mut policy = Policy::default();
    policy.country.allow.insert("FK".parse().unwrap());
    policy.cooldown.steps = vec![Duration::ZERO, Duration::from_secs(86_400)];
    policy.conversion.per_1k = -1e6;
    policy.conversion.per_10k = 1e6;
    policy.conversion.per_100k = 1e6;
    policy.conversion.per_1m = 1e6;
    policy.conversion.per_10m = 1e6;
    policy
}

fn known<'a>(filled: &mut Filled, presses: impl Iterator<Item = &'a Press>) -> Known {
    let policy = telling();
    let (state, now) = (&mut filled.ours.state, filled.ours.now);
    let mut known = Known::default();
    for press in presses {
        known.asked += 1;
        // From nobody known: a client that verified its number has a cell of its own for more.
        let attempt = press.attempt.clone().from_client(None);
        let (verdict, _) = decide(&policy, state, &attempt, now);
        let reason = |signal: Signal| verdict.reasons.iter().find(|reason| reason.signal == signal);
        if let Reading::Number(number) = &attempt.reading {
            known.send += usize::from(last_send(state, number, Profile::Otp).is_some());
        }
        let stopped = reason(Signal::RangeConversion);
        if press.verifies.is_some() {
            known.verified[0] += 1;
            known.verified[1] += usize::from(stopped.is_none());
        } else {
            known.numbers[0] += 1;
            known.numbers[1] += usize::from(reason(Signal::NumberCooldown).is_some());
            known.ranges[0] += 1;
            let nothing = |evidence: &str| {
                evidence.contains(", 0.0 did not verify and 0 may yet")
                    && evidence.contains("verified in a week: 0;")
            };
            known.ranges[1] += usize::from(stopped.is_some_and(|reason| !nothing(&reason.evidence)));
        }
    }
    known
}

/// What the full memory still knows, by how long ago it was.
pub(crate) fn recall(filled: &mut Filled, strangers: &mut Strangers<'_>) {
    println!("\nWhat is still known of a million numbers, in per cent of those asked after\n");
    let mut table =
        Table::new(["sent before so many others", "hours ago", "number", "send", "verified", "1k range"]);
    let sent = std::mem::take(&mut filled.sent);
    let now = filled.ours.now;
    let percent = |[of, known]: [usize; 2]| format!("{:.1}", 100.0 * known as f64 / of as f64);
    // The newest that had time to verify.
    for others in [
        5_000, 20_000, 50_000, 100_000, 150_000, 200_000, 250_000, 300_000, 400_000, 500_000, 700_000,
        990_000,
    ] {
        let from = NUMBERS - others;
        let known = known(filled, sent[from..from + SAMPLE].iter().map(|(_, press)| press));
        let hours = (now - sent[from].0).as_secs_f64() / 3600.0;
        table.row([
            others.to_string(),
            format!("{hours:.1}"),
            percent(known.numbers),
            percent([known.asked, known.send]),
            percent(known.verified),
            percent(known.ranges),
        ]);
    }
    let all = known(filled, sent.iter().step_by(NUMBERS / (5 * SAMPLE)).map(|(_, press)| press));
    // What is known of numbers nobody was sent to is others' doing, in the same 1k range.
    let others: Vec<Press> = strangers.by_ref().take(SAMPLE).collect();
    let never = known(filled, others.iter());
    for (name, known) in [("all", all), ("never sent to", never)] {
        table.row([
            name.to_owned(),
            String::new(),
            percent(known.numbers),
            percent([known.asked, known.send]),
            percent(known.verified),
            percent(known.ranges),
        ]);
    }
    println!("{table}");
    let share = |[of, known]: [usize; 2]| known as f64 / of as f64;
    let (number, send) = (share(all.numbers), share([all.asked, all.send]));
    let count = |share: f64, of: f64| share * of * NUMBERS as f64;
    let verified = count(share(all.verified), share([all.asked, all.verified[0]]));
    let cell = |part: usize, count: f64| part as f64 / count;
    println!(
        "By that, {:.0} numbers in 18 of 64 parts of the memory ({:.0} bytes each), {:.0} sends in 5 ({:.0}), and \
         {verified:.0} verified numbers in 9 ({:.0}).",
        count(number, 1.0),
        cell(18 * BYTES / 64, count(number, 1.0)),
        count(send, 1.0),
        cell(5 * BYTES / 64, count(send, 1.0)),
        cell(9 * BYTES / 64, verified),
    );
    filled.sent = sent;
}
