use std::time::Duration;

use super::*;
use crate::gcra::Gcra;
use crate::store::refusal;
use crate::{Key, Quota};

const NOW: Tick = Tick::ZERO;

#[test]
fn a_request_that_lost_the_race_is_charged_to_none_and_told_of_all() {
    let store = Memory::new(3 * 4096, &[1, 1, 1]);
    let count = |limit, requests, is_enforced| {
        let gcra = Gcra::new(&Quota::requests(requests).per(Duration::from_secs(60)), 1).unwrap();
        Count::new(limit, 0, Key::from_bits(7), gcra, 1, is_enforced)
    };
    let [wide, watched, tight] = [count(0, 3, true), count(1, 3, false), count(2, 1, true)];
    let mut counts = [wide, watched, tight];
    // It looked before another request took the only one of tight …
    let mut found = SmallVec::new();
    store.find(&counts, NOW, &mut found);
    assert!(!Memory::decide(&mut counts, &mut found, NOW));
    assert!(take(&store, tight));
    // … and charges after.
    store.charge_fitting(&mut counts, &found, NOW);

    assert_eq!(counts.map(|count| count.is_violated()), [false, false, true]);
    assert_eq!(refusal(&counts).map(|wait| wait.from(Duration::ZERO)), Some(Duration::from_secs(60)));
    for untouched in [wide, watched] {
        for _ in 0..3 {
            assert!(take(&store, untouched));
        }
    }
}

fn take(store: &Memory, count: Count) -> bool {
    let mut counts = Counts::from_slice(&[count]);
    assert!(matches!(store.take(&mut counts, NOW), Step::Now));
    !counts[0].is_violated()
}

/// A store of other limits has no place for these: then nothing passes, instead of everything.
#[test]
fn what_has_no_table_is_refused() {
    let store = Memory::new(4096, &[1]);
    let gcra = Gcra::new(&Quota::requests(3).per(Duration::from_secs(60)), 1).unwrap();
    let count = |limit| Count::new(limit, 0, Key::from_bits(7), gcra, 1, true);
    assert!(!take(&store, count(1)));
    let mut counts = Counts::from_slice(&[count(0), count(1)]);
    assert!(matches!(store.take(&mut counts, NOW), Step::Now));
    assert!(counts.iter().all(Count::is_violated));
    assert!(take(&store, count(0)));
}
