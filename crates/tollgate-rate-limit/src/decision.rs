use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use smallvec::SmallVec;
use tollgate_core::refusal::Member;
use tollgate_core::{Refusal, RefusalKind};

use crate::rule::{Standing, Subject};
use crate::{Limit, Limiter};

/// What a [`Limiter`] says to a request.
#[derive(Debug)]
#[non_exhaustive]
pub enum Decision<'a> {
    /// It may pass, and was charged to every limit that applies.
    #[non_exhaustive]
    Pass {
        /// The monitored limits that are used up: to these it was not charged.
        monitored: Violated<'a>,
        /// What it was charged, for [`Limiter::settle`].
        ticket: Ticket,
    },
    /// It may not, and was charged to none.
    #[non_exhaustive]
    Refuse {
        /// The enforced limits that are used up: at least one.
        violated: Violated<'a>,
        /// How long until all of them would let a request pass, if none is made meanwhile: the longest of their
        /// waits, exact to the nanosecond, above zero.
        wait: Duration,
        /// How the client stands with each limit that applies.
        ticket: Ticket,
    },
}

/// What a request was charged and to which limits; made by [`Limiter::check`].
///
/// It cannot be cloned, so that what was charged once is given back once. It is for the limiter that made it: another
/// one counts under the same places, if it has them, and does nothing where it has not.
#[derive(Debug, Default)]
#[must_use = "a ticket that is dropped stays charged"]
pub struct Ticket {
    pub(crate) asked: SmallVec<[Asked; 4]>,
}

/// One limit that applies to a request, and what it says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) subject: Subject,
    pub(crate) verdict: Verdict,
    pub(crate) cost: u32,
    /// Which of the limiter's rules.
    pub(crate) rule: u8,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    /// It would pass, and was not charged: not yet, or because another limit refuses.
    Fits,
    /// It was charged.
    Charged(Standing),
    /// It is used up.
    Violated,
}

impl Decision<'_> {
    /// Whether the request may pass.
    #[must_use]
    pub fn is_pass(&self) -> bool {
        matches!(self, Self::Pass { .. })
    }

    /// What it was charged, for [`Limiter::settle`]: nothing, when it may not pass.
    pub fn into_ticket(self) -> Ticket {
        match self {
            Self::Pass { ticket, .. } | Self::Refuse { ticket, .. } => ticket,
        }
    }

    /// What to answer; `None` when it may pass.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let Self::Refuse { violated, wait, .. } = self else {
            return None;
        };
        let mut detail = String::with_capacity(96);
        for limit in violated.limits() {
            // Writing to a string cannot fail.
            let _ = write!(detail, "limit {} ({}) is used up; ", limit.name(), limit.quota());
        }
        let names = violated.names().map(str::to_owned).collect();
        let refusal = Refusal::new(RefusalKind::RateLimited, "").with_retry_after(*wait);
        let seconds = refusal.retry_after_seconds().unwrap_or(1);
        let _ = write!(detail, "ask again in {seconds} s");
        Some(
            Refusal::new(RefusalKind::RateLimited, detail)
                .with_retry_after(*wait)
                .with_member("violated-policies", Member::Texts(names)),
        )
    }
}

/// The limits of a limiter that a request would violate.
#[derive(Clone, Copy)]
pub struct Violated<'a> {
    limiter: &'a Limiter,
    set: LimitSet,
}

impl<'a> Violated<'a> {
    pub(crate) fn new(limiter: &'a Limiter, set: LimitSet) -> Self {
        Self { limiter, set }
    }

    /// The limits, in the order they were given in.
    pub fn limits(&self) -> impl Iterator<Item = &'a Limit> + use<'a> {
        let set = self.set;
        let with_index = self.limiter.limits().enumerate();
        with_index.filter_map(move |(index, limit)| set.contains(index).then_some(limit))
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.limits().map(Limit::name)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }
}

impl fmt::Debug for Violated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// Some of a limiter's limits, by index. One integer, so that a decision allocates nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LimitSet(u64);

impl LimitSet {
    /// How many limits a limiter can have.
    pub(crate) const CAPACITY: usize = u64::BITS as usize;

    pub(crate) fn insert(&mut self, index: u8) {
        self.0 |= 1 << index;
    }

    pub(crate) fn contains(self, index: usize) -> bool {
        self.0 & (1 << index) != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}
