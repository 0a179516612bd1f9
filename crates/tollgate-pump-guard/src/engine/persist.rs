//! What the engine remembers, as records to be kept elsewhere: what changed goes out, and everything comes back.

use std::fmt;
use std::hash::BuildHasher;
use std::time::Duration;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;
use sha2::{Digest, Sha256};

use super::Profile;
use super::attempt::Charge;
use super::bill::{Day, Spend};
use super::budget::Budget;
use super::cells::Restored;
use super::guesses::Codes;
use super::hours::Hours;
use super::record::Record;
use super::state::State;
use super::tenants::{Tenant, Waiting};
use super::times::Times;

/// The first byte of every record: what the bytes behind it mean.
const VERSION: u8 = 7;

const LATEST: u8 = 0;
const RANGES: u8 = 1;
const NUMBERS: u8 = 2;
const CONFIRMED: u8 = 3;
const CLIENTS: u8 = 4;
const SENDS: u8 = 5;
const TENANTS: u8 = 6;
const COUNTRIES: u8 = 7;
const PENDING: u8 = 8;
const LEFT_OF_RANGES: u8 = 9;
const LEFT_OF_NUMBERS: u8 = 10;
const CALLERS: u8 = 11;
const HOURS: u8 = 12;
const HEARD: u8 = 13;

/// The secret under which numbers and clients are hashed. What was kept can only be read under the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret([u64; 2]);

impl Secret {
    /// A new one, where the system has randomness.
    #[must_use]
    pub fn random() -> Option<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        Some(Self::from_bytes(bytes))
    }

    /// One that was kept.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(<[u64; 2]>::take(&mut bytes.as_slice()).unwrap_or_default())
    }

    /// Of a secret that several nodes are given, so that they hash alike: at least 16 bytes that nobody can guess.
    #[must_use]
    pub fn derived(secret: &[u8]) -> Self {
        let mut bytes = [0; 16];
        let hash = Sha256::new_with_prefix(b"tollgate pump-guard\0").chain_update(secret).finalize();
        bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        Self::from_bytes(bytes)
    }

    /// To be kept.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.0[1]) << 64 | u128::from(self.0[0])).to_le_bytes()
    }

    /// To be kept beside it: differs where this version would not find again what another one hashed.
    #[must_use]
    pub fn check(self) -> u64 {
        check_of(&self.hasher())
    }

    /// A key for something else, that nobody finds out from what is hashed.
    pub(crate) fn key(self, purpose: &[u8]) -> [u8; 32] {
        Sha256::new_with_prefix(b"tollgate key\0")
            .chain_update(self.to_bytes())
            .chain_update(purpose)
            .finalize()
            .into()
    }

    pub(super) fn hasher(self) -> SeedableRandomState {
        let [own, shared] = self.0;
        SeedableRandomState::with_seed(own, Box::leak(Box::new(SharedSeed::from_u64(shared))))
    }
}

fn check_of(hasher: &SeedableRandomState) -> u64 {
    hasher.hash_one((usize::from(VERSION), "tollgate", u32::from(VERSION), u64::from(VERSION)))
}

/// Shows nothing.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What changed between two moments: records to be kept under a table and a key.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    whole: bool,
    records: Vec<(u8, u64, usize)>,
    bytes: Vec<u8>,
}

impl Changes {
    /// Whether these are all records there are: what was kept before is void.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && !self.whole
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Each record's table, key (below 2⁴⁸) and value; an empty one is gone.
    pub fn iter(&self) -> impl Iterator<Item = (u8, u64, &[u8])> {
        let mut from = 0;
        self.records.iter().map(move |&(table, key, end)| {
            let value = self.bytes.get(from..end).unwrap_or_default();
            from = end;
            (table, key, value)
        })
    }

    pub(super) fn put(&mut self, table: u8, key: u64, value: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.push(VERSION);
        value(&mut self.bytes);
        self.records.push((table, key, self.bytes.len()));
    }

    pub(super) fn remove(&mut self, table: u8, key: u64) {
        self.records.push((table, key, self.bytes.len()));
    }
}

