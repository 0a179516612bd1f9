//! Who asked when: a table that never grows.
//!
//! A key lives in one *line* of eight slots, chosen by its hash; a line is a cache line, so a decision touches memory
//! once. A slot is one integer: a 20-bit fingerprint of the key above a 44-bit theoretical arrival time (TAT). Every
//! change is one compare-and-swap on one slot: no lock, no allocation, no sweeper.
//!
//! A new key in a full line takes the slot with the smallest TAT. A TAT in the past says nothing that an absent one
//! does not, so idle entries go first; among live ones the one that goes is the closest to being idle, so a flood of
//! fresh addresses (one request each) pushes out itself and not a client that used up its quota. A new key is always
//! admitted: one that is not counted would not be limited.
//!
//! What is approximate, and how much:
//!
//! * Two keys of one line with the same fingerprint share a quota: a new key meets such a one in a full line with odds
//!   of 8 in 2^20, once in 130,000. Nobody can aim at it, because the hash is keyed at random for each table.
//! * Pushing out a live key gives it back what it owed, and is counted. To push out one that used up its quota, an
//!   attacker has to use up a quota for each of the seven other slots of its line first.
//! * The same new key inserted twice at once: both inserts choose the same slot when they see the same line, and the
//!   compare-and-swap makes one of them start over and find the other. When a refund makes another slot the smallest
//!   between the two looks, or a thread was held up, they can choose different slots; so an insert looks over the line
//!   again, and takes itself back when it finds another. Only when a further request of the key has charged it before
//!   that does the key keep two slots. Look-ups then use the first of them, and what was charged to the second is lost:
//!   at most what a whole quota holds. The tests show both with a model checker.
//! * A refund by a thread that was held up for longer than the request it takes back would have counted gives back one
//!   that was charged since: at most one request.

mod atomic;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::fmt;
use std::hash::BuildHasher;
use std::ptr;
use std::sync::atomic::AtomicU64;

use foldhash::quality::SeedableRandomState;

use crate::Key;
use crate::gcra::{Debt, Gcra, TICK_BITS, Tick, Wait};
use crate::key::seeded;

use self::atomic::Atomic;

const WAYS: usize = 8;

/// Bytes of a line.
pub(crate) const LINE_BYTES: usize = 64;

const FINGERPRINT_BITS: u32 = u64::BITS - TICK_BITS;

#[repr(align(64))]
struct Line<A>([A; WAYS]);

/// A slot's content.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Slot(u64);

impl Slot {
    /// No key has fingerprint 0, so this is nobody's.
    const EMPTY: Self = Self(0);

    fn new(fingerprint: u64, tat: Tick) -> Self {
        Self(fingerprint << TICK_BITS | tat.bits())
    }

    fn fingerprint(self) -> u64 {
        self.0 >> TICK_BITS
    }

    fn tat(self) -> Tick {
        Tick::from_bits(self.0)
    }

    /// What goes first when the line is full: the smallest.
    fn worth(self, now: Tick) -> u64 {
        if self == Self::EMPTY { 0 } else { 1 + self.tat().rank(now) }
    }
}

/// One limit's keys.
pub(crate) struct Table<A = AtomicU64> {
    lines: Box<[Line<A>]>,
    hasher: SeedableRandomState,
}

/// Where a key belongs.
struct Place<'a, A> {
    line: &'a Line<A>,
    fingerprint: u64,
}

/// A slot as it was seen: the key's own, or the one that a new key takes.
struct Seen<'a, A> {
    cell: &'a A,
    slot: Slot,
    is_own: bool,
}

/// What a charge did beside charging.
pub(crate) struct Charged {
    /// What the key owes with it.
    pub(crate) debt: Debt,
    /// Another key lost its slot while it still owed something: the table is too small for this traffic.
    pub(crate) evicted_live: bool,
}

impl Table {
    /// A table of as many lines as `bytes` hold, at least one.
    pub(crate) fn new(bytes: usize) -> Self {
        Self::keyed(bytes, seeded())
    }
}

