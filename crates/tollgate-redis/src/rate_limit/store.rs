use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::sync::{Arc, Weak};
use std::time::Duration;

use smallvec::SmallVec;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;
use tollgate_core::SharedClock;
use tollgate_rate_limit::Limit;
use tollgate_rate_limit::store::{Count, Counts, Debt, Memory, Step, Store, Tick, Verdict};

use super::ask::{self, Asked};
use super::change::{Adjustment, change};
use super::kept::Kept;
use super::keys::Names;
use super::leases::{Ask, Leases};
use super::pending::Pending;
use super::question::Question;
use super::together::Together;
use crate::{Connection, metrics};

/// How long a refusal is remembered at the most: by then, something may have been forgiven on another node.
const REMEMBERED: Duration = Duration::from_secs(10);

/// How long what was changed here waits for a request of the same client to take it along to the server.
const TOGETHER: Duration = Duration::from_millis(1);

/// How many changes are told to the server at once.
const AT_ONCE: usize = 64;

/// A limiter's counts, shared with other nodes; made by [`Sharing::share`](super::Sharing::share).
pub struct RedisStore {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) connection: Connection,
    pub(crate) together: Arc<Together>,
    pub(crate) names: Names,
    pub(crate) nodes: u32,
    pub(crate) leases: Option<Leases>,
    /// What the server said is owed; never more than that, so that it can be held against the server.
    pub(crate) known: Memory,
    /// The same with what was let through here while the server was away, by this node's part of the quotas.
    fallback: Memory,
    /// Whom the server refused lately.
    refused: Memory,
    pub(crate) pending: Pending,
    /// How often counts were changed by hand: forgotten, or by a limit that was changed.
    by_hand: AtomicU64,
    /// The limiter's.
    clock: SharedClock,
    /// There is something pending.
    pub(crate) more: Notify,
}

/// Which lease each count of a request was paid of.
pub(crate) type Paid = SmallVec<[Option<Tick>; 6]>;

/// Leases that are running low, and how much to ask for.
pub(crate) type Low = SmallVec<[(Count, Ask); 6]>;

impl RedisStore {
    pub(crate) fn new(
        connection: Connection,
        memory: Memory,
        limits: &[Limit],
        nodes: u32,
        secret: &[u8],
        leases: bool,
        clock: SharedClock,
    ) -> Self {
        let can_lease = || limits.iter().map(|limit| !limit.is_settled()).collect();
        let inner = Arc::new(Inner {
            names: Names::new(secret, limits),
            nodes,
            leases: leases.then(|| Leases::new(nodes, can_lease())),
            known: memory.emptied(),
            refused: memory.emptied(),
            fallback: memory,
            pending: Pending::default(),
            by_hand: AtomicU64::new(0),
            clock,
            more: Notify::new(),
            together: Together::new(connection.clone()),
            connection,
        });
        for (script, call) in [Question::probe(), Adjustment::probe()] {
            inner.connection.also_probe(script, call);
        }
        inner.connection.runtime().spawn(tell(Arc::downgrade(&inner)));
        Self { inner }
    }
}

impl Inner {
    pub(crate) fn now(&self) -> Tick {
        Tick::at(self.clock.monotonic())
    }

    pub(crate) fn by_hand(&self) -> u64 {
        self.by_hand.load(Acquire)
    }

    /// What the server may be told of what is known: it is too high by as long as a call takes, which is at most the
    /// deadline. Without this, every call would raise what is owed by its own way there.
    pub(crate) fn certain(&self, debt: u64) -> u64 {
        let slack = self.connection.deadline() + Duration::from_millis(5);
        debt.saturating_sub(Debt::new(slack).ticks())
    }

    pub(crate) fn remember(&self, count: &Count, wait: u64, now: Tick) {
        let wait = wait.min(Debt::new(REMEMBERED).ticks());
        self.refused.learn(count, Debt::of_ticks(wait), now);
    }

    /// The server was told what was counted here, and says what is owed with it. Late, it does not know what was let
    /// through meanwhile.
    pub(crate) fn merged(&self, count: &Count, debt: Debt, sent: Tick, is_late: bool) {
        metrics::merged("sent");
        if !is_late {
            self.known.learn(count, debt, sent);
            self.fallback.learn(count, debt, sent);
        }
    }

    /// Pays of leases what can be paid: which are running low by then.
    fn pay(&self, counts: &mut Counts, paid: &mut Paid, now: Tick) -> Low {
        let mut low = Low::new();
        let Some(leases) = &self.leases else {
            paid.resize(counts.len(), None);
            return low;
        };
        for count in counts.iter_mut() {
            let spent = leases.spend(count, now);
            if let Some(spent) = spent {
                count.set_verdict(Verdict::Charged(spent.debt));
                low.extend(spent.ask.map(|ask| (*count, ask)));
            }
            paid.push(spent.map(|spent| spent.until));
        }
        low
    }

    /// Leases more of what is running low.
    fn lease(self: &Arc<Self>, low: Low) {
        if !low.is_empty() {
            self.connection.runtime().spawn(ask::lease(Arc::clone(self), low));
        }
    }