impl State {
    /// What changed since the last time; the first time, everything.
    pub fn changes(&mut self) -> Changes {
        let mut changes = Changes { whole: !self.written.begun, ..Changes::default() };
        if changes.whole {
            self.note_all();
        }
        self.written.begun = true;
        self.ranges.drain(RANGES, &mut changes);
        self.numbers.drain(NUMBERS, &mut changes);
        self.confirmed.drain(CONFIRMED, &mut changes);
        self.clients.drain(CLIENTS, &mut changes);
        self.callers.drain(CALLERS, &mut changes);
        self.sends.drain(SENDS, &mut changes);
        self.ranges.left().drain(LEFT_OF_RANGES, &mut changes);
        self.numbers.left().drain(LEFT_OF_NUMBERS, &mut changes);
        self.tenants.iter_mut().for_each(|tenant| tenant.drain(&mut changes));
        for gone in std::mem::take(&mut self.written.gone) {
            changes.remove(PENDING, gone);
        }
        let known = std::mem::replace(&mut self.written.places, self.next_place);
        for tenant in self.tenants.iter() {
            let known = tenant.pending.partition_point(|waiting| waiting.place < known);
            for waiting in tenant.pending.iter().skip(known) {
                changes.put(PENDING, waiting.place, |out| waiting.charge.put(out));
            }
        }
        self.hear_oneself();
        self.heard.drain(HEARD, &mut changes);
        if self.latest != self.written.latest || changes.whole {
            self.written.latest = self.latest;
            changes.put(LATEST, 0, |out| {
                self.latest.as_secs().put(out);
                self.latest.subsec_nanos().put(out);
            });
        }
        changes
    }

    /// Everything: for when what [`changes`](Self::changes) gave could not be kept.
    pub fn everything(&mut self) -> Changes {
        self.written.begun = false;
        self.changes()
    }

    /// A memory of about `bytes` with what was kept in it, and how many of the records were none of this version's.
    #[must_use]
    pub fn restore<'a>(
        bytes: usize,
        secret: Secret,
        records: impl IntoIterator<Item = (u8, u64, &'a [u8])>,
    ) -> (Self, usize) {
        let mut state = Self::with_secret(bytes, secret);
        let (mut skipped, mut moved, mut any) = (0, false, false);
        let mut pending: Vec<Waiting> = Vec::new();
        for (table, key, value) in records {
            any = true;
            let restored = match value.split_first() {
                Some((&VERSION, value)) => state.take_back(table, key, value, &mut pending),
                _ => Restored::Skipped,
            };
            skipped += usize::from(restored == Restored::Skipped);
            moved |= restored != Restored::There;
        }
        pending.sort_by_key(|waiting| waiting.place);
        let over = pending.len().saturating_sub(state.pending_limit);
        moved |= over > 0;
        state.next_place = pending.last().map_or(0, |waiting| waiting.place + 1);
        state.written.places = state.next_place;
        // Nobody waits for those that there is no more room for.
        for waiting in pending.drain(..over) {
            if state.is_current(&waiting.charge) {
                state.failed(&waiting.charge, 0);
            }
        }
        for waiting in pending {
            state.tenant_mut(waiting.charge.profile).pending.push_back(waiting);
        }
        state.written.latest = state.latest;
        // What is elsewhere now is written anew.
        state.written.begun = any && !moved;
        (state, skipped)
    }

    /// Remembers these profiles and no others: what was kept of one that is gone is forgotten.
    pub(crate) fn keep_profiles(&mut self, profiles: &[Profile]) {
        if self.tenants.keep(profiles) {
            // It is void elsewhere, too.
            self.written.begun = false;
        }
    }

    /// Whether it hashes under this secret.
    #[must_use]
    pub fn is_keyed_by(&self, secret: Secret) -> bool {
        check_of(&self.hasher) == secret.check()
    }

    /// The latest moment it has seen.
    #[must_use]
    pub fn latest(&self) -> Duration {
        self.latest
    }

    fn note_all(&mut self) {
        self.ranges.note_all();
        self.numbers.note_all();
        self.confirmed.note_all();
        self.clients.note_all();
        self.callers.note_all();
        self.sends.note_all();
        for tenant in self.tenants.iter_mut() {
            tenant.changed = tenant.countries.iter().map(|country| !country.is_untouched()).collect();
            tenant.changed_hours = tenant.hours.iter().map(Option::is_some).collect();
            tenant.written.clear();
        }
        self.heard.note_all();
        self.written.places = 0;
        self.written.gone.clear();
    }

