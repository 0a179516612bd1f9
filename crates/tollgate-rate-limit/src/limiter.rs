use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tollgate_core::{ClientIp, SharedClock, SystemClock};

use crate::bans::Banned;
use crate::decision::{MOST_LIMITS, Outcome};
use crate::error::ConfigError;
use crate::gcra::Tick;
use crate::lists::{Listed, Lists};
use crate::nested::Mark;
use crate::rule::Rule;
use crate::store::{self, Count, Memory, Step, Store, by_limit};
use crate::talkers::Talkers;
use crate::{Bans, Decision, IpLevels, Limit, Mode, RequestHead, Ticket};

/// Memory of all tables together if nothing is said: 131,072 clients.
const DEFAULT_TABLE_BYTES: usize = 1 << 20;

/// The least memory for one limit, and for bans: 512 clients.
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
pub struct Limiter<S: Store = Memory> {
    pub(crate) rules: Box<[Rule]>,
    /// The names of the limits that were off from the start.
    pub(crate) off: Vec<String>,
    pub(crate) store: S,
    clock: SharedClock,
    pub(crate) lists: Lists,
    pub(crate) banned: Option<Banned>,
    pub(crate) talkers: Talkers,
    pub(crate) mark: Mark,
    twice_told: AtomicBool,
    /// One change of a quota at a time.
    pub(crate) changing: Mutex<()>,
}

/// When a request is decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) monotonic: Duration,
    pub(crate) now: Tick,
}

