//! What cells leave behind that had to make room: for each key until when something is to be known of it.
//!
//! Four rows of times, of which a key has one in each, and the latest of all keys that share a place stands there. What is
//! read is the earliest of the four: never too early, and too late only where four keys that left more share its places.
//! So nothing here may speak against anybody by more than a challenge.

use super::cells::Restored;
use super::persist::Changes;
use super::record::Record;

const ROWS: usize = 4;

/// So many times are one record.
const TOGETHER: usize = 128;

#[derive(Debug)]
pub(super) struct Sketch {
    /// In seconds of the engine's time; 0 for none. Row after row.
    until: Vec<u32>,
    /// For each [`TOGETHER`] of them: whether they changed since the last drain.
    changed: Vec<bool>,
}

impl Sketch {
    /// Of about so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let rows = (bytes / size_of::<u32>() / ROWS).max(16);
        let records = (rows * ROWS).div_ceil(TOGETHER);
        Self { until: vec![0; rows * ROWS], changed: vec![false; records] }
    }

    /// Something of this key is to be known until then.
    pub(super) fn note(&mut self, hash: u64, until: u32) {
        for place in self.places(hash) {
            if let Some(known) = self.until.get_mut(place).filter(|known| **known < until) {
                *known = until;
                if let Some(changed) = self.changed.get_mut(place / TOGETHER) {
                    *changed = true;
                }
            }
        }
    }

    /// Until when something is to be known of this key, or later.
    pub(super) fn until(&self, hash: u64) -> u32 {
        self.places(hash)
            .map(|place| self.until.get(place).copied().unwrap_or(0))
            .into_iter()
            .min()
            .unwrap_or(0)
    }

    fn places(&self, hash: u64) -> [usize; ROWS] {
        let row = self.until.len() / ROWS;
        // Two independent halves make as many rows as are wanted (Kirsch and Mitzenmacher 2006).
        let mixed = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (first, step) = (mixed >> 32, mixed & 0xffff_ffff | 1);
        std::array::from_fn(|n| {
            let at = first.wrapping_add(step.wrapping_mul(n as u64)) & 0xffff_ffff;
            n * row + usize::try_from((at * row as u64) >> 32).unwrap_or(0)
        })
    }

    pub(super) fn note_all(&mut self) {
        for (changed, times) in self.changed.iter_mut().zip(self.until.chunks(TOGETHER)) {
            *changed = times.iter().any(|until| *until != 0);
        }
    }

    pub(super) fn drain(&mut self, table: u8, changes: &mut Changes) {
        let size = self.until.len();
        for (at, (changed, times)) in (0..).zip(self.changed.iter_mut().zip(self.until.chunks(TOGETHER))) {
            if std::mem::take(changed) {
                let size = u32::try_from(size).unwrap_or(u32::MAX);
                changes.put(table, at, |out| {
                    size.put(out);
                    times.iter().for_each(|until| until.put(out));
                });
            }
        }
    }

    /// Takes back what was written; of a sketch of another size, nothing.
    pub(super) fn restore(&mut self, at: u64, mut bytes: &[u8]) -> Restored {
        let Some(size) = u32::take(&mut bytes) else { return Restored::Skipped };
        if size as usize != self.until.len() {
            return Restored::Moved;
        }
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let Some(times) = self.until.chunks_mut(TOGETHER).nth(at) else { return Restored::Skipped };
        for known in times {
            let Some(until) = u32::take(&mut bytes) else { return Restored::Skipped };
            *known = until;
        }
        if bytes.is_empty() { Restored::There } else { Restored::Skipped }
    }
}