    fn take_back(&mut self, table: u8, key: u64, mut value: &[u8], pending: &mut Vec<Waiting>) -> Restored {
        let taken = match table {
            RANGES => return self.ranges.restore(key, value),
            NUMBERS => return self.numbers.restore(key, value),
            CONFIRMED => return self.confirmed.restore(key, value),
            CLIENTS => return self.clients.restore(key, value),
            CALLERS => return self.callers.restore(key, value),
            SENDS => return self.sends.restore(key, value),
            LEFT_OF_RANGES => return self.ranges.left().restore(key, value),
            LEFT_OF_NUMBERS => return self.numbers.left().restore(key, value),
            LATEST => take_latest(&mut value).map(|latest| self.latest = latest),
            TENANTS => u16::try_from(key)
                .ok()
                .and_then(|profile| self.tenants.restored(profile)?.take_back(&mut value)),
            COUNTRIES => self.country_at(key).and_then(|(country, spend)| {
                (*country, *spend) = (Budget::take(&mut value)?, Spend::take(&mut value)?);
                Some(())
            }),
            HOURS => self.hours_at(key).and_then(|hours| {
                *hours = Some(Box::new(Hours::take(&mut value)?));
                Some(())
            }),
            HEARD => self.heard.take_back(key, &mut value),
            PENDING if key < 1 << 48 => Charge::take(&mut value)
                .filter(|charge| self.tenants.restored(charge.profile.id()).is_some())
                .map(|charge| pending.push(Waiting { place: key, charge })),
            _ => None,
        };
        if taken.is_some() && value.is_empty() { Restored::There } else { Restored::Skipped }
    }

    fn hours_at(&mut self, key: u64) -> Option<&mut Option<Box<Hours>>> {
        let (profile, country) = (u16::try_from(key >> 16).ok()?, usize::try_from(key & 0xffff).ok()?);
        self.tenants.restored(profile)?.hours.get_mut(country)
    }

    fn country_at(&mut self, key: u64) -> Option<(&mut Budget, &mut Spend)> {
        let (profile, country) = (u16::try_from(key >> 16).ok()?, usize::try_from(key & 0xffff).ok()?);
        let tenant = self.tenants.restored(profile)?;
        Some((tenant.countries.get_mut(country)?, tenant.spends.get_mut(country)?))
    }
}

impl Tenant {
    fn drain(&mut self, changes: &mut Changes) {
        let profile = u64::from(self.id);
        for (index, changed) in (0..).zip(&mut self.changed) {
            if std::mem::take(changed)
                && let (Some(country), Some(spend)) = (self.countries.get(index), self.spends.get(index))
            {
                changes.put(COUNTRIES, profile << 16 | index as u64, |out| {
                    country.put(out);
                    spend.put(out);
                });
            }
        }
        for (index, changed) in (0..).zip(&mut self.changed_hours) {
            if std::mem::take(changed)
                && let Some(Some(hours)) = self.hours.get(index)
            {
                changes.put(HOURS, profile << 16 | index as u64, |out| hours.put(out));
            }
        }
        let now = self.head();
        if now != self.written {
            changes.put(TENANTS, profile, |out| out.extend_from_slice(&now));
            self.written = now;
        }
    }

    /// Everything but the countries.
    fn head(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(384);
        self.since.put(&mut out);
        self.world.put(&mut out);
        self.new.put(&mut out);
        self.times.put(&mut out);
        self.codes.put(&mut out);
        self.silent.put(&mut out);
        self.day.put(&mut out);
        out
    }

    fn take_back(&mut self, value: &mut &[u8]) -> Option<()> {
        let written = value.to_vec();
        let (since, world, new) = (u32::take(value)?, Budget::take(value)?, Budget::take(value)?);
        let (times, codes, silent) = (Times::take(value)?, Codes::take(value)?, u16::take(value)?);
        self.day = Day::take(value)?;
        (self.since, self.world, self.new) = (since, world, new);
        (self.times, self.codes, self.silent) = (times, codes, silent);
        self.written = written;
        Some(())
    }
}

/// Within what the engine counts seconds in.
fn take_latest(value: &mut &[u8]) -> Option<Duration> {
    let (seconds, nanos) = (u64::take(value)?, u32::take(value)?);
    let fits = seconds < u64::from(u32::MAX) - 1 && nanos < 1_000_000_000;
    fits.then(|| Duration::new(seconds, nanos))
}

#[cfg(test)]
#[path = "persist_tests.rs"]
mod tests;
