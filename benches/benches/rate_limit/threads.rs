//! The same decision on two threads at once.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

use http::Request;
use tollgate_benches::{Effort, Table, nanoseconds};

use crate::keys::{self, Family, Shuffled};
use crate::rivals::Rivals;

const THREADS: u64 = 2;

/// What all rounds of one contender took, in nanoseconds a decision of one thread.
#[derive(Debug, Default)]
struct Rounds(Vec<f64>);

impl Rounds {
    fn sorted(mut self) -> Self {
        self.0.sort_unstable_by(f64::total_cmp);
        self
    }

    fn least(&self) -> f64 {
        self.0.first().copied().unwrap_or(f64::NAN)
    }

    fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

pub(crate) fn print(effort: Effort) {
    let (rounds, calls) = match effort {
        Effort::Quick => (5, 200_000),
        Effort::Full => (21, 500_000),
    };
    println!(
        "The same on two threads, {calls} decisions each, in ns a decision of one thread: from the first thread's\n\
         start to the last one's end, over {rounds} rounds in turn. One key is one line of memory that both write.\n"
    );
    let columns = ["", "ours", "least", "governor", "least", "ours / governor", "of the least"];
    let mut table = Table::new(columns);
    for keys in keys::cases(&[Family::Mixed, Family::V4]) {
        let (ours, theirs) = compare(&Rivals::new(keys), rounds, calls);
        let cells = [ours.median(), ours.least(), theirs.median(), theirs.least()].map(nanoseconds);
        let ratios = [ours.median() / theirs.median(), ours.least() / theirs.least()];
        table.row(
            [keys.to_string()].into_iter().chain(cells).chain(ratios.map(|ratio| format!("{ratio:.2}"))),
        );
    }
    println!("{table}");
}

fn compare(rivals: &Rivals, rounds: usize, calls: u64) -> (Rounds, Rounds) {
    let ours = || {
        at_once(calls, |seed| {
            let mut clients = Shuffled::new(Arc::clone(&rivals.clients), seed);
            let request = Request::new(());
            move || rivals.ours.check(clients.next(), &(&request).into()).is_pass()
        })
    };
    let theirs = || {
        at_once(calls, |seed| {
            let mut addresses = Shuffled::new(Arc::clone(&rivals.addresses), seed);
            move || rivals.theirs.check_key(&addresses.next()).is_ok()
        })
    };
    let (mut our_rounds, mut their_rounds) = (Rounds::default(), Rounds::default());
    for round in 0..rounds {
        // Each goes first as often as the other.
        if round % 2 == 0 {
            our_rounds.0.push(ours());
            their_rounds.0.push(theirs());
        } else {
            their_rounds.0.push(theirs());
            our_rounds.0.push(ours());
        }
    }
    (our_rounds.sorted(), their_rounds.sorted())
}

/// Nanoseconds a call where each thread makes `calls`. Each makes what it calls from its own seed, so that the two walk
/// through the keys differently.
fn at_once<F: FnMut() -> bool>(calls: u64, make: impl Fn(u64) -> F + Sync) -> f64 {
    let start = Barrier::new(THREADS as usize);
    let spans: Vec<(Instant, Instant)> = thread::scope(|scope| {
        let run = |seed| {
            let (make, start) = (&make, &start);
            scope.spawn(move || {
                let mut call = make(seed);
                start.wait();
                let began = Instant::now();
                for _ in 0..calls {
                    assert!(black_box(call()));
                }
                (began, Instant::now())
            })
        };
        let threads: Vec<_> = (1..=THREADS).map(run).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let began = spans.iter().map(|(began, _)| *began).min().unwrap();
    let ended = spans.iter().map(|(_, ended)| *ended).max().unwrap();
    ended.duration_since(began).as_nanos() as f64 / calls as f64
}
