//! A table of fixed size: buckets of bytes, each full of cells as short as they can be written; where there is no more room,
//! the cell that is worth least goes, and leaves behind what must be known. It notes which buckets changed.

use std::marker::PhantomData;

use super::packed::{squeeze, unsqueeze};
use super::persist::Changes;
use super::record::Record;
use super::sketch::Sketch;

/// Bytes of a bucket: some twenty cells.
const BUCKET: usize = 512;

/// Bytes of a key's hash that are kept: beside a million others, a new key is taken for one of them once in a million times.
const KEY: usize = 5;

/// Bytes of what a cell is worth: whoever makes room need not take each apart.
const WORTH: usize = 2;

/// What is kept of it: so many seconds each, from the beginning of 2020 on, which is enough for thirty years. Of those that
/// are worth the same the one that stands first goes, which is an older one.
const WORTH_STEP: u64 = 4 * 3600;
const WORTH_BEGINS: u64 = 1_577_836_800;

/// A cell's length, this included, its key, and what it is worth.
const HEAD: usize = 1 + KEY + WORTH;

type Key = [u8; KEY];
type Bucket = [u8; BUCKET];

/// What a cell keeps about its key.
pub(super) trait Cell: Record + Default {
    /// Whether it leaves anything behind.
    const LEAVES: bool = false;

    /// Until when something would be lost with it, in seconds of the engine's time; 0 for nothing.
    fn worth(&self) -> u64;

    /// Until when which of two things must be known of it once it is gone; 0 for nothing.
    fn leaves(&self) -> [u32; 2] {
        [0; 2]
    }

    /// What a key's new cell begins with, by what was left of it, or of others.
    fn recalled(_left: [u32; 2], _now: u32) -> Self {
        Self::default()
    }
}

#[derive(Debug)]
pub(super) struct Cells<C> {
    buckets: Vec<Bucket>,
    /// A bit for each bucket: whether it changed since the last drain.
    changed: Vec<u64>,
    /// What cells that are gone left behind.
    left: Sketch,
    /// A record, and the same squeezed, while it is written.
    scratch: [Vec<u8>; 2],
    of: PhantomData<C>,
}

impl<C: Cell> Cells<C> {
    /// Of about so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let left = if C::LEAVES { bytes / 64 } else { 0 };
        let count = ((bytes - left) / BUCKET).max(1);
        let left = Sketch::new(left);
        let scratch = [Vec::with_capacity(BUCKET), Vec::with_capacity(BUCKET)];
        Self {
            buckets: vec![[0; BUCKET]; count],
            changed: vec![0; count.div_ceil(64)],
            left,
            scratch,
            of: PhantomData,
        }
    }

    /// The cell of a key, by the key's hash.
    pub(super) fn find(&self, hash: u64) -> Option<C> {
        let bucket = self.buckets.get(self.place(hash))?;
        let (_, packed) = seek(bucket, key(hash))?;
        unpack(packed)
    }

    /// The same, and for a key that has none what a new one begins with.
    pub(super) fn seen(&self, hash: u64, now: u32) -> C {
        self.find(hash).unwrap_or_else(|| self.recalled(hash, now))
    }

    /// Changes the key's cell, a new one where there was none.
    pub(super) fn change<R>(&mut self, hash: u64, now: u32, change: impl FnOnce(&mut C) -> R) -> Option<R> {
        let mut cell = self.seen(hash, now);
        let result = change(&mut cell);
        self.store(hash, &cell, now).then_some(result)
    }

    /// Changes the key's cell, where there is one.
    pub(super) fn known<R>(&mut self, hash: u64, now: u32, change: impl FnOnce(&mut C) -> R) -> Option<R> {
        let mut cell = self.find(hash)?;
        let result = change(&mut cell);
        self.store(hash, &cell, now).then_some(result)
    }

    fn recalled(&self, hash: u64, now: u32) -> C {
        C::recalled([0, 1].map(|thing| self.left.until(hash ^ thing)), now)
    }

    fn store(&mut self, hash: u64, cell: &C, now: u32) -> bool {
        let [record, packed] = &mut self.scratch;
        record.clear();
        cell.put(record);
        head(key(hash), worth(cell), packed);
        squeeze(record, packed);
        self.store_packed(hash, now)
    }

    /// Puts what is packed in the scratch where the key's cell is to be.
    fn store_packed(&mut self, hash: u64, now: u32) -> bool {
        let place = self.place(hash);
        let Some(bucket) = self.buckets.get_mut(place) else { return false };
        let [_, packed] = &mut self.scratch;
        if let (Ok(length), Some(first)) = (u8::try_from(packed.len()), packed.first_mut()) {
            *first = length;
        }
        if let Some((at, known)) = seek(bucket, key(hash)) {
            let length = HEAD + known.len();
            if length == packed.len() {
                write(bucket, at, packed);
                note(&mut self.changed, place);
                return true;
            }
            remove(bucket, at, length);
        }
        while used(bucket) + packed.len() > BUCKET {
            let Some(Entry { at, key, packed, .. }) = least(bucket) else { return false };
            let length = HEAD + packed.len();
            let gone: Option<C> = if C::LEAVES { unpack(packed) } else { None };
            for (thing, until) in (0..).zip(gone.map_or([0; 2], |gone| gone.leaves())) {
                if until > now {
                    self.left.note(hash_of(key) ^ thing, until);
                }
            }
            remove(bucket, at, length);
        }
        let end = used(bucket);
        write(bucket, end, packed);
        note(&mut self.changed, place);
        true
    }

    fn place(&self, hash: u64) -> usize {
        let at = (hash >> 32) * self.buckets.len() as u64;
        usize::try_from(at >> 32).unwrap_or(0)
    }

    /// As if every cell had changed.
    pub(super) fn note_all(&mut self) {
        self.changed.fill(u64::MAX);
        self.left.note_all();
    }

    /// Writes the buckets that changed since the last time.
    pub(super) fn drain(&mut self, table: u8, changes: &mut Changes) {
        for (word, bits) in self.changed.iter_mut().enumerate() {
            let mut left = std::mem::take(bits);
            while left != 0 {
                let at = word * 64 + left.trailing_zeros() as usize;
                left &= left - 1;
                if let Some(cells) = self.buckets.get(at).and_then(|bucket| bucket.get(..used(bucket)))
                    && !cells.is_empty()
                {
                    changes.put(table, at as u64, |out| out.extend_from_slice(cells));
                }
            }
        }
    }

    /// What cells that are gone left behind, to be kept too.
    pub(super) fn left(&mut self) -> &mut Sketch {
        &mut self.left
    }

    /// Takes back what was written of a bucket.
    pub(super) fn restore(&mut self, at: u64, bytes: &[u8]) -> Restored {
        let mut restored = Restored::There;
        let mut length = 0;
        for Entry { key, worth, packed, .. } in entries(bytes) {
            length += HEAD + packed.len();
            let hash = hash_of(key);
            let place = self.place(hash);
            if unpack::<C>(packed).is_none() {
                return Restored::Skipped;
            }
            let Some(bucket) = self.buckets.get(place) else { return Restored::Skipped };
            let fits = used(bucket) + HEAD + packed.len() <= BUCKET;
            let is_worth_it = || least(bucket).is_none_or(|least| least.worth < worth);
            let twice = self.find(hash).is_some();
            if !twice && (fits || is_worth_it()) {
                // Byte for byte: packed anew it could be another by a rounding.
                let [_, scratch] = &mut self.scratch;
                head(key, worth, scratch);
                scratch.extend_from_slice(packed);
                self.store_packed(hash, u32::MAX);
            }
            if twice || !fits || place as u64 != at {
                restored = Restored::Moved;
            } else {
                self.written(place);
            }
        }
        if length == bytes.len() && length > 0 { restored } else { Restored::Skipped }
    }

    fn written(&mut self, place: usize) {
        if let Some(word) = self.changed.get_mut(place / 64) {
            *word &= !(1 << (place % 64));
        }
    }
}

