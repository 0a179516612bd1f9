//! A table of fixed size: sets of eight cells; in a full set the cell that is worth least makes room.

const WAYS: usize = 8;

/// What a cell keeps about its key.
pub(super) trait Cell: Clone + Default {
    /// Until when something would be lost with it, in seconds of the engine's time; 0 for nothing.
    fn worth(&self) -> u64;
}

#[derive(Debug)]
pub(super) struct Cells<C> {
    slots: Vec<Slot<C>>,
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
        Self { slots: vec![Slot::default(); sets * WAYS] }
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
        let slot = slots.get_mut(at.or_else(least)?)?;
        if slot.fingerprint != fingerprint {
            *slot = Slot { fingerprint, cell: C::default() };
        }
        Some(&mut slot.cell)
    }

    /// The key's cell to be changed, where it is there.
    pub(super) fn known(&mut self, hash: u64) -> Option<&mut C> {
        let (set, fingerprint) = self.place(hash);
        let slots = self.slots.get_mut(set..set + WAYS)?;
        slots.iter_mut().find(|slot| slot.fingerprint == fingerprint).map(|slot| &mut slot.cell)
    }

    fn place(&self, hash: u64) -> (usize, u64) {
        let sets = (self.slots.len() / WAYS) as u64;
        // The set from the upper half, so that it says nothing about the fingerprint's lower bits.
        let set = ((hash >> 32) * sets) >> 32;
        (set as usize * WAYS, hash | 1)
    }
}
