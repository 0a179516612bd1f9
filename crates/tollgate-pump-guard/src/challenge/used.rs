use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;

use super::{ChallengeConfigError, Rejected};

/// What was used, until it would have run out anyway. Of fixed size.
#[derive(Debug)]
pub(super) struct Used {
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    keys: HashSet<u64, RandomState>,
    /// The same by when they run out, the next one first.
    by_expiry: BinaryHeap<Reverse<(Duration, u64)>>,
    /// The latest time that anything was forgotten at.
    latest: Duration,
    capacity: usize,
}

/// How many are remembered by default: 3.5 MiB.
pub(super) const CAPACITY: usize = 1 << 16;
const MOST: usize = 1 << 22;

/// How many are forgotten for each that is remembered, at most: a burst that ran out is not paid for by one request.
const AT_ONCE: usize = 8;

impl Used {
    pub(super) fn new(capacity: usize) -> Result<Self, ChallengeConfigError> {
        if !(1..=MOST).contains(&capacity) {
            return Err(ChallengeConfigError::new("memory", capacity, "not within 1 to 4194304"));
        }
        // A hash table that is never more than half full is cleaned in place instead of grown.
        let keys = HashSet::with_capacity_and_hasher(capacity * 2, RandomState::default());
        let by_expiry = BinaryHeap::with_capacity(capacity);
        let table = Table { keys, by_expiry, latest: Duration::ZERO, capacity };
        Ok(Self { table: Mutex::new(table) })
    }

    /// Uses `key`, which runs out at `expires_at`, for the one time that it can be.
    pub(super) fn spend(&self, key: u64, expires_at: Duration, now: Duration) -> Result<(), Rejected> {
        self.with(|table| table.spend(key, expires_at, now))
    }

    /// Whether it was used.
    #[cfg(feature = "siteverify")]
    pub(super) fn holds(&self, key: u64) -> bool {
        self.with(|table| table.keys.contains(&key))
    }

    /// A panic elsewhere leaves at worst a key that is remembered for ever.
    fn with<T>(&self, act: impl FnOnce(&mut Table) -> T) -> T {
        act(&mut self.table.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Table {
    fn spend(&mut self, key: u64, expires_at: Duration, now: Duration) -> Result<(), Rejected> {
        self.forget(now);
        // Another thread, whose time was a little later, may have forgotten that it was used.
        if expires_at <= self.latest {
            return Err(Rejected::Expired);
        }
        if self.keys.contains(&key) {
            return Err(Rejected::AlreadyUsed);
        }
        if self.by_expiry.len() >= self.capacity {
            return Err(Rejected::MemoryFull);
        }
        self.keys.insert(key);
        self.by_expiry.push(Reverse((expires_at, key)));
        Ok(())
    }

    fn forget(&mut self, now: Duration) {
        self.latest = self.latest.max(now);
        for _ in 0..AT_ONCE {
            match self.by_expiry.peek() {
                Some(Reverse((expires_at, key))) if *expires_at <= self.latest => {
                    self.keys.remove(key);
                    self.by_expiry.pop();
                }
                _ => return,
            }
        }
    }
}
