//! What an operator does with a limiter while it is at work.

use std::fmt;
use std::sync::PoisonError;
use std::time::Duration;

use tollgate_core::ClientIp;

use crate::rule::{Rule, Standing};
use crate::settle::most;
use crate::store::{Memory, Store};
use crate::{ConfigError, Key, Limiter, Mode, Quota};

/// Whom something is done to.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Who {
    /// A client, of a limit that counts by address.
    Client(ClientIp),
    /// A key, of a limit that counts by a key of its own ([`Limit::with_key`](crate::Limit::with_key)).
    Key(Key),
}

impl From<ClientIp> for Who {
    fn from(client: ClientIp) -> Self {
        Self::Client(client)
    }
}

impl From<Key> for Who {
    fn from(key: Key) -> Self {
        Self::Key(key)
    }
}

/// A limit at work, by its name; made by [`Limiter::limit`].
pub struct LimitHandle<'a, S: Store = Memory> {
    limiter: &'a Limiter<S>,
    rule: &'a Rule,
    index: usize,
}

/// How somebody stands with a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Left {
    /// How many requests would pass now.
    pub remaining: u64,
    /// How long until the next one would; zero, if one would now.
    pub wait: Duration,
}

impl<S: Store> Limiter<S> {
    /// One of the limits, to look at it or to change it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tollgate_rate_limit::{Limit, Limiter, Mode, Quota};
    ///
    /// const MINUTE: Duration = Duration::from_secs(60);
    ///
    /// let limiter = Limiter::new([Limit::new("sign-ups", Quota::requests(5).per(MINUTE))])?;
    /// // An attack: tighter at once, and nobody is forgotten.
    /// limiter.limit("sign-ups")?.set_quota(Quota::requests(2).per(MINUTE))?;
    /// limiter.limit("sign-ups")?.set_mode(Mode::Enforce);
    ///
    /// let error = limiter.limit("sign-up").unwrap_err();
    /// assert_eq!(error.to_string(), "limit: \"sign-up\": there is no such limit; there are: sign-ups");
    /// # Ok::<(), tollgate_rate_limit::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// No limit has this name, or it was off from the start.
    pub fn limit(&self, name: &str) -> Result<LimitHandle<'_, S>, ConfigError> {
        let mut rules = self.rules.iter().enumerate();
        if let Some((index, rule)) = rules.find(|(_, rule)| rule.limit.name() == name) {
            return Ok(LimitHandle { limiter: self, rule, index });
        }
        let remedy = if self.off.iter().any(|off| off == name) {
            "was off from the start, and has no memory; build it as monitored, and set its mode then"
                .to_owned()
        } else {
            let names: Vec<_> = self.rules.iter().map(|rule| rule.limit.name()).collect();
            format!("there is no such limit; there are: {}", names.join(", "))
        };
        Err(ConfigError::new("limit", format_args!("{name:?}"), remedy))
    }

    /// Bans a client, and tells for how long: longer each time ([`Bans`](crate::Bans)).
    ///
    /// # Errors
    ///
    /// This limiter has no bans.
    pub fn ban(&self, client: ClientIp) -> Result<Duration, ConfigError> {
        let moment = self.moment();
        Ok(self.bans()?.ban(client, moment.now).from(moment.monotonic))
    }

    /// Ends a client's ban, and forgets that it ever had one.
    ///
    /// # Errors
    ///
    /// This limiter has no bans.
    pub fn pardon(&self, client: ClientIp) -> Result<(), ConfigError> {
        self.bans()?.pardon(client, self.moment().now);
        Ok(())
    }

    fn bans(&self) -> Result<&crate::bans::Banned, ConfigError> {
        let error = || ConfigError::new("bans", "none", "build the limiter `with_bans`");
        self.banned.as_ref().ok_or_else(error)
    }

    /// The clients that are never limited from now on, as CIDRs or addresses, in place of those before.
    ///
    /// # Errors
    ///
    /// What is no CIDR, or is a great part of the internet (shorter than /4, of IPv6 /8). Then nothing is changed.
    pub fn set_allowed(&self, cidrs: impl IntoIterator<Item = impl AsRef<str>>) -> Result<(), ConfigError> {
        self.lists.set_allowed(cidrs)
    }

    /// The clients that are refused from now on, whatever they ask for, in place of those before; also those that are
    /// allowed.
    ///
    /// # Errors
    ///
    /// Those of [`set_allowed`](Self::set_allowed).
    pub fn set_denied(&self, cidrs: impl IntoIterator<Item = impl AsRef<str>>) -> Result<(), ConfigError> {
        self.lists.set_denied(cidrs)
    }
}

