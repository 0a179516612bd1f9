use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use proptest::prelude::*;
use tollgate_core::{IpKey, PrefixLengths};

use super::*;
use crate::Quota;

const NOW: Tick = Tick::ZERO;

/// One line; a fixed key, so that no run meets two keys with one fingerprint.
fn line() -> Table {
    Table::keyed(LINE_BYTES, SeedableRandomState::fixed())
}

fn key(n: u32) -> Key {
    IpKey::new(IpAddr::V4(Ipv4Addr::from(n)), PrefixLengths::default()).into()
}

fn gcra(requests: u32) -> Gcra {
    Gcra::new(&Quota::requests(requests).per(Duration::from_secs(60)), 1).unwrap()
}

#[test]
fn a_line_is_a_cache_line() {
    assert_eq!(size_of::<Line<AtomicU64>>(), LINE_BYTES);
    assert_eq!(align_of::<Line<AtomicU64>>(), LINE_BYTES);
}

#[test]
fn the_slot_closest_to_idle_goes_first_and_a_spender_last() {
    let (table, gcra) = (line(), gcra(5));
    for _ in 0..5 {
        assert!(table.charge(key(0), 1, NOW, &gcra).is_ok());
    }
    for n in 1..=7 {
        assert!(!table.charge(key(n), 1, NOW, &gcra).unwrap().evicted_live);
    }
    for n in 8..1_000 {
        assert!(table.charge(key(n), 1, NOW, &gcra).unwrap().evicted_live);
        assert!(table.peek(key(0), 1, NOW, &gcra).is_err());
    }
}

#[test]
fn replacing_an_idle_entry_is_no_loss() {
    let (table, gcra) = (line(), gcra(1));
    for n in 0..8 {
        assert!(table.charge(key(n), 1, NOW, &gcra).is_ok());
    }
    let later = Tick::at(Duration::from_secs(60));
    for n in 8..16 {
        assert!(!table.charge(key(n), 1, later, &gcra).unwrap().evicted_live);
    }
}

#[test]
fn a_refund_gives_back_one_request_and_never_more_than_was_owed() {
    let (table, gcra) = (line(), gcra(2));
    table.refund(key(1), gcra.charge(1), NOW);
    assert!(table.charge(key(1), 1, NOW, &gcra).is_ok());
    assert!(table.charge(key(1), 1, NOW, &gcra).is_ok());
    assert!(table.charge(key(1), 1, NOW, &gcra).is_err());
    table.refund(key(1), gcra.charge(1), NOW);
    assert!(table.charge(key(1), 1, NOW, &gcra).is_ok());
    assert!(table.charge(key(1), 1, NOW, &gcra).is_err());
    for _ in 0..5 {
        table.refund(key(1), gcra.charge(1), NOW);
    }
    assert!(table.charge(key(1), 1, NOW, &gcra).is_ok());
    assert!(table.charge(key(1), 1, NOW, &gcra).is_ok());
    assert!(table.charge(key(1), 1, NOW, &gcra).is_err());
}

/// A GCRA that remembers everybody, in nanoseconds.
#[derive(Default)]
struct Unbounded(HashMap<u32, u64>);

impl Unbounded {
    /// The wait, in nanoseconds.
    fn charge(&mut self, key: u32, now: u64, interval: u64, burst: u64) -> Result<(), u64> {
        let tat = self.0.entry(key).or_insert(0);
        let after = (*tat).max(now) + interval;
        if after - now > burst * interval {
            return Err(after - now - burst * interval);
        }
        *tat = after;
        Ok(())
    }
}

const SECOND: u64 = 1_000_000_000;

/// Two: a whole number of ticks, so that both measure alike.
const MILLISECONDS: u64 = 2_000_000;

proptest! {
    /// Twenty keys, of which no line of 64 holds more than eight.
    #[test]
    fn as_long_as_nobody_is_pushed_out_it_is_an_unbounded_gcra(
        burst in 1u32..6,
        steps in prop::collection::vec((0u32..20, 0u64..2_500), 1..300),
    ) {
        let table: Table = Table::keyed(64 * LINE_BYTES, SeedableRandomState::fixed());
        let quota = Quota::requests(6).per(Duration::from_secs(60)).burst(burst);
        let (gcra, mut unbounded, mut now) = (Gcra::new(&quota, 1).unwrap(), Unbounded::default(), SECOND);
        for (n, millis) in steps {
            now += millis * MILLISECONDS;
            let at = Tick::at(Duration::from_nanos(now));
            let ours = table.charge(key(n), 1, at, &gcra);
            let theirs = unbounded.charge(n, now, 10 * SECOND, burst.into());
            let wait = ours.err().map(|wait| wait.from(Duration::from_nanos(now)).as_nanos() as u64);
            prop_assert_eq!(wait, theirs.err());
        }
    }

    /// Forty keys in one line of eight slots: whoever is refused owes so much, all that it passed counted.
    #[test]
    fn a_table_that_is_too_small_refuses_nobody_that_an_unbounded_one_would_not(
        steps in prop::collection::vec((0u32..40, 0u64..1_500), 1..300),
    ) {
        let (table, gcra) = (line(), gcra(3));
        let (mut unbounded, mut now, mut given, mut evicted) = (Unbounded::default(), SECOND, 0, 0);
        for (n, millis) in steps {
            now += millis * MILLISECONDS;
            let ours = table.charge(key(n), 1, Tick::at(Duration::from_nanos(now)), &gcra);
            let theirs = unbounded.charge(n, now, 20 * SECOND, 3);
            let Ok(charged) = ours else {
                prop_assert!(theirs.is_err(), "{n} is refused");
                continue;
            };
            evicted += usize::from(charged.evicted_live);
            if theirs.is_err() {
                given += 1;
                *unbounded.0.entry(n).or_default() += 20 * SECOND;
            }
        }
        // Each that was pushed out had a whole burst at most.
        prop_assert!(given <= 3 * evicted, "{given} given, {evicted} pushed out");
    }
}
