//! A table of fixed size: sets of eight cells; in a full set the cell that is worth least makes room. It notes which cells
//! were handed out to be changed.

use super::persist::Changes;
use super::record::Record;

const WAYS: usize = 8;

/// What a cell keeps about its key.
pub(super) trait Cell: Clone + Default {
    /// Until when something would be lost with it, in seconds of the engine's time; 0 for nothing.
    fn worth(&self) -> u64;
}

#[derive(Debug)]
pub(super) struct Cells<C> {
    slots: Vec<Slot<C>>,
    /// A bit for each slot: whether it was handed out to be changed since the last drain.
    changed: Vec<u64>,
}

#[derive(Clone, Debug, Default)]
struct Slot<C> {
    /// The key's hash; 0 where the slot was never used.
    fingerprint: u64,
    cell: C,
}

impl<C: Cell> Cells<C> {
    /// As many cells as fit into `bytes`, in whole sets.
    pub(super) fn new(bytes: usize) -> Self {
        let sets = (bytes / size_of::<Slot<C>>() / WAYS).max(1);
        let slots = sets * WAYS;
        Self { slots: vec![Slot::default(); slots], changed: vec![0; slots.div_ceil(64)] }
    }

    /// The cell of a key, by the key's hash.
    pub(super) fn find(&self, hash: u64) -> Option<&C> {
        let (set, fingerprint) = self.place(hash);
        let slots = self.slots.get(set..set + WAYS)?;
        slots.iter().find(|slot| slot.fingerprint == fingerprint).map(|slot| &slot.cell)
    }

    /// The key's cell to be changed, a default one where it was not there.
    pub(super) fn entry(&mut self, hash: u64) -> Option<&mut C> {
        let (set, fingerprint) = self.place(hash);
        let slots = self.slots.get_mut(set..set + WAYS)?;
        let at = slots.iter().position(|slot| slot.fingerprint == fingerprint);
        let least = || {
            let worth = |slot: &Slot<C>| {
                if slot.fingerprint == 0 { 0 } else { slot.cell.worth() }
            };
            slots.iter().enumerate().min_by_key(|(_, slot)| worth(slot)).map(|(at, _)| at)
        };
        let at = at.or_else(least)?;
        let slot = slots.get_mut(at)?;
        if slot.fingerprint != fingerprint {
            *slot = Slot { fingerprint, cell: C::default() };
        }
        note(&mut self.changed, set + at);
        Some(&mut slot.cell)
    }

    /// The key's cell to be changed, where it is there.
    pub(super) fn known(&mut self, hash: u64) -> Option<&mut C> {
        let (set, fingerprint) = self.place(hash);
        let slots = self.slots.get_mut(set..set + WAYS)?;
        let at = slots.iter().position(|slot| slot.fingerprint == fingerprint)?;
        note(&mut self.changed, set + at);
        slots.get_mut(at).map(|slot| &mut slot.cell)
    }

    /// As if every cell had changed.
    pub(super) fn note_all(&mut self) {
        self.changed.fill(u64::MAX);
    }

    fn place(&self, hash: u64) -> (usize, u64) {
        let sets = (self.slots.len() / WAYS) as u64;
        // The set from the upper half, so that it says nothing about the fingerprint's lower bits.
        let set = ((hash >> 32) * sets) >> 32;
        (set as usize * WAYS, hash | 1)
    }
}

fn note(changed: &mut [u64], slot: usize) {
    if let Some(word) = changed.get_mut(slot / 64) {
        *word |= 1 << (slot % 64);
    }
}

/// What became of a cell that was read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restored {
    /// It is where it was.
    There,
    /// The table has another size now: it is elsewhere, or made room for one that is worth more.
    Moved,
    /// It is none.
    Skipped,
}

impl<C: Cell + Record> Cells<C> {
    /// Writes the cells that changed since the last time, each under its slot.
    pub(super) fn drain(&mut self, table: u8, changes: &mut Changes) {
        for (word, bits) in self.changed.iter_mut().enumerate() {
            let mut left = std::mem::take(bits);
            while left != 0 {
                let at = word * 64 + left.trailing_zeros() as usize;
                left &= left - 1;
                if let Some(slot) = self.slots.get(at).filter(|slot| slot.fingerprint != 0) {
                    changes.put(table, at as u64, |out| {
                        slot.fingerprint.put(out);
                        slot.cell.put(out);
                    });
                }
            }
        }
    }

    /// Takes back what was written under a slot.
    pub(super) fn restore(&mut self, at: u64, mut bytes: &[u8]) -> Restored {
        let (Some(fingerprint), Some(cell)) = (u64::take(&mut bytes), C::take(&mut bytes)) else {
            return Restored::Skipped;
        };
        // What is used has its lowest bit set.
        if fingerprint & 1 == 0 || !bytes.is_empty() {
            return Restored::Skipped;
        }
        let (set, _) = self.place(fingerprint);
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let twice = self.find(fingerprint).is_some();
        let Some(slots) = self.slots.get_mut(set..set + WAYS) else { return Restored::Skipped };
        if let Some(slot) = at.checked_sub(set).and_then(|way| slots.get_mut(way))
            && slot.fingerprint == 0
            && !twice
        {
            *slot = Slot { fingerprint, cell };
            return Restored::There;
        }
        let worth = |slot: &Slot<C>| if slot.fingerprint == 0 { 0 } else { slot.cell.worth() };
        if let Some(least) = slots.iter_mut().min_by_key(|slot| worth(slot))
            && !twice
            && worth(least) < cell.worth().max(1)
        {
            *least = Slot { fingerprint, cell };
        }
        Restored::Moved
    }
}
