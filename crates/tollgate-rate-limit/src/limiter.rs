#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use tollgate_core::{ClientIp, IpKey, SharedClock, SystemClock};

use crate::decision::{LimitSet, Violated};
use crate::error::ConfigError;
use crate::gcra::{Gcra, Tick, Wait};
use crate::metrics::Counters;
use crate::store::Table;
use crate::{Decision, Limit, Mode, RequestHead};

/// Memory of one limit's table if nothing is said: 131,072 clients.
const DEFAULT_TABLE_BYTES: usize = 1 << 20;

/// The least memory of one limit's table: 512 clients.
const MIN_TABLE_BYTES: usize = 4096;

/// The most memory of all tables: 16 GiB.
const MAX_TABLE_BYTES: u64 = 1 << 34;

/// Several limits on how often a client may ask, and who asked when. The layer without HTTP's services: for handlers
/// that ask by themselves.
///
/// ```
/// use std::time::Duration;
/// use http::Request;
/// use tollgate_core::ClientIp;
/// use tollgate_rate_limit::{Limit, Limiter, Quota};
///
/// let limiter = Limiter::new([Limit::new("per-minute", Quota::requests(1).per(Duration::from_secs(60)))])?;
/// let client = ClientIp::asserted([203, 0, 113, 7].into());
/// let request = Request::new(());
/// assert!(limiter.check(client, &(&request).into()).is_pass());
/// assert!(!limiter.check(client, &(&request).into()).is_pass());
/// # Ok::<(), tollgate_rate_limit::ConfigError>(())
/// ```
pub struct Limiter {
    rules: Box<[Rule]>,
    enforced: LimitSet,
    clock: SharedClock,
}

/// A limit at work.
struct Rule {
    limit: Limit,
    gcra: Gcra,
    table: Table,
    counters: Counters,
}

/// What the limits that apply say to a request.
#[derive(Default)]
struct Verdict {
    /// Enforced limits that are used up.
    refused: LimitSet,
    /// Monitored ones.
    monitored: LimitSet,
    /// The longest wait of the refused.
    wait: Option<Wait>,
}

impl Limiter {
    /// A limiter with empty tables of 1 MiB (131,072 clients) for each limit that is not off, and the machine's clock.
    ///
    /// No limits at all are allowed, and let everything pass.
    ///
    /// # Errors
    ///
    /// A quota that cannot be, a name that is not 1 to 64 printable ASCII characters or is there twice, or more than
    /// 64 limits.
    pub fn new(limits: impl IntoIterator<Item = Limit>) -> Result<Self, ConfigError> {
        let limits: Vec<Limit> = limits.into_iter().collect();
        if limits.len() > LimitSet::CAPACITY {
            let remedy = "give at most 64 limits, or put a second layer behind the first";
            return Err(ConfigError::new("limits", limits.len(), remedy));
        }
        for (index, limit) in limits.iter().enumerate() {
            limit.check_name().map_err(|error| error.in_limit(index))?;
            if let Some(first) = limits[..index].iter().position(|other| other.name() == limit.name()) {
                let remedy = format!("limits[{first}] has this name too; give each its own");
                return Err(
                    ConfigError::new("name", format_args!("{:?}", limit.name()), remedy).in_limit(index)
                );
            }
        }
        let mut rules = Vec::with_capacity(limits.len());
        for (index, limit) in limits.into_iter().enumerate() {
            let gcra = Gcra::new(&limit.quota()).map_err(|error| ConfigError::from(error).in_limit(index))?;
            if limit.mode() != Mode::Off {
                rules.push(Rule::new(limit, gcra, DEFAULT_TABLE_BYTES));
            }
        }
        let mut enforced = LimitSet::default();
        for (index, rule) in rules.iter().enumerate() {
            if rule.limit.mode() == Mode::Enforce {
                enforced.insert(index);
            }
        }
        Ok(Self { rules: rules.into(), enforced, clock: SystemClock::shared() })
    }

    /// Another clock, and empty tables: what was charged by the old one means nothing to it.
    #[must_use]
    pub fn with_clock(self, clock: SharedClock) -> Self {
        self.emptied(clock, None)
    }

    /// How much memory all tables take together, in bytes, split evenly over the limits that are not off; they start
    /// empty. A client takes 8 bytes for each limit. At least 4 KiB a limit, at most 16 GiB.
    ///
    /// # Errors
    ///
    /// A size outside this range.
    pub fn with_table_bytes(self, bytes: usize) -> Result<Self, ConfigError> {
        self.resized(bytes)
    }

