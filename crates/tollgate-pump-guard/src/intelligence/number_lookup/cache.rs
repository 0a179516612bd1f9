use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::engine::Facts;

/// How many numbers' facts are kept: some 4 MiB.
pub(super) const CAPACITY: usize = 1 << 14;

/// What was found out, by the numbers' hashes under a secret of this process. The oldest makes room.
#[derive(Default)]
pub(super) struct Cache {
    keys: RandomState,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    facts: HashMap<u64, Kept>,
    /// Oldest first.
    order: VecDeque<(u64, u64)>,
    next: u64,
}

struct Kept {
    /// Which of all that were ever kept.
    serial: u64,
    until: Duration,
    facts: Facts,
}

impl Cache {
    pub(super) fn known(&self, digits: u64, now: Duration) -> Option<Facts> {
        let key = self.keys.hash_one(digits);
        let table = self.table();
        table.facts.get(&key).filter(|kept| now < kept.until).map(|kept| kept.facts.clone())
    }

    pub(super) fn keep(&self, digits: u64, facts: &Facts, until: Duration) {
        let key = self.keys.hash_one(digits);
        let mut table = self.table();
        if table.order.len() >= CAPACITY
            && let Some((oldest, serial)) = table.order.pop_front()
            && table.facts.get(&oldest).is_some_and(|kept| kept.serial == serial)
        {
            table.facts.remove(&oldest);
        }
        let serial = table.next;
        table.next += 1;
        table.order.push_back((key, serial));
        table.facts.insert(key, Kept { serial, until, facts: facts.clone() });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        let table = self.table();
        (table.facts.len(), table.order.len())
    }

    /// A panic elsewhere leaves at worst one that is kept for longer.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Without what is in it.
impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}
