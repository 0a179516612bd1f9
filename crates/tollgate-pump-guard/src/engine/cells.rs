//! A table of fixed size: sets of eight cells; in a full set the cell that is worth least makes room.

use std::hash::{BuildHasher, Hash};

use foldhash::quality::SeedableRandomState;

const WAYS: usize = 8;

/// What a cell keeps about its key.
pub(super) trait Cell: Clone + Default {
    /// What would be lost with it; 0 for nothing.
    fn worth(&self) -> u64;
}

#[derive(Debug)]
pub(super) struct Cells<C> {
    slots: Vec<Slot<C>>,
    hasher: SeedableRandomState,
}

#[derive(Clone, Debug, Default)]
struct Slot<C> {
    /// The key's hash; 0 where the slot was never used.
    fingerprint: u64,
    cell: C,
}

impl<C: Cell> Cells<C> {
    /// As many cells as fit into `bytes`, a power of two.
    pub(super) fn new(bytes: usize, hasher: SeedableRandomState) -> Self {
        let fit = (bytes / size_of::<Slot<C>>()).max(WAYS);
        let slots = if fit.is_power_of_two() { fit } else { fit.next_power_of_two() / 2 };
        Self { slots: vec![Slot::default(); slots], hasher }
    }

    /// The key's cell.
    pub(super) fn find(&self, key: impl Hash) -> Option<&C> {
        let (set, fingerprint) = self.place(key);
        let slots = self.slots.get(set..set + WAYS)?;
        slots.iter().find(|slot| slot.fingerprint == fingerprint).map(|slot| &slot.cell)
    }

    /// Changes the key's cell, which is a default one where it was not there.
    pub(super) fn change(&mut self, key: impl Hash, change: impl FnOnce(&mut C)) {
        let (set, fingerprint) = self.place(key);
        let slots = self.slots.get_mut(set..set + WAYS).unwrap_or_default();
        let at = slots.iter().position(|slot| slot.fingerprint == fingerprint);
        let least = || {
            let worth = |slot: &Slot<C>| {
                if slot.fingerprint == 0 { 0 } else { slot.cell.worth() }
            };
            slots.iter().enumerate().min_by_key(|(_, slot)| worth(slot)).map(|(at, _)| at)
        };
        let Some(at) = at.or_else(least) else { return };
        if let Some(slot) = slots.get_mut(at) {
            if slot.fingerprint != fingerprint {
                *slot = Slot { fingerprint, cell: C::default() };
            }
            change(&mut slot.cell);
        }
    }

    /// Changes the key's cell where it is there.
    pub(super) fn change_known(&mut self, key: impl Hash, change: impl FnOnce(&mut C)) {
        let (set, fingerprint) = self.place(key);
        let slots = self.slots.get_mut(set..set + WAYS).unwrap_or_default();
        if let Some(slot) = slots.iter_mut().find(|slot| slot.fingerprint == fingerprint) {
            change(&mut slot.cell);
        }
    }

    fn place(&self, key: impl Hash) -> (usize, u64) {
        let hash = self.hasher.hash_one(key);
        let sets = self.slots.len() / WAYS;
        // The set from the upper half, so that it says nothing about the fingerprint's lower bits.
        let set = (hash >> 32) as usize & (sets - 1);
        (set * WAYS, hash | 1)
    }
}
