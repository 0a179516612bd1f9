//! Parts of quotas that this node has taken at once, to spend by itself.

use std::hash::BuildHasher;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::quality::RandomState;
use tollgate_rate_limit::store::{Count, Debt, Tick};

/// How many counts can have leases at once: a MiB.
const SLOTS: usize = 1 << 13;

/// A quota is leased in so small parts that all nodes together hold an eighth at the most: each node less than two parts,
/// and what requests that are on their way give back.
const PARTS: u64 = 16;

/// The first lease of a count that turns out to be busy, in requests.
const FIRST: u64 = 4;

/// 10 s: whoever asks less often than that is not busy.
const BUSY: u64 = 10 * 62_500;

/// The leases of a node.
///
/// What is leased is charged on the server when it is taken, so that no count of all nodes exceeds its quota however the
/// lease is spent. But the server also forgets the charge as time passes, the oldest first: a part of a lease whose charge
/// is forgotten by then must not be spent any more, or a quota and an old lease could be spent at once. From when it was
/// taken, the server owes this lease nothing after `until`, and of it at most what is left of the time until then. That
/// much of a lease can be spent, and no more.
pub(crate) struct Leases {
    slots: Box<[Mutex<Slot>]>,
    hasher: RandomState,
    nodes: u64,
    /// By limit.
    can_lease: Box<[bool]>,
    /// How often was asked.
    times: AtomicU64,
}

/// A lease: ticks of debt that are paid, and until when that debt lasts on the server.
#[derive(Clone, Copy, Debug, Default)]
struct Lease {
    left: u64,
    until: Tick,
}

/// How many leases of a count there can be at once: the one that is spent, the next, and some that were spent by requests
/// which are still on their way, and may come back.
const LEASES: usize = 4;

#[derive(Debug, Default)]
struct Slot {
    id: Option<(u8, u8, u128)>,
    interval: u64,
    leases: [Lease; LEASES],
    /// How much to ask for.
    want: u64,
    /// Who asks: which time of all.
    asking: Option<u64>,
    asked: Tick,
}

/// So much is to be leased. Whoever gets this has to ask for it, and to say what was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    pub(crate) ticks: u64,
    time: u64,
}

/// What came of spending.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    /// What is owed of what others can see, without what is still held.
    pub(crate) debt: Debt,
    /// Which lease it was.
    pub(crate) until: Tick,
    /// More is to be leased: it is running low.
    pub(crate) ask: Option<Ask>,
}

impl Lease {
    fn usable(&self, now: Tick) -> u64 {
        self.left.min(self.until.ahead_of(now))
    }
}

impl Slot {
    fn is(&self, count: &Count) -> bool {
        self.id == Some(id(count)) && self.interval == count.gcra().interval_ticks()
    }

    fn held(&self, now: Tick) -> u64 {
        self.leases.iter().map(|lease| lease.usable(now)).sum()
    }

    /// Puts it in the place of the one that is worth least, of several the oldest.
    fn add(&mut self, lease: Lease, now: Tick) {
        let worth = |lease: &&mut Lease| (lease.usable(now), lease.until.ahead_of(now));
        if let Some(place) = self.leases.iter_mut().min_by_key(worth) {
            *place = lease;
        }
    }
}

fn id(count: &Count) -> (u8, u8, u128) {
    // There are 64 limits and 8 levels.
    (count.limit() as u8, count.level() as u8, count.key().bits())
}