impl Limiter {
    /// A limiter with empty tables of 1 MiB together (131,072 clients), and the machine's clock.
    ///
    /// No limits at all are allowed, and let everything pass.
    ///
    /// # Errors
    ///
    /// A quota that cannot be, a cost above its burst, a name that is not 1 to 64 printable ASCII characters or is there
    /// twice, or more than 64 limits.
    pub fn new(limits: impl IntoIterator<Item = Limit>) -> Result<Self, ConfigError> {
        let limits: Vec<Limit> = limits.into_iter().collect();
        if limits.len() > MOST_LIMITS {
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
        let (mut rules, mut off) = (Vec::with_capacity(limits.len()), Vec::new());
        for (index, limit) in limits.into_iter().enumerate() {
            limit.quota().validate().map_err(|error| ConfigError::from(error).in_limit(index))?;
            limit.check_cost(limit.quota()).map_err(|error| error.in_limit(index))?;
            if limit.mode() == Mode::Off {
                off.push(limit.name().to_owned());
                continue;
            }
            let rule = Rule::new(limit, rules.len() as u8);
            rules.push(rule.map_err(|error| ConfigError::from(error).in_limit(index))?);
        }
        let store = Memory::new(DEFAULT_TABLE_BYTES, &levels(&rules));
        Ok(Self {
            rules: rules.into(),
            off,
            store,
            clock: SystemClock::shared(),
            lists: Lists::default(),
            banned: None,
            talkers: Talkers::new(),
            mark: Mark::new(),
            twice_told: AtomicBool::new(false),
            changing: Mutex::default(),
        })
    }

    /// Another clock, and empty tables: what was charged by the old one means nothing to it.
    #[must_use]
    pub fn with_clock(mut self, clock: SharedClock) -> Self {
        self.clock = clock;
        self.store = self.store.emptied();
        self.banned = self.banned.as_ref().map(Banned::emptied);
        self
    }

    /// How much memory all tables take together, in bytes, split evenly over the limits (and bans, if there are any);
    /// they start empty. A client takes 8 bytes for each limit and each prefix that is counted. Of a limit's memory, half
    /// is for hosts and half for wider prefixes, where it has any. At least 4 KiB a limit, at most 16 GiB.
    ///
    /// # Errors
    ///
    /// A size outside this range.
    pub fn with_table_bytes(mut self, bytes: usize) -> Result<Self, ConfigError> {
        let bans = self.banned.as_ref().map(|banned| banned.bans);
        self.resize(bytes, bans)?;
        Ok(self)
    }

    /// Bans clients that go on asking, and those named to [`ban`](Self::ban). The tables start empty, and take as much
    /// memory together as before.
    ///
    /// # Errors
    ///
    /// Bans that cannot be: see [`Bans`].
    pub fn with_bans(mut self, bans: Bans) -> Result<Self, ConfigError> {
        self.resize(self.table_bytes(), Some(bans))?;
        Ok(self)
    }

    /// Keeps what clients owe in another store; bans and lists stay here.
    pub fn with_store<S: Store>(self, store: S) -> Limiter<S> {
        self.map_store(|_| store)
    }

    /// Keeps what clients owe in the store that `make` makes of the one there is, and of the limits that it is for: those
    /// that are not off, in the order in which counts name them. By the limiter's own clock.
    pub fn with_store_of<S: Store>(
        self,
        make: impl FnOnce(Memory, &[Limit], SharedClock) -> S,
    ) -> Limiter<S> {
        let limits: Vec<Limit> = self.limits().collect();
        let Self { rules, off, store, clock, lists, banned, talkers, mark, twice_told, changing } = self;
        let store = make(store, &limits, SharedClock::clone(&clock));
        Limiter { rules, off, store, clock, lists, banned, talkers, mark, twice_told, changing }
    }

    /// The store by itself, as a part of another one.
    #[must_use]
    pub fn into_store(self) -> Memory {
        self.store
    }

    /// Whether a request of `client` may pass; if so, it is charged to every limit that applies.
    ///
    /// All or nothing: what one enforced limit refuses is charged to none. Two requests at once may see each other's
    /// charges before they are taken back, so that near a limit's end one can be refused too many.
    #[inline]
    pub fn check(&self, client: ClientIp, head: &RequestHead<'_>) -> Decision<'_> {
        let mut decision = Decision::new(self);
        let (outcome, ticket) = decision.parts();
        let moment = self.moment();
        *outcome = match self.admit(client, moment) {
            Some(outcome) => outcome,
            None => {
                // From memory the answer is there at once.
                let _ = self.take(client, head, ticket, moment);
                self.conclude(client, ticket, moment)
            }
        };
        decision
    }

    /// The memory of all tables, in bytes. It never changes.
    #[must_use]
    pub fn table_bytes(&self) -> usize {
        self.store.bytes() + self.banned.as_ref().map_or(0, Banned::bytes)
    }

    fn resize(&mut self, bytes: usize, bans: Option<Bans>) -> Result<(), ConfigError> {
        let parts = (self.rules.len() + usize::from(bans.is_some())).max(1);
        if bytes / parts < MIN_TABLE_BYTES {
            let remedy = format!("give at least 4096 bytes a limit, {} in all", MIN_TABLE_BYTES * parts);
            return Err(ConfigError::new("table_bytes", bytes, remedy));
        }
        if bytes as u64 > MAX_TABLE_BYTES {
            let remedy = "give at most 17179869184 bytes (16 GiB), room for two thousand million clients";
            return Err(ConfigError::new("table_bytes", bytes, remedy));
        }
        let of_bans = if bans.is_some() { bytes / parts } else { 0 };
        let hosts = self.rules.iter().find_map(Rule::masks).cloned();
        let masks = hosts.unwrap_or_else(|| IpLevels::default().masks());
        self.banned = bans.map(|bans| Banned::new(bans, of_bans, masks)).transpose()?;
        self.store = Memory::new(bytes - of_bans, &levels(&self.rules));
        Ok(())
    }
}

impl<S: Store> Limiter<S> {
    /// [`check`](Limiter::check) for any store.
    pub async fn ask(&self, client: ClientIp, head: &RequestHead<'_>) -> Decision<'_, S> {
        let mut decision = Decision::new(self);
        let (outcome, ticket) = decision.parts();
        let moment = self.moment();
        *outcome = match self.admit(client, moment) {
            Some(outcome) => outcome,
            None => {
                if let Step::Later(later) = self.take(client, head, ticket, moment) {
                    ticket.counts = later.await;
                }
                self.conclude(client, ticket, moment)
            }
        };
        decision
    }

    /// The same with its store put into another one, which goes on with what that knows.
    pub fn map_store<T: Store>(self, into: impl FnOnce(S) -> T) -> Limiter<T> {
        let Self { rules, off, store, clock, lists, banned, talkers, mark, twice_told, changing } = self;
        Limiter { rules, off, store: into(store), clock, lists, banned, talkers, mark, twice_told, changing }
    }

    /// The limits that were not off from the start, as they are now, in the order they were given in.
    pub fn limits(&self) -> impl Iterator<Item = Limit> {
        self.rules.iter().map(Rule::now)
    }

    #[inline]
    pub(crate) fn moment(&self) -> Moment {
        let monotonic = self.clock.monotonic();
        Moment { monotonic, now: Tick::at(monotonic) }
    }

    /// What lists and bans say, before any limit is asked.
    #[inline]
    pub(crate) fn admit(&self, client: ClientIp, moment: Moment) -> Option<Outcome> {
        match self.lists.look(client) {
            Some(Listed::Allowed) => return Some(Outcome::Pass),
            Some(Listed::Denied) => {
                crate::metrics::denied();
                return Some(Outcome::Denied);
            }
            None => {}
        }
        let wait = self.banned.as_ref()?.left(client, moment.now)?;
        crate::metrics::banned();
        Some(Outcome::Banned(wait.from(moment.monotonic)))
    }

    /// Works out what a request is held against, and asks the store.
    #[inline]
    pub(crate) fn take(
        &self,
        client: ClientIp,
        head: &RequestHead<'_>,
        ticket: &mut Ticket,
        moment: Moment,
    ) -> Step<S::Later> {
        ticket.at = moment.now;
        for rule in &self.rules {
            rule.count(client, head, &mut ticket.counts);
        }
        if ticket.counts.is_empty() { Step::Now } else { self.store.take(&mut ticket.counts, moment.now) }
    }

    /// What the store's answer comes to.
    #[inline]
    pub(crate) fn conclude(&self, client: ClientIp, ticket: &Ticket, moment: Moment) -> Outcome {
        let refusal = store::refusal(&ticket.counts);
        if let [only] = ticket.counts.as_slice() {
            if let Some(rule) = self.rules.get(only.limit()) {
                rule.record(std::slice::from_ref(only), refusal.is_some());
            }
        } else {
            for counts in by_limit(&ticket.counts) {
                if let Some(rule) = self.rules.get(counts[0].limit()) {
                    rule.record(counts, refusal.is_some());
                }
            }
        }
        let Some(wait) = refusal else {
            // Who has used more than half is worth a look.
            if ticket.counts.iter().any(|count| count.debt().0 > count.gcra.capacity().0 / 2) {
                self.talkers.note(client);
            } else {
                self.talkers.note_some(client);
            }
            return Outcome::Pass;
        };
        self.talkers.note(client);
        // Only for what it did itself: who shares a prefix or a key with others is not banned for them.
        let by_itself = |count: &Count| {
            count.is_enforced
                && count.is_violated()
                && count.level() == 0
                && self.rules.get(count.limit()).is_some_and(Rule::counts_by_ip)
        };
        let banned = self.banned.as_ref().filter(|_| ticket.counts.iter().any(by_itself));
        match banned.and_then(|banned| banned.refused(client, moment.now)) {
            Some(ban) => {
                crate::metrics::banned();
                Outcome::Banned(ban.max(wait).from(moment.monotonic))
            }
            None => Outcome::Limited(wait.from(moment.monotonic)),
        }
    }

    /// Says once that requests pass this limiter twice.
    #[cold]
    pub(crate) fn tell_twice(&self) {
        if !self.twice_told.swap(true, Relaxed) {
            let limits: Vec<_> = self.rules.iter().map(|rule| rule.limit.name()).collect();
            tracing::error!(
                ?limits,
                "a request passes the same rate limiter twice, and is charged twice: put its layer around a route or \
                 around the whole router, not both"
            );
        }
    }

    /// The strictest mode of the limits that apply: what a request without a client IP would escape.
    pub(crate) fn strictest_mode(&self, head: &RequestHead<'_>) -> Mode {
        let mut strictest = Mode::Off;
        for rule in self.rules.iter().filter(|rule| rule.limit.applies_to(head) && rule.limit.cost(head) > 0)
        {
            match rule.mode() {
                Mode::Enforce => return Mode::Enforce,
                Mode::Monitor => strictest = Mode::Monitor,
                Mode::Off => {}
            }
        }
        strictest
    }
}

fn levels(rules: &[Rule]) -> Vec<usize> {
    rules.iter().map(Rule::levels).collect()
}

impl<S: Store> fmt::Debug for Limiter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter")
            .field("limits", &self.limits().collect::<Vec<_>>())
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