impl<A: Atomic> Table<A> {
    fn keyed(bytes: usize, hasher: SeedableRandomState) -> Self {
        Self {
            lines: (0..(bytes / LINE_BYTES).max(1))
                .map(|_| Line(std::array::from_fn(|_| A::empty())))
                .collect(),
            hasher,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.lines.len() * LINE_BYTES
    }

    /// What `key` owes, changing nothing.
    pub(crate) fn debt(&self, key: Key, now: Tick) -> Debt {
        Debt(self.place(key).look(now).tat(now).ahead_of(now))
    }

    /// Whether a request of `key` would pass, charging nothing.
    pub(crate) fn peek(&self, key: Key, cost: u32, now: Tick, gcra: &Gcra) -> Result<(), Wait> {
        let seen = self.place(key).look(now);
        gcra.decide(now, seen.tat(now), cost).map(drop)
    }

    /// Charges a request to `key`, or tells how long to wait and charges nothing.
    pub(crate) fn charge(&self, key: Key, cost: u32, now: Tick, gcra: &Gcra) -> Result<Charged, Wait> {
        let place = self.place(key);
        let mut evicted_live = false;
        loop {
            let seen = place.look(now);
            let tat = gcra.decide(now, seen.tat(now), cost)?;
            let slot = Slot::new(place.fingerprint, tat);
            if !seen.replace(slot) {
                continue;
            }
            if !seen.is_own {
                evicted_live |= seen.slot != Slot::EMPTY && seen.slot.tat().ahead_of(now) > 0;
                if place.took_back(seen.cell, slot) {
                    continue;
                }
            }
            return Ok(Charged { debt: Debt(tat.ahead_of(now)), evicted_live });
        }
    }

    /// Takes back what was charged to `key`. Does nothing when the key has lost its slot since: what it owed went with
    /// it.
    pub(crate) fn refund(&self, key: Key, cost: u32, now: Tick, gcra: &Gcra) {
        self.change(key, now, |tat| gcra.refund(now, tat, cost));
    }

    /// Charges more to `key` than it was asked for, whatever is left. Does nothing when the key has lost its slot.
    pub(crate) fn surcharge(&self, key: Key, cost: u32, now: Tick, gcra: &Gcra) {
        self.change(key, now, |tat| gcra.surcharge(now, tat, cost));
    }

    fn change(&self, key: Key, now: Tick, tat: impl Fn(Tick) -> Tick) {
        let place = self.place(key);
        loop {
            let seen = place.look(now);
            if !seen.is_own || seen.replace(Slot::new(place.fingerprint, tat(seen.slot.tat()))) {
                return;
            }
        }
    }

    fn place(&self, key: Key) -> Place<'_, A> {
        let hash = self.hasher.hash_one(key.bits());
        // The upper half, scaled to the number of lines (which need not be a power of two), and the lowest bits: the
        // fingerprint is independent of the line.
        let line = (((hash >> 32) * self.lines.len() as u64) >> 32) as usize;
        Place { line: &self.lines[line], fingerprint: (hash & ((1 << FINGERPRINT_BITS) - 1)).max(1) }
    }
}

impl<'a, A: Atomic> Place<'a, A> {
    fn look(&self, now: Tick) -> Seen<'a, A> {
        let [first, others @ ..] = &self.line.0;
        let mut victim = Seen::load(first, self.fingerprint);
        for cell in others {
            if victim.is_own {
                break;
            }
            let seen = Seen::load(cell, self.fingerprint);
            // The first of equals, so that two inserts of one key choose the same.
            if seen.is_own || seen.slot.worth(now) < victim.slot.worth(now) {
                victim = seen;
            }
        }
        victim
    }

    /// Empties `cell` again, in which `inserted` was just put, when the key has another slot: another thread inserted
    /// it, too. Not when somebody has charged it since.
    // Out of line, so that a charge to a key that has its slot stays short.
    #[inline(never)]
    fn took_back(&self, cell: &A, inserted: Slot) -> bool {
        // Of two threads that are here at once, one at least sees the other's slot.
        A::fence();
        let twice = self
            .line
            .0
            .iter()
            .any(|other| !ptr::eq(other, cell) && Seen::load(other, self.fingerprint).is_own);
        // Whose slot it was may have another by now, so it is not given back.
        let took_back = twice && cell.replace(inserted.0, Slot::EMPTY.0);
        if took_back {
            // When both threads take theirs back, one at least has to see that, and pass.
            A::fence();
        }
        took_back
    }
}

impl<'a, A: Atomic> Seen<'a, A> {
    fn load(cell: &'a A, fingerprint: u64) -> Self {
        let slot = Slot(cell.load());
        Self { cell, slot, is_own: slot.fingerprint() == fingerprint }
    }

    /// The key's TAT; now, for a key without a slot.
    fn tat(&self, now: Tick) -> Tick {
        if self.is_own { self.slot.tat() } else { now }
    }

    fn replace(&self, by: Slot) -> bool {
        self.cell.replace(self.slot.0, by.0)
    }
}

/// Without the hasher: whoever knows its seed can aim at a line.
impl<A> fmt::Debug for Table<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("slots", &(self.lines.len() * WAYS)).finish_non_exhaustive()
    }
}
