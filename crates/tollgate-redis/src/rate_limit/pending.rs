//! What was counted here and is not on the server yet.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tollgate_rate_limit::store::{Count, Debt, Tick};

use crate::metrics;

/// Of how many counts at the most, some 8 MiB. More are not told to the server when it is back.
const MOST: usize = 1 << 16;

type Id = (usize, usize, u128);

/// Changes that wait for the server, by count.
#[derive(Default)]
pub(crate) struct Pending {
    changes: Mutex<HashMap<Id, Change>>,
    len: AtomicUsize,
}

/// What is to become of a count on the server: forgotten first, then charged, then given back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) count: Count,
    pub(crate) forget: bool,
    /// In ticks. Of what was charged here, time gives back only this node's part: the others' nodes have their own.
    pub(crate) add: u64,
    pub(crate) most: u64,
    pub(crate) give_back: u64,
    /// Until when was owed what the server knew of.
    pub(crate) base: Tick,
    /// From when on `add` is given back.
    from: Tick,
}

impl Change {
    fn new(count: &Count, base: Tick, now: Tick) -> Self {
        let from = now.after(base.ahead_of(now));
        Self { count: *count, forget: false, add: 0, most: 0, give_back: 0, base, from }
    }

    /// Gives back what time has, one tick of `parts`.
    fn pass(&mut self, parts: u32, now: Tick) {
        let passed = now.ahead_of(self.from);
        if passed > 0 {
            self.add = self.add.saturating_sub(passed / u64::from(parts.max(1)));
            self.from = now;
        }
    }

    fn is_nothing(&self) -> bool {
        !self.forget && self.add == 0 && self.give_back == 0
    }
}

fn id(count: &Count) -> Id {
    (count.limit(), count.level(), count.key().bits())
}

impl Pending {
    fn changes(&self) -> MutexGuard<'_, HashMap<Id, Change>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `ticks` more are owed, up to `most`; before, it was until `base`.
    pub(crate) fn charge(&self, count: &Count, ticks: u64, most: Debt, base: Tick, parts: u32, now: Tick) {
        self.change(count, base, now, |change| {
            if change.add == 0 {
                change.from = now.after(base.ahead_of(now));
            }
            change.pass(parts, now);
            change.add = change.add.saturating_add(ticks).min(most.ticks());
            change.most = change.most.max(most.ticks());
        });
    }

    /// So many ticks less are owed. How many of these the server was never told of.
    pub(crate) fn give_back(&self, count: &Count, ticks: u64, base: Tick, now: Tick) -> u64 {
        let mut untold = 0;
        self.change(count, base, now, |change| {
            untold = ticks.min(change.add);
            change.add -= untold;
            change.give_back = change.give_back.saturating_add(ticks - untold);
        });
        untold
    }

    /// Nothing is owed any more.
    pub(crate) fn forget(&self, count: &Count, now: Tick) {
        self.change(count, now, now, |change| {
            *change = Change { forget: true, ..Change::new(&change.count, now, now) };
        });
    }

    fn change(&self, count: &Count, base: Tick, now: Tick, change: impl FnOnce(&mut Change)) {
        let mut changes = self.changes();
        let is_full = changes.len() >= MOST;
        match changes.entry(id(count)) {
            Entry::Occupied(mut entry) => change(entry.get_mut()),
            Entry::Vacant(_) if is_full => metrics::merged("dropped"),
            Entry::Vacant(entry) => change(entry.insert(Change::new(count, base, now))),
        }
        self.len.store(changes.len(), Release);
    }

    /// What is to become of this count, which whoever takes it has to tell the server.
    pub(crate) fn take(&self, count: &Count, parts: u32, now: Tick) -> Option<Change> {
        if self.is_empty() {
            return None;
        }
        let mut changes = self.changes();
        let taken = changes.remove(&id(count));
        self.len.store(changes.len(), Release);
        let mut change = taken?;
        change.pass(parts, now);
        (!change.is_nothing()).then_some(change)
    }

    /// Some of the counts, for which [`take`](Self::take) has something.
    pub(crate) fn some(&self, most: usize) -> Vec<Count> {
        self.changes().values().map(|change| change.count).take(most).collect()
    }

    /// The server was not told, or, where that is in doubt, may not have been: then what was to be given back stays
    /// charged, as given back twice would be too much.
    pub(crate) fn put_back(&self, change: Change, in_doubt: bool) {
        let change = if in_doubt { Change { give_back: 0, ..change } } else { change };
        let mut changes = self.changes();
        match changes.entry(id(&change.count)) {
            Entry::Vacant(entry) => {
                if !change.is_nothing() {
                    entry.insert(change);
                }
            }
            Entry::Occupied(mut entry) => {
                let later = entry.get_mut();
                if !later.forget {
                    later.forget = change.forget;
                    later.most = later.most.max(change.most);
                    later.add = later.add.saturating_add(change.add).min(later.most);
                    later.give_back = later.give_back.saturating_add(change.give_back);
                    later.base = change.base;
                }
            }
        }
        self.len.store(changes.len(), Release);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len.load(Acquire) == 0
    }
}
