use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

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
    table.refund(key(1), 1, NOW, &gcra);
    assert!(table.charge(key(1), 1, NOW, &gcra).is_ok());
    assert!(table.charge(key(1), 1, NOW, &gcra).is_ok());
    assert!(table.charge(key(1), 1, NOW, &gcra).is_err());
    table.refund(key(1), 1, NOW, &gcra);
    assert!(table.charge(key(1), 1, NOW, &gcra).is_ok());
    assert!(table.charge(key(1), 1, NOW, &gcra).is_err());
    for _ in 0..5 {
        table.refund(key(1), 1, NOW, &gcra);
    }
    assert!(table.charge(key(1), 1, NOW, &gcra).is_ok());
    assert!(table.charge(key(1), 1, NOW, &gcra).is_ok());
    assert!(table.charge(key(1), 1, NOW, &gcra).is_err());
}
