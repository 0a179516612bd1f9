#[cfg(test)]
mod tests;

use std::fmt;

use http::HeaderMap;
use tollgate_core::{ClientIp, SharedClock, SystemClock};

use crate::decision::{Asked, LimitSet, Verdict, Violated};
use crate::error::ConfigError;
use crate::gcra::{Tick, Wait};
use crate::headers::{self, HeaderForm, HeadersOn, Left};
use crate::rule::Rule;
use crate::{AnswerHead, Decision, Limit, Mode, RequestHead, Ticket};

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
    clock: SharedClock,
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
            limit.quota().validate().map_err(|error| ConfigError::from(error).in_limit(index))?;
            limit.check_cost().map_err(|error| error.in_limit(index))?;
            if limit.mode() != Mode::Off {
                let rule = Rule::new(limit, DEFAULT_TABLE_BYTES);
                rules.push(rule.map_err(|error| ConfigError::from(error).in_limit(index))?);
            }
        }
        Ok(Self { rules: rules.into(), clock: SystemClock::shared() })
    }

    /// Another clock, and empty tables: what was charged by the old one means nothing to it.
    #[must_use]
    pub fn with_clock(self, clock: SharedClock) -> Self {
        self.emptied(clock)
    }

    /// How much memory all tables take together, in bytes, split evenly over the limits that are not off; they start
    /// empty. A client takes 8 bytes for each limit and each prefix that is counted. Of a limit's memory, half is for
    /// hosts and half for wider prefixes, where it has any. At least 4 KiB a limit, at most 16 GiB.
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
        let mut ticket = self.ticket(client, head);
        if ticket.asked.is_empty() {
            return Decision::Pass { monitored: Violated::new(self, LimitSet::default()), ticket };
        }
        let monotonic = self.clock.monotonic();
        let now = Tick::at(monotonic);
        // One limit by itself is charged at once: there is nothing that could have to be taken back.
        let alone = ticket.asked.len() == 1;
        let mut wait = if alone { None } else { self.peek(&mut ticket, now) };
        if wait.is_none() {
            wait = self.charge(&mut ticket, now);
        }
        self.count(&ticket, wait.is_some());
        match wait {
            Some(wait) => Decision::Refuse {
                violated: self.violated(&ticket, Mode::Enforce),
                wait: wait.from(monotonic),
                ticket,
            },
            None => Decision::Pass { monitored: self.violated(&ticket, Mode::Monitor), ticket },
        }
    }

    /// Settles what a request was charged, now that its answer is there, as each limit says
    /// ([`Limit::settled_by`]). The layer does so by itself.
    pub fn settle(&self, ticket: Ticket, answer: &AnswerHead<'_>) {
        drop(self.settled(ticket, answer));
    }

    /// Gives back all that a request was charged: nothing came of it.
    pub fn refund(&self, ticket: Ticket) {
        let now = Tick::at(self.clock.monotonic());
        for asked in &ticket.asked {
            if let (Verdict::Charged(_), Some(rule)) =
                (asked.verdict, self.rules.get(usize::from(asked.rule)))
            {
                rule.refund(asked.subject, asked.cost, now);
            }
        }
    }

    /// The limits at work (those not off), in the order they were given in.
    pub fn limits(&self) -> impl Iterator<Item = &Limit> {
        self.rules.iter().map(|rule| &rule.limit)
    }

    /// The memory of all tables, in bytes. It never changes.
    #[must_use]
    pub fn table_bytes(&self) -> usize {
        self.rules.iter().map(Rule::bytes).sum()
    }

    /// The strictest mode of the limits that apply: what a request without a client IP would escape.
    pub(crate) fn strictest_mode(&self, head: &RequestHead<'_>) -> Mode {
        let mut strictest = Mode::Off;
        for limit in self.limits().filter(|limit| limit.applies_to(head)) {
            match limit.mode() {
                Mode::Enforce => return Mode::Enforce,
                mode => strictest = mode,
            }
        }
        strictest
    }

    /// Whether something is to be done once the answer is there.
    pub(crate) fn wants_answer(&self, ticket: &Ticket) -> bool {
        ticket.asked.iter().any(|asked| {
            let limit = &self.rules[usize::from(asked.rule)].limit;
            limit.is_settled() || matches!(limit.headers(), HeadersOn::Near | HeadersOn::Always)
        })
    }

    /// Settles, and says what the request is charged by then.
    pub(crate) fn settled(&self, mut ticket: Ticket, answer: &AnswerHead<'_>) -> Ticket {
        let mut now = None;
        for asked in &mut ticket.asked {
            let Some(rule) = self.rules.get(usize::from(asked.rule)) else { continue };
            let Verdict::Charged(_) = asked.verdict else { continue };
            let Some(cost) = rule.limit.settle(answer) else { continue };
            let now = *now.get_or_insert_with(|| Tick::at(self.clock.monotonic()));
            if cost < asked.cost {
                rule.refund(asked.subject, asked.cost - cost, now);
            } else if cost > asked.cost {
                rule.surcharge(asked.subject, cost - asked.cost, now);
            }
            asked.cost = cost;
            asked.verdict = Verdict::Charged(rule.standing(asked.subject, now));
        }
        ticket
    }

    /// Puts what is to be told of the limits into an answer's headers.
    pub(crate) fn tell(&self, ticket: &Ticket, form: HeaderForm, headers: &mut HeaderMap) {
        let mut now = None;
        let lefts = ticket.asked.iter().filter_map(|asked| {
            let rule = &self.rules[usize::from(asked.rule)];
            if rule.limit.headers() == HeadersOn::Never {
                return None;
            }
            let standing = match asked.verdict {
                Verdict::Charged(standing) => standing,
                _ => {
                    let now = *now.get_or_insert_with(|| Tick::at(self.clock.monotonic()));
                    rule.standing(asked.subject, now)
                }
            };
            let (remaining, reset) = rule.left(standing);
            let refuses = matches!(asked.verdict, Verdict::Violated) && rule.limit.mode() == Mode::Enforce;
            Some(Left { limit: &rule.limit, remaining, reset, refuses })
        });
        headers::tell(form, lefts, headers);
    }

    pub(crate) fn emptied(&self, clock: SharedClock) -> Self {
        Self { rules: self.rules.iter().map(|rule| rule.emptied(rule.bytes())).collect(), clock }
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
        let rules = self.rules.iter().map(|rule| rule.emptied(of_each)).collect();
        Ok(Self { rules, clock: self.clock.clone() })
    }

    /// The limits that apply, the enforced first, so that only these are ever taken back. Asks each predicate once, so
    /// that one that changes its mind cannot make a charge and a look differ.
    fn ticket(&self, client: ClientIp, head: &RequestHead<'_>) -> Ticket {
        let mut ticket = Ticket::default();
        for mode in [Mode::Enforce, Mode::Monitor] {
            for (index, rule) in self.rules.iter().enumerate() {
                if rule.limit.mode() != mode || !rule.limit.applies_to(head) {
                    continue;
                }
                let cost = rule.cost(head);
                if cost == 0 {
                    continue;
                }
                if let Some(subject) = rule.subject(client, head) {
                    ticket.asked.push(Asked { rule: index as u8, cost, subject, verdict: Verdict::Fits });
                }
            }
        }
        ticket
    }

    fn mode(&self, asked: &Asked) -> Mode {
        self.rules[usize::from(asked.rule)].limit.mode()
    }

    /// Asks every limit, charging nothing: the longest wait of the enforced.
    fn peek(&self, ticket: &mut Ticket, now: Tick) -> Option<Wait> {
        let mut longest = None;
        for asked in &mut ticket.asked {
            let rule = &self.rules[usize::from(asked.rule)];
            asked.verdict = match rule.peek(asked.subject, asked.cost, now) {
                Ok(()) => Verdict::Fits,
                Err(wait) => {
                    if rule.limit.mode() == Mode::Enforce {
                        longest = longest.max(Some(wait));
                    }
                    Verdict::Violated
                }
            };
        }
        longest
    }

    /// Charges every limit that fits. Another request may have been faster since: then takes everything back.
    fn charge(&self, ticket: &mut Ticket, now: Tick) -> Option<Wait> {
        for index in 0..ticket.asked.len() {
            let asked = ticket.asked[index];
            let rule = &self.rules[usize::from(asked.rule)];
            if matches!(asked.verdict, Verdict::Violated) {
                continue;
            }
            ticket.asked[index].verdict = match rule.charge(asked.subject, asked.cost, now) {
                Ok(standing) => Verdict::Charged(standing),
                Err(_) if rule.limit.mode() != Mode::Enforce => Verdict::Violated,
                Err(wait) => {
                    for asked in &ticket.asked[..index] {
                        self.rules[usize::from(asked.rule)].refund(asked.subject, asked.cost, now);
                    }
                    // The others may be used up as well by now, and are to be named too.
                    let longest = self.peek(ticket, now);
                    ticket.asked[index].verdict = Verdict::Violated;
                    return longest.max(Some(wait));
                }
            };
        }
        None
    }

    fn count(&self, ticket: &Ticket, refused: bool) {
        for asked in &ticket.asked {
            let counters = &self.rules[usize::from(asked.rule)].counters;
            match (asked.verdict, self.mode(asked)) {
                (Verdict::Violated, Mode::Enforce) => counters.refuse(),
                (Verdict::Violated, _) => counters.monitor(),
                _ if !refused => counters.pass(),
                _ => {}
            }
        }
    }

    fn violated(&self, ticket: &Ticket, mode: Mode) -> Violated<'_> {
        let mut set = LimitSet::default();
        for asked in &ticket.asked {
            if matches!(asked.verdict, Verdict::Violated) && self.mode(asked) == mode {
                set.insert(asked.rule);
            }
        }
        Violated::new(self, set)
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