impl<S: Store> LimitHandle<'_, S> {
    /// Its quota now.
    #[must_use]
    pub fn quota(&self) -> Quota {
        self.rule.quota()
    }

    /// Its mode now.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.rule.mode()
    }

    /// Sets another quota. What clients have used of the old one they have used of the new one: who made three requests
    /// lately has three fewer, and who used up a larger burst has used up this one. A penalty beyond stays as long as it
    /// is. While all debts are converted (a millisecond for a MiB), the slower rate and the smaller burst in
    /// time of both hold, by which it can be that nobody passes.
    ///
    /// # Errors
    ///
    /// A quota that cannot be, or one whose burst is below what a request costs. Then nothing is changed.
    pub fn set_quota(&self, quota: Quota) -> Result<(), ConfigError> {
        let _one_at_a_time = self.limiter.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.limiter.moment().now;
        self.rule.set_quota(quota, |level, old, new| {
            self.limiter.store.convert(self.index, level, &|debt| new.converted(&old, debt), now);
        })
    }

    /// Sets another mode. What clients owe stays, also while it is off.
    pub fn set_mode(&self, mode: Mode) {
        self.rule.set_mode(mode);
    }

    /// Charges somebody as many requests, beyond the quota, too, but never more than a burst on top of a burst: of its own,
    /// on its wider prefixes as well, so that one client cannot use up what it shares with others.
    ///
    /// # Errors
    ///
    /// A client IP for a limit that counts by a key of its own, or the other way round.
    pub fn penalize(&self, who: impl Into<Who>, requests: u32) -> Result<Left, ConfigError> {
        let (counts, now) = (self.rule.counts_of(who.into(), 1)?, self.limiter.moment().now);
        for count in &counts {
            self.limiter.store.charge(count, self.rule.at_once(requests), most(count.gcra.capacity()), now);
        }
        Ok(self.left_of(&counts))
    }

    /// Forgets what somebody owes: after a log-in, say. Wider prefixes, which are others' too, still owe theirs.
    ///
    /// # Errors
    ///
    /// A client IP for a limit that counts by a key of its own, or the other way round.
    pub fn forget(&self, who: impl Into<Who>) -> Result<(), ConfigError> {
        let (counts, now) = (self.rule.counts_of(who.into(), 1)?, self.limiter.moment().now);
        counts
            .iter()
            .filter(|count| count.level() == 0)
            .for_each(|count| self.limiter.store.forget(count, now));
        Ok(())
    }

    /// How somebody stands, without charging anything.
    ///
    /// # Errors
    ///
    /// A client IP for a limit that counts by a key of its own, or the other way round.
    pub fn left(&self, who: impl Into<Who>) -> Result<Left, ConfigError> {
        Ok(self.left_of(&self.rule.counts_of(who.into(), 1)?))
    }

    fn left_of(&self, counts: &[crate::store::Count]) -> Left {
        let moment = self.limiter.moment();
        let debt = |count: &crate::store::Count| self.limiter.store.debt(count, moment.now);
        let wait = counts.iter().filter_map(|count| count.gcra.wait(debt(count), 1)).max();
        Left {
            remaining: Standing::by(counts, debt).remaining,
            wait: wait.map_or(Duration::ZERO, |wait| wait.from(moment.monotonic)),
        }
    }
}

impl<S: Store> fmt::Debug for LimitHandle<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LimitHandle").field(&self.rule.now()).finish()
    }
}
