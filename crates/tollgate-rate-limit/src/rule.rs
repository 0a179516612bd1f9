use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tollgate_core::ClientIp;

use crate::error::QuotaError;
use crate::gcra::{Debt, Gcra, Tick, Wait};
use crate::levels::bits_of;
use crate::limit::Counted;
use crate::metrics::Counters;
use crate::store::Table;
use crate::{Key, Limit, RequestHead};

/// A limit at work: a table and a quota for each level.
pub(crate) struct Rule {
    pub(crate) limit: Limit,
    pub(crate) counters: Counters,
    levels: Box<[Level]>,
    /// That a request costs more than the burst.
    told: AtomicBool,
}

struct Level {
    gcra: Gcra,
    table: Table,
}

/// Whom a request is counted by: an address (IPv4 as IPv4-mapped IPv6), or the key that the limit made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject([u64; 2]);

/// In halves, so that a ticket has no gaps: an integer of 128 bits wants every second place.
impl Subject {
    fn new(bits: u128) -> Self {
        Self([(bits >> 64) as u64, bits as u64])
    }

    fn bits(self) -> u128 {
        let [high, low] = self.0;
        u128::from(high) << 64 | u128::from(low)
    }
}

/// How a subject stands with a rule: on the level where the least is left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    level: u8,
    debt: Debt,
}

impl Rule {
    /// `bytes` of memory, half of it for the hosts and the rest for wider prefixes.
    pub(crate) fn new(limit: Limit, bytes: usize) -> Result<Self, QuotaError> {
        let times: Vec<u32> = match limit.counted() {
            Counted::Ip(levels) => levels.times().collect(),
            Counted::By(_) => vec![1],
        };
        let quotas = times.into_iter().map(|times| Gcra::new(&limit.quota(), times));
        let quotas = quotas.collect::<Result<Vec<_>, _>>()?;
        Ok(Self::of(limit, quotas, bytes))
    }

    /// The same limit with `bytes` of memory, in which nobody owes anything.
    pub(crate) fn emptied(&self, bytes: usize) -> Self {
        Self::of(self.limit.clone(), self.levels.iter().map(|level| level.gcra).collect(), bytes)
    }

    fn of(limit: Limit, quotas: Vec<Gcra>, bytes: usize) -> Self {
        let wider = quotas.len().saturating_sub(1);
        let of_wider = (bytes / 2).checked_div(wider).unwrap_or(0);
        let of_hosts = bytes - wider * of_wider;
        let tables = std::iter::once(of_hosts).chain(std::iter::repeat(of_wider)).map(Table::new);
        let levels = quotas.into_iter().zip(tables).map(|(gcra, table)| Level { gcra, table }).collect();
        let counters = Counters::new(limit.name());
        Self { limit, counters, levels, told: AtomicBool::new(false) }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.levels.iter().map(|level| level.table.bytes()).sum()
    }

    /// What a request costs. Above the burst it never passes, which is an error of the one who set the limit up: told
    /// once, loudly, because a client may be the one who chooses the cost.
    pub(crate) fn cost(&self, head: &RequestHead<'_>) -> u32 {
        let cost = self.limit.cost(head);
        let burst = self.limit.quota().burst;
        if cost > burst && !self.told.swap(true, Relaxed) {
            let limit = self.limit.name();
            tracing::error!(
                limit,
                cost,
                burst,
                "a request costs more than the limit's burst, and can never pass"
            );
        }
        cost
    }

    /// Whom `client`'s request is counted by; nobody, where the limit has no key for it.
    pub(crate) fn subject(&self, client: ClientIp, head: &RequestHead<'_>) -> Option<Subject> {
        match self.limit.counted() {
            Counted::Ip(_) => Some(Subject::new(bits_of(client.addr()))),
            Counted::By(extractor) => extractor.key(client, head).map(|key| Subject::new(key.bits())),
        }
    }

    /// Whether a request would pass on every level: if not, the longest wait.
    pub(crate) fn peek(&self, subject: Subject, cost: u32, now: Tick) -> Result<(), Wait> {
        let mut longest = None;
        self.each(subject, |_, level, key| {
            longest = longest.max(level.table.peek(key, cost, now, &level.gcra).err());
            true
        });
        longest.map_or(Ok(()), Err)
    }

    /// Charges a request to every level, or to none.
    pub(crate) fn charge(&self, subject: Subject, cost: u32, now: Tick) -> Result<Standing, Wait> {
        let mut outcome: Result<Option<(u64, Standing)>, (usize, Wait)> = Ok(None);
        self.each(subject, |index, level, key| match level.table.charge(key, cost, now, &level.gcra) {
            Ok(charged) => {
                if charged.evicted_live {
                    self.counters.evicted_live();
                }
                let left = level.gcra.remaining(charged.debt);
                if let Ok(least) = &mut outcome
                    && least.is_none_or(|(least, _)| left < least)
                {
                    *least = Some((left, Standing { level: index as u8, debt: charged.debt }));
                }
                true
            }
            Err(wait) => {
                outcome = Err((index, wait));
                false
            }
        });
        match outcome {
            Ok(Some((_, standing))) => Ok(standing),
            Ok(None) => Ok(Standing { level: 0, debt: Debt(0) }),
            Err((failed, wait)) => {
                self.each(subject, |index, level, key| {
                    if index < failed {
                        level.table.refund(key, cost, now, &level.gcra);
                    }
                    index < failed
                });
                Err(wait)
            }
        }
    }

    pub(crate) fn refund(&self, subject: Subject, cost: u32, now: Tick) {
        self.each(subject, |_, level, key| {
            level.table.refund(key, cost, now, &level.gcra);
            true
        });
    }

    pub(crate) fn surcharge(&self, subject: Subject, cost: u32, now: Tick) {
        self.each(subject, |_, level, key| {
            level.table.surcharge(key, cost, now, &level.gcra);
            true
        });
    }

    /// How the subject stands, charging nothing.
    pub(crate) fn standing(&self, subject: Subject, now: Tick) -> Standing {
        let mut worst = (u64::MAX, 0, Standing { level: 0, debt: Debt(0) });
        self.each(subject, |index, level, key| {
            let debt = level.table.debt(key, now);
            let (left, reset) = (level.gcra.remaining(debt), level.gcra.reset_seconds(debt));
            if left < worst.0 || left == worst.0 && reset > worst.1 {
                worst = (left, reset, Standing { level: index as u8, debt });
            }
            true
        });
        worst.2
    }

    /// What is left, and the seconds until there is more.
    pub(crate) fn left(&self, standing: Standing) -> (u64, u64) {
        let level = self.levels.get(usize::from(standing.level));
        level.map_or((0, 1), |Level { gcra, .. }| {
            (gcra.remaining(standing.debt), gcra.reset_seconds(standing.debt))
        })
    }

    /// Calls `f` for each level the subject is counted on, in order, for as long as it returns true.
    fn each(&self, subject: Subject, mut f: impl FnMut(usize, &Level, Key) -> bool) {
        match self.limit.counted() {
            Counted::Ip(levels) => {
                for (index, key) in levels.keys(subject.bits()) {
                    if !f(index, &self.levels[index], key) {
                        return;
                    }
                }
            }
            Counted::By(_) => {
                f(0, &self.levels[0], Key::from_bits(subject.bits()));
            }
        }
    }
}
