//! The slot protocol under `loom`, which runs each test once for every order in which the threads' accesses can fall
//! (with up to three forced switches between threads).

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use foldhash::quality::SeedableRandomState;
use loom::sync::atomic::AtomicU64;
use loom::sync::atomic::Ordering::Relaxed;
use loom::thread;

use super::*;
use crate::Quota;

const NOW: Tick = Tick::ZERO;

impl Atomic for AtomicU64 {
    fn empty() -> Self {
        Self::new(0)
    }

    fn load(&self) -> u64 {
        self.load(Relaxed)
    }

    fn replace(&self, current: u64, new: u64) -> bool {
        self.compare_exchange(current, new, Relaxed, Relaxed).is_ok()
    }
}

type Model = Table<AtomicU64>;

fn key(n: u128) -> Key {
    Key::from_bits(n)
}

fn gcra(requests: u32) -> Gcra {
    Gcra::new(&Quota::requests(requests).per(Duration::from_secs(60)), 1).unwrap()
}

/// A table of one line, in which so many other keys live, each with a request.
fn line(others: u128) -> Arc<Model> {
    let table = Model::keyed(LINE_BYTES, SeedableRandomState::fixed());
    for other in 0..others {
        assert!(table.charge(key(100 + other), 1, NOW, &gcra(5)).is_ok());
    }
    Arc::new(table)
}

fn explore(test: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(test);
}

/// How many of two requests of one key pass, made by two threads at once; the second does `before` first.
fn race(table: &Arc<Model>, gcra: Gcra, before: impl FnOnce(&Model) + 'static) -> usize {
    let other = Arc::clone(table);
    let other = thread::spawn(move || {
        before(&other);
        usize::from(other.charge(key(1), 1, NOW, &gcra).is_ok())
    });
    let passed = usize::from(table.charge(key(1), 1, NOW, &gcra).is_ok());
    passed + other.join().unwrap()
}

fn nothing(_: &Model) {}

#[test]
fn of_two_requests_for_the_last_one_left_one_passes() {
    explore(|| {
        let table = line(3);
        assert!(table.charge(key(1), 1, NOW, &gcra(2)).is_ok());
        assert_eq!(race(&table, gcra(2), nothing), 1);
    });
}

#[test]
fn a_new_key_that_is_inserted_twice_at_once_passes_once() {
    explore(|| assert_eq!(race(&line(0), gcra(1), nothing), 1));
}

#[test]
fn a_new_key_that_is_inserted_twice_at_once_in_a_full_line_passes_once() {
    explore(|| assert_eq!(race(&line(8), gcra(1), nothing), 1));
}

#[test]
fn a_new_key_that_is_inserted_twice_while_others_push_in_passes_once() {
    explore(|| {
        let pushes_in = |table: &Model| assert!(table.charge(key(50), 1, NOW, &gcra(1)).is_ok());
        assert_eq!(race(&line(8), gcra(1), pushes_in), 1);
    });
}

/// The one case left: a refund makes another slot the one to take, between the two looks. One request too many, and no
/// more.
#[test]
fn a_new_key_that_is_inserted_twice_around_anothers_refund_passes_at_most_once_too_often() {
    let twice = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&twice);
    explore(move || {
        let table = line(8);
        let last_of_line = |table: &Model| table.refund(key(107), 1, NOW, &gcra(5));
        match race(&table, gcra(1), last_of_line) {
            1 => {}
            2 => drop(counted.fetch_add(1, Relaxed)),
            passed => panic!("{passed}"),
        }
        // From then on it is found, and refused.
        assert!(table.charge(key(1), 1, NOW, &gcra(1)).is_err());
    });
    assert!(twice.load(Relaxed) > 0, "it cannot happen any more: say so in the documentation");
}

#[test]
fn a_charge_and_a_refund_at_once_both_count() {
    explore(|| {
        let gcra = gcra(2);
        let table = line(0);
        assert!(table.charge(key(1), 1, NOW, &gcra).is_ok());
        let other = Arc::clone(&table);
        let refund = thread::spawn(move || other.refund(key(1), 1, NOW, &gcra));
        assert!(table.charge(key(1), 1, NOW, &gcra).is_ok());
        refund.join().unwrap();
        assert!(table.charge(key(1), 1, NOW, &gcra).is_ok());
        assert!(table.charge(key(1), 1, NOW, &gcra).is_err());
    });
}
