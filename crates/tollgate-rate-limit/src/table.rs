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
//!   between the two looks, or a thread was held up, they can choose different slots. Whoever sees both afterwards
//!   empties the one with less debt before it decides, so that the lesser one holds no more than the request that was
//!   inserted and one that was decided before both could be seen: of a key inserted twice at the same instant, one
//!   request too many passes, with a third and a fourth thread at the very same instant two, whatever the quota. The
//!   tests show it with a model checker.
//! * A refund by a thread that was held up for longer than the request it takes back would have counted gives back one
//!   that was charged since: at most one request.

mod atomic;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::fmt;
use std::hash::BuildHasher;
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

    fn debt(self, now: Tick) -> u64 {
        if self == Self::EMPTY { 0 } else { self.tat().ahead_of(now) }
    }
}

/// The keys of one quota.
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

/// A key that was looked up, and may have changed since.
pub(crate) struct Found<'a, A = AtomicU64> {
    cell: &'a A,
    slot: Slot,
    is_own: bool,
    fingerprint: u64,
    /// What it is to become.
    tat: Tick,
}

/// What a charge did beside charging.
#[derive(Clone, Copy, Debug)]
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

    /// Whether a request of `key` would pass, charging nothing: what is owed without it.
    #[inline]
    pub(crate) fn peek(&self, key: Key, cost: u32, now: Tick, gcra: &Gcra) -> Result<Debt, Wait> {
        self.look_up(key, now).decide(cost, now, gcra)
    }

    /// Looks `key` up, for a request that is decided together with others and charged then.
    #[inline]
    pub(crate) fn look_up(&self, key: Key, now: Tick) -> Found<'_, A> {
        let place = self.place(key);
        let Seen { cell, slot, is_own } = place.look(now);
        Found { cell, slot, is_own, fingerprint: place.fingerprint, tat: now }
    }

    /// Charges a request to `key`. One that does not conform is told its wait and charges nothing.
    #[inline]
    pub(crate) fn charge(&self, key: Key, cost: u32, now: Tick, gcra: &Gcra) -> Result<Charged, Wait> {
        let charged = self.change(key, now, |tat| Ok((gcra.decide(now, tat.unwrap_or(now), cost)?, ())))?;
        Ok(charged.0)
    }

    /// Takes back what was charged to `key`. Does nothing when the key has lost its slot since: what it owed went with
    /// it.
    pub(crate) fn refund(&self, key: Key, debt: Debt, now: Tick) {
        // The error changes nothing.
        let _ = self.change(key, now, |tat| tat.map(|tat| (tat.less(debt, now), ())).ok_or(()));
    }

    /// Charges `key` whatever is left of its quota, up to `most`.
    pub(crate) fn surcharge(&self, key: Key, cost: u32, most: Debt, now: Tick, gcra: &Gcra) -> Charged {
        self.set(key, now, |tat| gcra.surcharge(now, tat.unwrap_or(now), cost, most))
    }

    /// `key` owes nothing any more.
    pub(crate) fn forget(&self, key: Key, now: Tick) {
        let _ = self.change(key, now, |tat| tat.map(|_| (now, ())).ok_or(()));
    }

    /// Gives `key` the TAT that `tat` makes of its old one (none: it has no slot).
    pub(crate) fn set(&self, key: Key, now: Tick, tat: impl Fn(Option<Tick>) -> Tick) -> Charged {
        let set: Result<_, Infallible> = self.change(key, now, |old| Ok((tat(old), ())));
        let Ok((charged, ())) = set;
        charged
    }

    /// Gives every key another debt for the one it has. A request that is charged meanwhile may be counted by the old
    /// measure.
    pub(crate) fn convert(&self, now: Tick, convert: impl Fn(Debt) -> Debt) {
        for cell in self.cells() {
            loop {
                let slot = Slot(cell.load());
                let debt = slot.debt(now);
                if debt == 0 {
                    break;
                }
                let new = Slot::new(slot.fingerprint(), now.after(convert(Debt(debt)).0));
                if cell.replace(slot.0, new.0) {
                    break;
                }
            }
        }
    }

    /// What every key owes that owes something.
    pub(crate) fn debts(&self, now: Tick) -> impl Iterator<Item = Debt> {
        self.cells().map(move |cell| Debt(Slot(cell.load()).debt(now))).filter(|debt| debt.0 > 0)
    }

    /// Gives `key` the TAT that `tat` makes of its old one (none: it has no slot), or leaves everything as it is when it
    /// makes none. `tat` is asked again when another thread was faster; what it says beside the TAT is handed on.
    #[inline]
    pub(crate) fn change<T, E>(
        &self,
        key: Key,
        now: Tick,
        tat: impl Fn(Option<Tick>) -> Result<(Tick, T), E>,
    ) -> Result<(Charged, T), E> {
        let place = self.place(key);
        loop {
            let seen = place.look(now);
            let (new, said) = tat(seen.is_own.then(|| seen.slot.tat()))?;
            if seen.replace(Slot::new(place.fingerprint, new)) {
                let evicted_live = !seen.is_own && seen.slot.debt(now) > 0;
                return Ok((Charged { debt: Debt(new.ahead_of(now)), evicted_live }, said));
            }
        }
    }

    fn cells(&self) -> impl Iterator<Item = &A> {
        self.lines.iter().flat_map(|line| &line.0)
    }

    #[inline]
    fn place(&self, key: Key) -> Place<'_, A> {
        let hash = self.hasher.hash_one(key.bits());
        // The upper half, scaled to the number of lines (which need not be a power of two), and the lowest bits: the
        // fingerprint is independent of the line.
        let line = (((hash >> 32) * self.lines.len() as u64) >> 32) as usize;
        Place { line: &self.lines[line], fingerprint: (hash & ((1 << FINGERPRINT_BITS) - 1)).max(1) }
    }
}

