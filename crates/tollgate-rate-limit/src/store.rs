//! Where debts are kept: what a store is asked, and what it answers.
//!
//! A [`Limiter`](crate::Limiter) works out who asks, of which limits and at what cost, and a [`Store`] keeps who owes
//! what. [`Memory`] is the one this crate has: it answers at once. A store that asks elsewhere answers [`Step::Later`],
//! and the request waits for it.

mod group;
#[cfg(feature = "store-suite")]
pub mod suite;

use std::fmt;
use std::future::Future;

use smallvec::SmallVec;

use crate::Key;
use crate::table::Charged;

pub use self::group::Grouping;
pub use crate::gcra::{Debt, Gcra, Tick, Wait};
pub use crate::memory::Memory;

/// Keeps what every key owes.
///
/// Whatever a store is made of has to pass `suite::run` (with the feature `store-suite`).
pub trait Store: Send + Sync + 'static {
    /// What answers when the store has to ask elsewhere: the counts, each with its verdict.
    type Later: Future<Output = Counts> + Send + 'static;

    /// Charges a request to all its counts or to none, and says of each what became of it ([`Count::verdict`]).
    ///
    /// When all enforced counts have room, each is charged. When one has not, none is, and all that have no room are
    /// [`Verdict::Violated`]. Counts that are not enforced never stand in the way of others: those of one limit are
    /// charged if all of them have room.
    ///
    /// `Step::Now`: the verdicts are in `counts`. Who answers `Step::Later` may take them out of it.
    fn take(&self, counts: &mut Counts, now: Tick) -> Step<Self::Later>;

    /// Takes back so much of what is owed; never more than that. Does not wait.
    fn give_back(&self, count: &Count, debt: Debt, now: Tick);

    /// Charges `cost` to a count, whatever is left of its quota, until `most` is owed. Does not wait. What is owed then,
    /// as far as is known here.
    fn charge(&self, count: &Count, cost: u32, most: Debt, now: Tick) -> Debt;

    /// What is owed, as far as is known here, without charging anything.
    fn debt(&self, count: &Count, now: Tick) -> Debt;

    /// Nothing is owed any more.
    fn forget(&self, count: &Count, now: Tick);

    /// A limit's quota is another from now on, on one of its levels: whoever owed `debt` by the old one now owes
    /// `convert(debt)`.
    fn convert(&self, limit: usize, level: usize, convert: &dyn Fn(Debt) -> Debt, now: Tick);

    /// What of all this is in memory here, for [`Limiter::snapshot`](crate::Limiter::snapshot): nothing, if not said.
    fn memory(&self) -> Option<&Memory> {
        None
    }
}

/// A store's answer.
#[derive(Debug)]
pub enum Step<L> {
    /// It is there.
    Now,
    /// It will be.
    Later(L),
}

/// One of the counts that a request is held against: a limit, on one prefix length of the client's address, or by the
/// limit's own key.
#[derive(Clone, Copy)]
pub struct Count {
    /// In halves: an integer of 128 bits would leave a gap.
    key: [u64; 2],
    pub(crate) gcra: Gcra,
    pub(crate) verdict: Verdict,
    pub(crate) cost: u32,
    limit: u8,
    level: u8,
    pub(crate) is_enforced: bool,
    pub(crate) evicted_live: bool,
}

/// The counts of a request: those of one limit next to each other, the client itself before its wider prefixes.
pub type Counts = SmallVec<[Count; 6]>;

/// What a store says of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is room for the request. It was not charged, or not yet, because another count has none; this is what is
    /// owed without it.
    Fits(Debt),
    /// It was charged, and this is what is owed now.
    Charged(Debt),
    /// There is no room for it before this wait is over.
    Violated(Wait),
}

impl Count {
    #[inline]
    pub(crate) fn new(limit: u8, level: u8, key: Key, gcra: Gcra, cost: u32, is_enforced: bool) -> Self {
        let key = [(key.bits() >> 64) as u64, key.bits() as u64];
        Self {
            key,
            gcra,
            verdict: Verdict::Fits(Debt(0)),
            cost,
            limit,
            level,
            is_enforced,
            evicted_live: false,
        }
    }

    /// Which limit: its place among those of its limiter that are not off.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit.into()
    }

    /// Which of the limit's prefix lengths: 0 for the client itself, then the wider ones.
    #[must_use]
    pub fn level(&self) -> usize {
        self.level.into()
    }

    /// Who is counted. Unique together with limit and level.
    #[must_use]
    #[inline]
    pub fn key(&self) -> Key {
        let [high, low] = self.key;
        Key::from_bits(u128::from(high) << 64 | u128::from(low))
    }

    /// The quota.
    #[must_use]
    pub fn gcra(&self) -> &Gcra {
        &self.gcra
    }

    /// The same count by another quota.
    #[must_use]
    pub fn with_gcra(self, gcra: Gcra) -> Self {
        Self { gcra, ..self }
    }

    /// How many requests' worth is charged, at least 1.
    #[must_use]
    pub fn cost(&self) -> u32 {
        self.cost
    }

    /// Whether the request may only pass if this count has room for it.
    #[must_use]
    pub fn is_enforced(&self) -> bool {
        self.is_enforced
    }

    /// What the store says.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Says it.
    pub fn set_verdict(&mut self, verdict: Verdict) {
        self.verdict = verdict;
    }

    /// Notes what came of charging it: whether it was.
    #[inline]
    pub(crate) fn note(&mut self, charged: Result<Charged, Wait>) -> bool {
        match charged {
            Ok(charged) => {
                self.evicted_live = charged.evicted_live;
                self.verdict = Verdict::Charged(charged.debt);
            }
            Err(wait) => self.verdict = Verdict::Violated(wait),
        }
        charged.is_ok()
    }

    /// What is owed now, as the verdict has it.
    #[inline]
    pub(crate) fn debt(&self) -> Debt {
        match self.verdict {
            Verdict::Fits(debt) | Verdict::Charged(debt) => debt,
            Verdict::Violated(wait) => self.gcra.debt_behind(wait, self.cost),
        }
    }

    #[inline]
    pub(crate) fn is_violated(&self) -> bool {
        matches!(self.verdict, Verdict::Violated(_))
    }
}

/// Without the key: of an address it is the address.
impl fmt::Debug for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Count")
            .field("limit", &self.limit)
            .field("level", &self.level)
            .field("cost", &self.cost)
            .field("verdict", &self.verdict)
            .finish_non_exhaustive()
    }
}

/// Of the counts that stand in the way, the longest wait.
#[inline]
pub(crate) fn refusal(counts: &[Count]) -> Option<Wait> {
    let waits = counts.iter().filter(|count| count.is_enforced).filter_map(|count| match count.verdict {
        Verdict::Violated(wait) => Some(wait),
        _ => None,
    });
    waits.max()
}

/// The counts of each limit.
pub(crate) fn by_limit(counts: &[Count]) -> impl Iterator<Item = &[Count]> {
    counts.chunk_by(|one, next| one.limit == next.limit)
}