impl Leases {
    /// For so many nodes; `can_lease` by limit.
    pub(crate) fn new(nodes: u32, can_lease: Box<[bool]>) -> Self {
        Self {
            slots: (0..SLOTS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::default(),
            nodes: nodes.into(),
            can_lease,
            times: AtomicU64::new(0),
        }
    }

    /// In how many parts the server is to leave what is left of a quota.
    pub(crate) fn parts_of_rest(&self) -> u64 {
        2 * self.nodes
    }

    /// Whether some of this count may be leased, on whichever node.
    pub(crate) fn can_lease(&self, count: &Count) -> bool {
        self.can_lease.get(count.limit()).copied().unwrap_or_default()
    }

    fn slot(&self, count: &Count) -> Option<MutexGuard<'_, Slot>> {
        if !self.can_lease(count) {
            return None;
        }
        let hash = self.hasher.hash_one(id(count));
        let slot = self.slots.get(hash as usize % SLOTS)?;
        Some(slot.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Pays for a request, if enough is held.
    pub(crate) fn spend(&self, count: &Count, now: Tick) -> Option<Spent> {
        let mut slot = self.slot(count)?;
        if !slot.is(count) {
            return None;
        }
        let needs = count.gcra().charge(count.cost()).ticks();
        // The oldest first: it is worth nothing first.
        let usable = slot.leases.iter_mut().filter(|lease| lease.usable(now) >= needs);
        let lease = usable.min_by_key(|lease| lease.until.ahead_of(now))?;
        // Without what must not be spent any more.
        lease.left = lease.usable(now) - needs;
        let until = lease.until;
        let held = slot.held(now);
        let mut ask = None;
        if held < slot.want / 2 && slot.asking.is_none() && slot.want >= slot.interval {
            // It is spent as fast as it was thought, or faster.
            slot.want = slot.want.saturating_mul(2).min(self.most(count));
            slot.asked = now;
            ask = Some(self.begin(&mut slot));
        }
        let last = slot.leases.iter().map(|lease| lease.until.ahead_of(now)).max().unwrap_or(0);
        Some(Spent { debt: Debt::of_ticks(last.saturating_sub(held)), until, ask })
    }

    /// Takes back what was spent of the lease that lasts until `until`: the request was refused for something else.
    pub(crate) fn unspend(&self, count: &Count, until: Tick) {
        if let Some(mut slot) = self.slot(count)
            && slot.is(count)
            && let Some(lease) = slot.leases.iter_mut().find(|lease| lease.until == until)
        {
            lease.left += count.gcra().charge(count.cost()).ticks();
        }
    }

    fn begin(&self, slot: &mut Slot) -> Ask {
        let time = self.times.fetch_add(1, Relaxed);
        slot.asking = Some(time);
        Ask { ticks: slot.want, time }
    }

    /// The server is about to be asked for a request of this count: what to lease with it.
    pub(crate) fn ask(&self, count: &Count, now: Tick) -> Option<Ask> {
        let mut slot = self.slot(count)?;
        let is_recent = now.ahead_of(slot.asked) < BUSY;
        if !slot.is(count) {
            // Whoever is here stays while busy, so that no flood of others takes the place.
            if slot.id.is_none() || !(is_recent || slot.asking.is_some() || slot.held(now) > 0) {
                let interval = count.gcra().interval_ticks();
                *slot = Slot { id: Some(id(count)), interval, asked: now, ..Slot::default() };
            }
            return None;
        }
        slot.asked = now;
        if slot.asking.is_some() {
            return None;
        }
        let first = slot.interval.saturating_mul(FIRST);
        slot.want = if is_recent { slot.want.saturating_mul(2).max(first) } else { slot.want / 4 };
        slot.want = slot.want.min(self.most(count));
        (slot.want >= slot.interval).then(|| self.begin(&mut slot))
    }

    /// What the server said to what was asked for: so much is leased, and owed for so long from `sent` on. `None`: it was not
    /// asked after all.
    pub(crate) fn answered(&self, count: &Count, ask: &Ask, leased: Option<(u64, Debt)>, sent: Tick) {
        let Some(mut slot) = self.slot(count) else { return };
        // What was asked for before all was dropped is forgotten on the server, too.
        if !slot.is(count) || slot.asking != Some(ask.time) {
            return;
        }
        slot.asking = None;
        let Some((left, debt)) = leased else { return };
        if left == 0 {
            // Near its end, a quota is not leased; or nobody knows.
            slot.want = 0;
            return;
        }
        slot.add(Lease { left, until: sent.after(debt.ticks()) }, sent);
    }

    /// What is held of this count.
    pub(crate) fn held(&self, count: &Count, now: Tick) -> u64 {
        self.slot(count).filter(|slot| slot.is(count)).map_or(0, |slot| slot.held(now))
    }

    /// Holds nothing of this count any more: what was left of it is lost.
    pub(crate) fn drop(&self, count: &Count) {
        if let Some(mut slot) = self.slot(count)
            && slot.is(count)
        {
            *slot = Slot::default();
        }
    }

    fn most(&self, count: &Count) -> u64 {
        let gcra = count.gcra();
        let most = gcra.capacity().ticks() / (PARTS * self.nodes);
        most - most % gcra.interval_ticks()
    }
}