/// What became of what was read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restored {
    /// It is where it was.
    There,
    /// The table has another size now: it is elsewhere, or made room for one that is worth more.
    Moved,
    /// It is none.
    Skipped,
}

fn note(changed: &mut [u64], bucket: usize) {
    if let Some(word) = changed.get_mut(bucket / 64) {
        *word |= 1 << (bucket % 64);
    }
}

fn key(hash: u64) -> Key {
    let [a, b, c, d, e, ..] = hash.to_be_bytes();
    [a, b, c, d, e]
}

/// As much of the hash as is kept.
fn hash_of([a, b, c, d, e]: Key) -> u64 {
    u64::from_be_bytes([a, b, c, d, e, 0, 0, 0])
}

/// One of a bucket's cells: where it is, its key, what it is worth, and its record.
#[derive(Clone, Copy)]
struct Entry<'a> {
    at: usize,
    key: Key,
    worth: u16,
    packed: &'a [u8],
}

fn entries(bucket: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let at = next;
        let length = usize::from(*bucket.get(at)?);
        let (key, rest) = bucket.get(at + 1..at + length)?.split_first_chunk()?;
        let (worth, packed) = rest.split_first_chunk()?;
        next += length;
        Some(Entry { at, key: *key, worth: u16::from_be_bytes(*worth), packed })
    })
}

fn seek(bucket: &Bucket, key: Key) -> Option<(usize, &[u8])> {
    entries(bucket).find(|entry| entry.key == key).map(|entry| (entry.at, entry.packed))
}

fn used(bucket: &[u8]) -> usize {
    entries(bucket).last().map_or(0, |entry| entry.at + HEAD + entry.packed.len())
}

/// The cell that is worth least.
fn least(bucket: &Bucket) -> Option<Entry<'_>> {
    entries(bucket).min_by_key(|entry| entry.worth)
}

fn worth(cell: &impl Cell) -> u16 {
    let steps = cell.worth().saturating_sub(WORTH_BEGINS).div_ceil(WORTH_STEP);
    u16::try_from(steps).unwrap_or(u16::MAX)
}

fn unpack<C: Cell>(packed: &[u8]) -> Option<C> {
    C::take(&mut unsqueeze(packed)?.as_slice())
}

/// Begins a cell; its length is to be known.
fn head(key: Key, worth: u16, packed: &mut Vec<u8>) {
    packed.clear();
    packed.push(0);
    packed.extend_from_slice(&key);
    packed.extend_from_slice(&worth.to_be_bytes());
}

fn remove(bucket: &mut Bucket, at: usize, length: usize) {
    if let Some(from) = bucket.get_mut(at..)
        && length <= from.len()
    {
        from.copy_within(length.., 0);
        let end = from.len() - length;
        from.iter_mut().skip(end).for_each(|byte| *byte = 0);
    }
}

fn write(bucket: &mut Bucket, at: usize, packed: &[u8]) {
    if let Some(to) = bucket.get_mut(at..at + packed.len()) {
        to.copy_from_slice(packed);
    }
}