    /// A request that is refused is no reason to lease more.
    fn lease_no_more(&self, low: &Low, now: Tick) {
        if let Some(leases) = &self.leases {
            low.iter().for_each(|(count, ask)| leases.answered(count, ask, None, now));
        }
    }

    /// Whether the server has refused one of these lately, and would do so still.
    fn is_refused(&self, counts: &mut [Count], paid: &Paid, now: Tick) -> bool {
        let unpaid = |(count, paid): &(&Count, &Option<Tick>)| paid.is_none() && count.is_enforced();
        let refused = counts.iter().zip(paid).filter(unpaid).any(|(count, _)| {
            self.refused.debt(count, now) > Debt::default()
                && count.gcra().wait(self.known.debt(count, now), count.cost()).is_some()
        });
        if refused {
            for (count, _) in counts.iter_mut().zip(paid).filter(|(_, paid)| paid.is_none()) {
                let debt = self.known.debt(count, now);
                let wait = count.gcra().wait(debt, count.cost());
                count.set_verdict(wait.map_or(Verdict::Fits(debt), Verdict::Violated));
            }
        }
        refused
    }

    /// Decides without the server about the counts that leases have not paid.
    pub(crate) fn fall_back(&self, counts: &mut [Count], paid: &Paid, now: Tick) {
        metrics::decided("fallback");
        let mut parts = Counts::new();
        for (count, _) in counts.iter().zip(paid).filter(|(_, paid)| paid.is_none()) {
            self.fallback.learn_least(count, self.known.debt(count, now), now);
            parts.push(count.with_gcra(count.gcra().part(self.nodes, count.cost())));
        }
        // From memory the answer is there at once.
        let _ = self.fallback.take(&mut parts, now);
        let undecided = counts.iter_mut().zip(paid).filter(|(_, paid)| paid.is_none());
        for ((count, _), part) in undecided.zip(&parts) {
            count.set_verdict(part.verdict());
        }
    }

    /// The server does not know what was charged without it, and is told.
    pub(crate) fn owe(&self, counts: &[Count], paid: &Paid, now: Tick) {
        let unpaid = counts.iter().zip(paid).filter(|(_, paid)| paid.is_none()).map(|(count, _)| count);
        unpaid.filter(|count| is_charged(count)).for_each(|count| self.owe_for(count, now));
    }

    pub(crate) fn owe_for(&self, count: &Count, now: Tick) {
        let (charge, capacity) = (count.gcra().charge(count.cost()).ticks(), count.gcra().capacity());
        let known = now.after(self.known.debt(count, now).ticks());
        self.pending.charge(count, charge, capacity, known, self.nodes, now);
        self.more.notify_one();
    }

    /// The server has charged what was charged without it: what was this node's part is everybody's.
    pub(crate) fn share(&self, count: &Count, now: Tick) {
        let others = count.gcra().charge(count.cost()).ticks().saturating_mul(u64::from(self.nodes) - 1);
        self.fallback.give_back(count, Debt::of_ticks(others), now);
    }

    /// How much can be spent of what a late answer leases: nothing where what was let through meanwhile leaves no room.
    pub(crate) fn leased_late(&self, count: &Count, ticks: u64, now: Tick) -> u64 {
        self.fallback.learn_least(count, self.known.debt(count, now), now);
        let owed = self.fallback.debt(count, now).ticks();
        if owed.saturating_add(ticks) > count.gcra().capacity().ticks() {
            return 0;
        }
        let requests = u32::try_from(ticks / count.gcra().interval_ticks().max(1)).unwrap_or(u32::MAX);
        self.fallback.charge(count, requests, count.gcra().capacity(), now);
        ticks
    }

    /// The server has charged what it was not to: it is told.
    pub(crate) fn take_back(&self, count: &Count, now: Tick) {
        let known = now.after(self.known.debt(count, now).ticks());
        self.pending.give_back(count, count.gcra().charge(count.cost()).ticks(), known, now);
        self.more.notify_one();
    }

    fn give_back(&self, count: &Count, debt: Debt, now: Tick) {
        let known = now.after(self.known.debt(count, now).ticks());
        let untold = self.pending.give_back(count, debt.ticks(), known, now);
        let told = debt.ticks() - untold;
        self.known.give_back(count, Debt::of_ticks(told), now);
        let here = untold.saturating_mul(self.nodes.into()).saturating_add(told);
        self.fallback.give_back(count, Debt::of_ticks(here), now);
        self.more.notify_one();
    }

