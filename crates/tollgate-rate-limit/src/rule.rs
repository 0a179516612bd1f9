use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64};

use arc_swap::{ArcSwap, Guard};
use http::HeaderValue;
use tollgate_core::ClientIp;

use crate::error::QuotaError;
use crate::gcra::{Debt, Gcra, Tick};
use crate::headers;
use crate::levels::Masks;
use crate::limit::Counted;
use crate::metrics::Counters;
use crate::store::{Count, Counts, Verdict};
use crate::{ConfigError, IpLevels, Key, Limit, Mode, Quota, RequestHead, Who};

/// A limit at work. Its quota and its mode can be changed while it is.
pub(crate) struct Rule {
    /// As it was given.
    pub(crate) limit: Limit,
    pub(crate) counters: Counters,
    /// Its place among the rules.
    index: u8,
    mode: AtomicU8,
    terms: ArcSwap<Terms>,
    levels: Box<[Level]>,
    /// What of an address counts; for a limit by a key of its own, nothing is asked of it.
    masks: Masks,
    /// That a request costs more than the burst.
    told: AtomicBool,
}

/// What is told of a limit.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) quota: Quota,
    /// Its item of `RateLimit-Policy`.
    pub(crate) policy: HeaderValue,
    /// Its name, as a list.
    pub(crate) names: Arc<[String]>,
    /// What a refusal says of it.
    pub(crate) used_up: String,
}

/// A level's quota. Two integers, and a request may see one of them changed and the other not yet.
struct Level {
    interval: AtomicU64,
    capacity: AtomicU64,
    times: u32,
}

impl Level {
    fn new(quota: &Quota, times: u32) -> Result<Self, QuotaError> {
        let gcra = Gcra::new(quota, times)?;
        let (interval, capacity) = gcra.ticks();
        Ok(Self { interval: interval.into(), capacity: capacity.into(), times })
    }

    #[inline]
    fn gcra(&self) -> Gcra {
        Gcra::from_ticks(self.interval.load(Relaxed), self.capacity.load(Relaxed))
    }

    fn set(&self, gcra: Gcra) {
        let (interval, capacity) = gcra.ticks();
        self.interval.store(interval, SeqCst);
        self.capacity.store(capacity, SeqCst);
    }

    /// Sets another quota. While `convert` converts the debts, requests go by the slower rate and the smaller capacity of
    /// both, so that whoever used up the old one passes at no moment.
    fn change(&self, new: Gcra, convert: impl FnOnce(Gcra, Gcra)) {
        let old = self.gcra();
        let ((slow, small), (interval, capacity)) = (old.ticks(), new.ticks());
        self.set(Gcra::from_ticks(slow.max(interval), small.min(capacity)));
        convert(old, new);
        self.set(new);
    }
}

impl Rule {
    pub(crate) fn new(limit: Limit, index: u8) -> Result<Self, QuotaError> {
        let times: Vec<u32> = match limit.counted() {
            Counted::Ip(levels) => levels.times().collect(),
            Counted::By(_) => vec![1],
        };
        let levels = times.into_iter().map(|times| Level::new(&limit.quota(), times));
        Ok(Self {
            counters: Counters::new(limit.name()),
            index,
            mode: AtomicU8::new(limit.mode() as u8),
            terms: ArcSwap::from_pointee(Terms::new(&limit, limit.quota())),
            levels: levels.collect::<Result<_, _>>()?,
            masks: match limit.counted() {
                Counted::Ip(levels) => levels.masks(),
                Counted::By(_) => IpLevels::default().masks(),
            },
            told: AtomicBool::new(false),
            limit,
        })
    }

    /// The limit as it is now.
    pub(crate) fn now(&self) -> Limit {
        self.limit.clone().with_quota(self.quota()).with_mode(self.mode())
    }

    pub(crate) fn levels(&self) -> usize {
        self.levels.len()
    }

    pub(crate) fn terms(&self) -> Guard<Arc<Terms>> {
        self.terms.load()
    }

    pub(crate) fn quota(&self) -> Quota {
        self.terms.load().quota
    }

    pub(crate) fn counts_by_ip(&self) -> bool {
        matches!(self.limit.counted(), Counted::Ip(_))
    }

    pub(crate) fn masks(&self) -> Option<&Masks> {
        self.counts_by_ip().then_some(&self.masks)
    }

    /// A count as it is by today's quota, and what of its charge at `at` is still owed at the most: what time has given
    /// back since must not be given back again.
    pub(crate) fn still_owed(&self, count: &Count, at: Tick, now: Tick) -> (Count, Debt) {
        let mut current = *count;
        let Some(level) = self.levels.get(count.level()) else { return (current, Debt(0)) };
        current.gcra = level.gcra();
        let Verdict::Charged(debt) = count.verdict else { return (current, Debt(0)) };
        let owed = Debt(debt.0.saturating_sub(now.ahead_of(at)));
        (current, current.gcra.converted(&count.gcra, owed))
    }

    /// How many requests somebody can be charged after the fact: two bursts of its own, on the prefixes it shares with
    /// others, too.
    pub(crate) fn at_once(&self, requests: u32) -> u32 {
        let most = self.levels[0].gcra().burst().saturating_mul(2);
        requests.min(u32::try_from(most).unwrap_or(u32::MAX))
    }

    /// The quota of the clients themselves.
    pub(crate) fn gcra_of_clients(&self) -> Gcra {
        self.levels[0].gcra()
    }

    #[inline]
    pub(crate) fn mode(&self) -> Mode {
        Mode::ALL.get(usize::from(self.mode.load(Relaxed))).copied().unwrap_or_default()
    }