    /// Whether a request of `client` may pass; if so, it is charged to every limit that applies.
    ///
    /// All or nothing: what one enforced limit refuses is charged to none. Two requests at once may see each other's
    /// charges before they are taken back, so that near a limit's end one can be refused too many.
    pub fn check(&self, client: ClientIp, head: &RequestHead<'_>) -> Decision<'_> {
        let applicable = self.applicable(head);
        if applicable.is_empty() {
            return self.decision(&Verdict::default(), Duration::ZERO);
        }
        let monotonic = self.clock.monotonic();
        let now = Tick::at(monotonic);
        let mut verdict = self.peek(applicable, client, now);
        if verdict.refused.is_empty() {
            self.charge(applicable, client, now, &mut verdict);
        }
        self.count(applicable, &verdict);
        self.decision(&verdict, monotonic)
    }

    /// The limits at work (those not off), in the order they were given in.
    pub fn limits(&self) -> impl Iterator<Item = &Limit> {
        self.rules.iter().map(|rule| &rule.limit)
    }

    /// The memory of all tables, in bytes. It never changes.
    #[must_use]
    pub fn table_bytes(&self) -> usize {
        self.rules.iter().map(|rule| rule.table.bytes()).sum()
    }

    /// The strictest mode of the limits that apply: what a request without a client IP would escape.
    pub(crate) fn strictest_mode(&self, head: &RequestHead<'_>) -> Mode {
        let applicable = self.applicable(head);
        if !applicable.and(self.enforced).is_empty() {
            Mode::Enforce
        } else if applicable.is_empty() {
            Mode::Off
        } else {
            Mode::Monitor
        }
    }

    pub(crate) fn emptied(&self, clock: SharedClock, bytes_of_each: Option<usize>) -> Self {
        let emptied = |rule: &Rule| {
            let bytes = bytes_of_each.unwrap_or_else(|| rule.table.bytes());
            Rule::new(rule.limit.clone(), rule.gcra, bytes)
        };
        Self { rules: self.rules.iter().map(emptied).collect(), enforced: self.enforced, clock }
    }

    pub(crate) fn resized(&self, bytes: usize) -> Result<Self, ConfigError> {
        let of_each = bytes / self.rules.len().max(1);
        if of_each < MIN_TABLE_BYTES {
            let remedy = format!(
                "give at least 4096 bytes a limit, {} in all",
                MIN_TABLE_BYTES * self.rules.len().max(1)
            );
            return Err(ConfigError::new("table_bytes", bytes, remedy));
        }
        if bytes as u64 > MAX_TABLE_BYTES {
            let remedy = "give at most 17179869184 bytes (16 GiB), room for two thousand million clients";
            return Err(ConfigError::new("table_bytes", bytes, remedy));
        }
        Ok(self.emptied(self.clock.clone(), Some(of_each)))
    }

    /// Asks each predicate once, so that one that changes its mind cannot make a charge and a look differ.
    fn applicable(&self, head: &RequestHead<'_>) -> LimitSet {
        let mut set = LimitSet::default();
        for (index, limit) in self.limits().enumerate() {
            if limit.applies_to(head) {
                set.insert(index);
            }
        }
        set
    }

    fn peek(&self, applicable: LimitSet, client: ClientIp, now: Tick) -> Verdict {
        let mut verdict = Verdict::default();
        for index in applicable.indices() {
            let rule = &self.rules[index];
            if let Err(wait) = rule.table.peek(rule.key(client), now, &rule.gcra) {
                verdict.add(index, rule.limit.mode(), wait);
            }
        }
        verdict
    }

    /// Charges every limit that passed. Another request may have been faster since: then takes everything back.
    fn charge(&self, applicable: LimitSet, client: ClientIp, now: Tick, verdict: &mut Verdict) {
        let passed = applicable.without(verdict.monitored);
        // The enforced first, so that only these are ever taken back.
        let enforced = passed.and(self.enforced);
        let mut charged = LimitSet::default();
        for index in enforced.indices() {
            if let Err(wait) = self.rules[index].charge(client, now) {
                for index in charged.indices() {
                    let rule = &self.rules[index];
                    rule.table.refund(rule.key(client), now, &rule.gcra);
                }
                // The others may be used up as well by now, and are to be named too.
                *verdict = self.peek(applicable, client, now);
                verdict.add(index, Mode::Enforce, wait);
                return;
            }
            charged.insert(index);
        }
        for index in passed.without(enforced).indices() {
            if let Err(wait) = self.rules[index].charge(client, now) {
                verdict.add(index, Mode::Monitor, wait);
            }
        }
    }

    fn count(&self, applicable: LimitSet, verdict: &Verdict) {
        for index in applicable.indices() {
            let counters = &self.rules[index].counters;
            if verdict.refused.contains(index) {
                counters.refuse();
            } else if verdict.monitored.contains(index) {
                counters.monitor();
            } else if verdict.refused.is_empty() {
                counters.pass();
            }
        }
    }

    fn decision(&self, verdict: &Verdict, monotonic: Duration) -> Decision<'_> {
        match verdict.wait {
            Some(wait) => Decision::Refuse {
                violated: Violated::new(self, verdict.refused),
                wait: wait.from(monotonic),
            },
            None => Decision::Pass { monitored: Violated::new(self, verdict.monitored) },
        }
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter")
            .field("limits", &self.limits().collect::<Vec<_>>())
            .field("table_bytes", &self.table_bytes())
            .field("clock", &self.clock)
            .finish()
    }
}

impl Rule {
    fn new(limit: Limit, gcra: Gcra, table_bytes: usize) -> Self {
        Self { gcra, table: Table::new(table_bytes), counters: Counters::new(limit.name()), limit }
    }

    fn key(&self, client: ClientIp) -> IpKey {
        IpKey::new(client.addr(), self.limit.prefix_lengths())
    }

    fn charge(&self, client: ClientIp, now: Tick) -> Result<(), Wait> {
        let charged = self.table.charge(self.key(client), now, &self.gcra)?;
        if charged.evicted_live {
            self.counters.evicted_live();
        }
        Ok(())
    }
}

impl Verdict {
    fn add(&mut self, index: usize, mode: Mode, wait: Wait) {
        if mode == Mode::Enforce {
            self.refused.insert(index);
            self.wait = self.wait.max(Some(wait));
        } else {
            self.monitored.insert(index);
        }
    }
}