impl<'a, A: Atomic> Place<'a, A> {
    #[inline]
    fn look(&self, now: Tick) -> Seen<'a, A> {
        loop {
            // All eight, without a branch for each: most often one is the key's own.
            let cells = self.line.0.iter().enumerate();
            let own = cells.fold(0_u32, |own, (way, cell)| {
                own | u32::from(Slot(cell.load()).fingerprint() == self.fingerprint) << way
            });
            if own.is_power_of_two() {
                let cell = &self.line.0[own.trailing_zeros() as usize % WAYS];
                let slot = Slot(cell.load());
                // Somebody may have taken it since.
                if slot.fingerprint() == self.fingerprint {
                    return Seen { cell, slot, is_own: true };
                }
            } else if let Some(victim) = self.victim(now) {
                return victim;
            }
        }
    }

    /// The slot that goes first, for a key that has none. Of a key that was inserted several times at once, empties all
    /// but the one with the most debt.
    #[inline(never)]
    fn victim(&self, now: Tick) -> Option<Seen<'a, A>> {
        let slots: [Slot; WAYS] = std::array::from_fn(|way| Slot(self.line.0[way].load()));
        let is_own = |slot: &Slot| slot.fingerprint() == self.fingerprint;
        if !slots.iter().any(is_own) {
            let way = first_by(&slots, |slot| Some(slot.worth(now)));
            return Some(Seen { cell: &self.line.0[way], slot: slots[way], is_own: false });
        }
        let most = first_by(&slots, |slot| is_own(&slot).then(|| u64::MAX - slot.debt(now)));
        for (way, slot) in slots.iter().enumerate() {
            if is_own(slot) && way != most {
                // Where it was charged meanwhile, the next look sees that.
                self.line.0[way].replace(slot.0, Slot::EMPTY.0);
            }
        }
        None
    }
}

/// The slot whose `rank` is the smallest, of those that have one: the first of equals, so that two inserts of one key
/// choose the same.
fn first_by(slots: &[Slot; WAYS], rank: impl Fn(Slot) -> Option<u64>) -> usize {
    let mut first = (u64::MAX, 0);
    for (way, slot) in slots.iter().enumerate() {
        if let Some(rank) = rank(*slot)
            && rank < first.0
        {
            first = (rank, way);
        }
    }
    first.1
}

impl<A: Atomic> Seen<'_, A> {
    /// The key's TAT; now, for a key without a slot.
    fn tat(&self, now: Tick) -> Tick {
        if self.is_own { self.slot.tat() } else { now }
    }

    fn replace(&self, by: Slot) -> bool {
        self.cell.replace(self.slot.0, by.0)
    }
}

impl<A: Atomic> Found<'_, A> {
    /// Whether a request would pass: what is owed without it.
    #[inline]
    pub(crate) fn decide(&mut self, cost: u32, now: Tick, gcra: &Gcra) -> Result<Debt, Wait> {
        let tat = if self.is_own { self.slot.tat() } else { now };
        self.tat = gcra.decide(now, tat, cost)?;
        Ok(Debt(tat.ahead_of(now)))
    }

    /// Charges it, unless the key has changed since: then nothing is done.
    #[inline]
    pub(crate) fn charge(&self, now: Tick) -> Option<Charged> {
        let by = Slot::new(self.fingerprint, self.tat);
        let evicted_live = !self.is_own && self.slot.debt(now) > 0;
        let charged = Charged { debt: Debt(self.tat.ahead_of(now)), evicted_live };
        self.cell.replace(self.slot.0, by.0).then_some(charged)
    }
}

/// Without the hasher: whoever knows its seed can aim at a line.
impl<A> fmt::Debug for Table<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("slots", &(self.lines.len() * WAYS)).finish_non_exhaustive()
    }
}