    pub(crate) fn set_mode(&self, mode: Mode) {
        self.mode.store(mode as u8, Relaxed);
    }

    /// Sets another quota, and hands each level to `convert` with its old quota and the new one.
    pub(crate) fn set_quota(
        &self,
        quota: Quota,
        mut convert: impl FnMut(usize, Gcra, Gcra),
    ) -> Result<(), ConfigError> {
        let new = self.levels.iter().map(|level| Gcra::new(&quota, level.times));
        let new = new.collect::<Result<Vec<_>, _>>()?;
        self.limit.check_cost(quota)?;
        self.told.store(false, Relaxed);
        self.terms.store(Arc::new(Terms::new(&self.limit, quota)));
        for (index, (level, new)) in self.levels.iter().zip(new).enumerate() {
            level.change(new, |old, new| convert(index, old, new));
        }
        Ok(())
    }

    /// Adds what a request is held against, if the limit applies to it.
    #[inline]
    pub(crate) fn count(&self, client: ClientIp, head: &RequestHead<'_>, counts: &mut Counts) {
        let mode = self.mode();
        if mode == Mode::Off || !self.limit.applies_to(head) {
            return;
        }
        let cost = self.cost(head);
        if cost == 0 {
            return;
        }
        match self.limit.counted() {
            Counted::Ip(_) => self.count_client(client, cost, mode == Mode::Enforce, counts),
            Counted::By(extractor) => {
                if let Some(key) = extractor.key(client, head) {
                    counts.push(self.count_of(0, key, cost, mode == Mode::Enforce));
                }
            }
        }
    }

    /// What somebody is counted by, who makes no request.
    pub(crate) fn counts_of(&self, who: Who, cost: u32) -> Result<Counts, ConfigError> {
        let mut counts = Counts::new();
        match (who, self.limit.counted()) {
            (Who::Client(client), Counted::Ip(_)) => self.count_client(client, cost, true, &mut counts),
            (Who::Key(key), Counted::By(_)) => counts.push(self.count_of(0, key, cost, true)),
            (Who::Client(_), Counted::By(_)) => {
                let remedy = "counts by a key of its own: give that key (`Key::of`), not a client IP";
                return Err(ConfigError::new("limit", format_args!("{:?}", self.limit.name()), remedy));
            }
            (Who::Key(_), Counted::Ip(_)) => {
                let remedy = "counts by address: give a client IP, not a key";
                return Err(ConfigError::new("limit", format_args!("{:?}", self.limit.name()), remedy));
            }
        }
        Ok(counts)
    }

    #[inline]
    fn count_client(&self, client: ClientIp, cost: u32, is_enforced: bool, counts: &mut Counts) {
        for (level, key) in self.masks.keys(client.addr()) {
            counts.push(self.count_of(level, key, cost, is_enforced));
        }
    }

    #[inline]
    fn count_of(&self, level: u8, key: Key, cost: u32, is_enforced: bool) -> Count {
        Count::new(self.index, level, key, self.levels[usize::from(level)].gcra(), cost, is_enforced)
    }

    /// What a request costs. Above the burst it never passes, which is an error of the one who set the limit up: told
    /// once, loudly, because a client may be the one who chooses the cost.
    #[inline]
    fn cost(&self, head: &RequestHead<'_>) -> u32 {
        let cost = self.limit.cost(head);
        if cost > 1 && u64::from(cost) > self.levels[0].gcra().burst() {
            self.tell_of_cost(cost);
        }
        cost
    }

    #[cold]
    fn tell_of_cost(&self, cost: u32) {
        // Not the burst of the moment, which is smaller while the quota is changed.
        let (limit, burst) = (self.limit.name(), self.quota().burst);
        if cost > burst && !self.told.swap(true, Relaxed) {
            tracing::error!(
                limit,
                cost,
                burst,
                "a request costs more than the limit's burst, and can never pass"
            );
        }
    }

    /// Counts what became of a request of which `counts` are this limit's.
    #[inline]
    pub(crate) fn record(&self, counts: &[Count], is_refused: bool) {
        let is_violated = counts.iter().any(Count::is_violated);
        match (is_violated, counts.iter().any(|count| count.is_enforced)) {
            (true, true) => self.counters.refuse(),
            (true, false) => self.counters.monitor(),
            (false, _) if !is_refused => self.counters.pass(),
            _ => {}
        }
        if counts.iter().any(|count| count.evicted_live) {
            self.counters.evicted_live();
        }
    }
}

impl Terms {
    fn new(limit: &Limit, quota: Quota) -> Self {
        let name = limit.name();
        Self {
            quota,
            policy: headers::policy(name, quota),
            names: [name.to_owned()].into(),
            used_up: format!("limit {name} ({quota}) is used up; "),
        }
    }
}

/// How a client stands with a limit: on the level where the least is left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) remaining: u64,
    /// Seconds until there is more, at least 1.
    pub(crate) reset: u64,
}

impl Standing {
    pub(crate) fn of(counts: &[Count]) -> Self {
        Self::by(counts, Count::debt)
    }

    /// The same by what is owed now.
    pub(crate) fn by(counts: &[Count], mut debt: impl FnMut(&Count) -> Debt) -> Self {
        let levels = counts.iter().map(|count| {
            let debt = debt(count);
            Self { remaining: count.gcra.remaining(debt), reset: count.gcra.reset_seconds(debt) }
        });
        let least = levels.min_by_key(|level| (level.remaining, u64::MAX - level.reset));
        least.unwrap_or(Self { remaining: 0, reset: 1 })
    }
}