    /// The verdicts are there: gives back what was paid of leases for a request that is refused, or for a monitored limit
    /// that another of its counts has no room for.
    pub(crate) fn conclude(&self, counts: &mut [Count], paid: &mut Paid, now: Tick) {
        let Some(leases) = &self.leases else { return };
        let is_violated = |count: &Count| matches!(count.verdict(), Verdict::Violated(_));
        let refused = counts.iter().any(|count| count.is_enforced() && is_violated(count));
        for index in 0..counts.len() {
            let (Some(count), Some(Some(until))) = (counts.get(index), paid.get(index).copied()) else {
                continue;
            };
            let over = |other: &Count| other.limit() == count.limit() && is_violated(other);
            if refused || (!count.is_enforced() && counts.iter().any(over)) {
                leases.unspend(count, until);
                let debt = self.known.debt(count, now).ticks().saturating_sub(leases.held(count, now));
                let verdict = Verdict::Fits(Debt::of_ticks(debt));
                if let Some(count) = counts.get_mut(index) {
                    count.set_verdict(verdict);
                }
            }
        }
        paid.iter_mut().for_each(|paid| *paid = None);
    }
}

pub(crate) fn is_charged(count: &Count) -> bool {
    matches!(count.verdict(), Verdict::Charged(_))
}

impl Store for RedisStore {
    type Later = Kept;

    fn take(&self, counts: &mut Counts, now: Tick) -> Step<Self::Later> {
        let inner = &self.inner;
        let mut paid = Paid::new();
        let low = inner.pay(counts, &mut paid, now);
        if paid.iter().all(Option::is_some) {
            inner.lease(low);
            metrics::decided("lease");
            return Step::Now;
        }
        if inner.is_refused(counts, &paid, now) {
            metrics::decided("refusal");
            inner.lease_no_more(&low, now);
            inner.conclude(counts, &mut paid, now);
            return Step::Now;
        }
        inner.lease(low);
        if !inner.connection.is_up() {
            inner.fall_back(counts, &paid, now);
            inner.owe(counts, &paid, now);
            inner.conclude(counts, &mut paid, now);
            return Step::Now;
        }
        let asked = Asked::new(Arc::clone(inner), std::mem::take(counts), paid);
        let (decided, decision) = oneshot::channel();
        Step::Later(Kept::new(asked.answer(decided), decision, inner.connection.runtime()))
    }

    fn give_back(&self, count: &Count, debt: Debt, now: Tick) {
        self.inner.give_back(count, debt, now);
    }

    fn charge(&self, count: &Count, cost: u32, most: Debt, now: Tick) -> Debt {
        let inner = &self.inner;
        if let Some(leases) = &inner.leases {
            leases.drop(count);
        }
        let known = inner.known.debt(count, now);
        inner.fallback.learn_least(count, known, now);
        let owed = inner.fallback.charge(count, cost, most, now);
        let ticks = count.gcra().charge(cost).ticks();
        inner.pending.charge(count, ticks, most, now.after(known.ticks()), inner.nodes, now);
        inner.more.notify_one();
        owed
    }

    fn debt(&self, count: &Count, now: Tick) -> Debt {
        let inner = &self.inner;
        let owed = inner.known.debt(count, now).max(inner.fallback.debt(count, now));
        let held = inner.leases.as_ref().map_or(0, |leases| leases.held(count, now));
        Debt::of_ticks(owed.ticks().saturating_sub(held))
    }

    fn forget(&self, count: &Count, now: Tick) {
        let inner = &self.inner;
        inner.by_hand.fetch_add(1, AcqRel);
        if let Some(leases) = &inner.leases {
            leases.drop(count);
        }
        for memory in [&inner.known, &inner.fallback, &inner.refused] {
            memory.forget(count, now);
        }
        inner.pending.forget(count, now);
        inner.more.notify_one();
    }

    fn convert(&self, limit: usize, level: usize, convert: &dyn Fn(Debt) -> Debt, now: Tick) {
        let inner = &self.inner;
        inner.by_hand.fetch_add(1, AcqRel);
        for memory in [&inner.known, &inner.fallback] {
            memory.convert(limit, level, convert, now);
        }
        // The server is asked again, and learns of the change.
        inner.refused.convert(limit, level, &|_| Debt::default(), now);
    }

    fn memory(&self) -> Option<&Memory> {
        Some(&self.inner.known)
    }
}

/// Tells the server what was counted here, while it is there. Ends with the store.
async fn tell(inner: Weak<Inner>) {
    const LOOK: Duration = Duration::from_secs(1);
    loop {
        let Some(inner) = inner.upgrade() else { return };
        if inner.pending.is_empty() {
            // Late or not: looks.
            let _ = timeout(LOOK, inner.more.notified()).await;
            tokio::time::sleep(TOGETHER).await;
            continue;
        }
        if !inner.connection.up_within(LOOK).await {
            continue;
        }
        let mut tasks = tokio::task::JoinSet::new();
        for count in inner.pending.some(AT_ONCE) {
            tasks.spawn(change(Arc::clone(&inner), count));
        }
        // What is late is no reason to tell nothing else.
        let all = async { while tasks.join_next().await.is_some() {} };
        let _ = timeout(2 * inner.connection.deadline(), all).await;
        tasks.detach_all();
        tokio::time::sleep(TOGETHER).await;
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("connection", &self.inner.connection)
            .field("nodes", &self.inner.nodes)
            .field("leases", &self.inner.leases.is_some())
            .finish_non_exhaustive()
    }
}
