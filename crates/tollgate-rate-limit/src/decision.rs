use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tollgate_core::refusal::{self, Member};
use tollgate_core::{Refusal, RefusalKind};

use crate::Limiter;
use crate::rule::Rule;
use crate::store::{Count, Counts, Memory, Store, Tick};

/// What a [`Limiter`] says to a request.
#[must_use = "a decision that is not looked at limits nothing"]
pub struct Decision<'a, S: Store = Memory> {
    limiter: &'a Limiter<S>,
    outcome: Outcome,
    ticket: Ticket,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Pass,
    /// A limit is used up, for so long.
    Limited(Duration),
    /// The client is banned, for so long.
    Banned(Duration),
    /// The client is on the list of those denied.
    Denied,
}

/// What a request was charged and to which limits; made by [`Limiter::check`].
///
/// It cannot be cloned, so that what was charged once is given back once. It is for the limiter that made it.
#[derive(Debug, Default)]
#[must_use = "a ticket that is dropped stays charged"]
pub struct Ticket {
    pub(crate) counts: Counts,
    /// When it was charged.
    pub(crate) at: Tick,
}

impl<'a, S: Store> Decision<'a, S> {
    #[inline]
    pub(crate) fn new(limiter: &'a Limiter<S>) -> Self {
        Self { limiter, outcome: Outcome::Pass, ticket: Ticket::default() }
    }

    #[inline]
    pub(crate) fn parts(&mut self) -> (&mut Outcome, &mut Ticket) {
        (&mut self.outcome, &mut self.ticket)
    }

    /// Whether the request may pass. If so, it was charged to every limit that applies; if not, to none.
    #[must_use]
    #[inline]
    pub fn is_pass(&self) -> bool {
        self.outcome == Outcome::Pass
    }

    /// How long until the request would pass, if none is made meanwhile: the longest wait of all limits that are used
    /// up, or the rest of a ban, exact to the nanosecond. `None` when it may pass, or will never.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.outcome.wait()
    }

    /// The names of the enforced limits that are used up, in the order the limits were given in: none when it may pass.
    pub fn violated(&self) -> impl Iterator<Item = &'a str> {
        self.limiter.violated(&self.ticket, true)
    }

    /// The names of the monitored limits that are used up: to these it was not charged.
    pub fn monitored(&self) -> impl Iterator<Item = &'a str> {
        self.limiter.violated(&self.ticket, false)
    }

    /// What to answer; `None` when it may pass.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        self.limiter.refusal(self.outcome, &self.ticket)
    }

    /// What it was charged, for [`Limiter::settle`]: nothing, when it may not pass.
    pub fn into_ticket(self) -> Ticket {
        self.ticket
    }
}

impl Outcome {
    pub(crate) fn wait(self) -> Option<Duration> {
        match self {
            Self::Limited(wait) | Self::Banned(wait) => Some(wait),
            Self::Pass | Self::Denied => None,
        }
    }
}

impl<S: Store> Limiter<S> {
    /// The names of the limits in which a request found no room: of those that stand in its way, or of the others.
    pub(crate) fn violated(
        &self,
        ticket: &Ticket,
        is_enforced: bool,
    ) -> impl Iterator<Item = &str> + use<'_, S> {
        self.violated_rules(ticket, is_enforced).map(|rule| rule.limit.name())
    }

    #[inline]
    pub(crate) fn refusal(&self, outcome: Outcome, ticket: &Ticket) -> Option<Refusal> {
        if outcome == Outcome::Pass { None } else { self.refusal_of(outcome, ticket) }
    }

    fn refusal_of(&self, outcome: Outcome, ticket: &Ticket) -> Option<Refusal> {
        match outcome {
            Outcome::Pass => None,
            Outcome::Denied => Some(Refusal::new(
                RefusalKind::ClientDenied,
                "this address is on a list of those that are refused",
            )),
            Outcome::Banned(wait) => {
                let seconds = refusal::whole_seconds(wait);
                let detail = format!("went on asking after refusals, and is refused for {seconds} s more");
                Some(Refusal::new(RefusalKind::ClientBanned, detail).with_retry_after(wait))
            }
            Outcome::Limited(wait) => Some(self.over_limits(wait, ticket)),
        }
    }

    fn over_limits(&self, wait: Duration, ticket: &Ticket) -> Refusal {
        let mut detail = String::new();
        let mut names: Option<Arc<[String]>> = None;
        for rule in self.violated_rules(ticket, true) {
            let terms = rule.terms();
            detail.reserve(terms.used_up.len() + 24);
            detail.push_str(&terms.used_up);
            names = Some(match names {
                None => Arc::clone(&terms.names),
                Some(names) => names.iter().chain(terms.names.iter()).cloned().collect(),
            });
        }
        // Writing to a string cannot fail.
        let _ = write!(detail, "ask again in {} s", refusal::whole_seconds(wait));
        Refusal::new(RefusalKind::RateLimited, detail)
            .with_retry_after(wait)
            .with_member("violated-policies", Member::Texts(names.unwrap_or_default()))
    }

    fn violated_rules(&self, ticket: &Ticket, is_enforced: bool) -> impl Iterator<Item = &Rule> + use<'_, S> {
        let mut violated = LimitSet(0);
        for count in
            ticket.counts.iter().filter(|count| count.is_enforced == is_enforced && count.is_violated())
        {
            violated.insert(count);
        }
        let rules = self.rules.iter().enumerate();
        rules.filter_map(move |(index, rule)| violated.contains(index).then_some(rule))
    }
}

/// Some of a limiter's limits, by index.
#[derive(Clone, Copy, Debug)]
struct LimitSet(u64);

/// How many limits a limiter can have.
pub(crate) const MOST_LIMITS: usize = u64::BITS as usize;

impl LimitSet {
    fn insert(&mut self, count: &Count) {
        self.0 |= 1 << count.limit();
    }

    fn contains(self, index: usize) -> bool {
        self.0 & (1 << index) != 0
    }
}

impl<S: Store> fmt::Debug for Decision<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decision")
            .field("outcome", &self.outcome)
            .field("violated", &self.violated().collect::<Vec<_>>())
            .field("monitored", &self.monitored().collect::<Vec<_>>())
            .finish()
    }
}
