#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Pending;

use smallvec::SmallVec;

use crate::gcra::{Debt, Tick, Wait};
use crate::store::{Count, Counts, Step, Store, Verdict};
use crate::table::{Found, Table};

/// The store of one process, of a size that never changes: a table for each limit and each of its prefix lengths, so
/// that a limit's entries compete only with their like.
pub struct Memory {
    /// By limit and level.
    tables: Box<[Box<[Table]>]>,
}

/// The wait for a count that has no table here, which is the store of other limits: nothing passes.
const NOT_HERE: Wait = Wait(1);

impl Memory {
    /// `bytes` of memory for limits of so many levels each, split evenly; of a limit's memory half is for the clients
    /// themselves and half for all their wider prefixes.
    pub(crate) fn new(bytes: usize, levels: &[usize]) -> Self {
        let of_each = bytes / levels.len().max(1);
        let tables = levels.iter().map(|levels| {
            let wider = levels.saturating_sub(1);
            let of_wider = (of_each / 2).checked_div(wider).unwrap_or(0);
            let of_hosts = of_each - wider * of_wider;
            let bytes = std::iter::once(of_hosts).chain(std::iter::repeat_n(of_wider, wider));
            bytes.map(Table::new).collect()
        });
        Self { tables: tables.collect() }
    }

    /// As large, with nobody in it.
    #[must_use]
    pub fn emptied(&self) -> Self {
        let emptied = |levels: &[Table]| levels.iter().map(|table| Table::new(table.bytes())).collect();
        Self { tables: self.tables.iter().map(|levels| emptied(levels)).collect() }
    }

    /// What all tables take, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.tables.iter().flatten().map(Table::bytes).sum()
    }

    /// Somebody is known to owe so much now, more or less than was known here.
    pub fn learn(&self, count: &Count, debt: Debt, now: Tick) {
        if let Some(table) = self.table(count) {
            table.set(count.key(), now, |_| now.after(debt.0));
        }
    }

    /// Somebody is known to owe at least so much now.
    pub fn learn_least(&self, count: &Count, debt: Debt, now: Tick) {
        if let Some(table) = self.table(count) {
            table.set(count.key(), now, |tat| now.after(tat.map_or(0, |tat| tat.ahead_of(now)).max(debt.0)));
        }
    }

    /// What every client that is counted by a limit owes.
    pub(crate) fn debts(&self, limit: usize, now: Tick) -> impl Iterator<Item = Debt> {
        self.tables
            .get(limit)
            .and_then(|levels| levels.first())
            .into_iter()
            .flat_map(move |table| table.debts(now))
    }

    /// None for a count of another limiter.
    #[inline]
    fn table(&self, count: &Count) -> Option<&Table> {
        self.tables.get(count.limit())?.get(count.level())
    }

    /// Whether it was charged.
    #[inline]
    fn take_one(&self, count: &mut Count, now: Tick) -> bool {
        let Some(table) = self.table(count) else { return count.note(Err(NOT_HERE)) };
        count.note(table.charge(count.key(), count.cost, now, &count.gcra))
    }

    /// The same by what was found, if that has not changed since.
    #[inline]
    fn take_found(&self, count: &mut Count, found: &Found<'_>, now: Tick) -> bool {
        match found.charge(now) {
            Some(charged) => count.note(Ok(charged)),
            None => self.take_one(count, now),
        }
    }

    /// Looks at all of them, charging nothing: whether one stands in the way.
    #[cold]
    fn look_again(&self, counts: &mut [Count], now: Tick) {
        for count in counts {
            let Some(table) = self.table(count) else { continue };
            let peeked = table.peek(count.key(), count.cost, now, &count.gcra);
            count.verdict = peeked.map_or_else(Verdict::Violated, Verdict::Fits);
        }
    }

    /// Finds all of them: first of all, so that the processor fetches their lines at the same time.
    #[inline]
    fn find<'a>(&'a self, counts: &[Count], now: Tick, found: &mut SmallVec<[Found<'a>; 6]>) {
        for count in counts {
            if let Some(table) = self.table(count) {
                found.push(table.look_up(count.key(), now));
            }
        }
    }

    /// Decides about all, charging nothing: whether one stands in the way.
    #[inline]
    fn decide(counts: &mut [Count], found: &mut [Found<'_>], now: Tick) -> bool {
        let mut is_refused = false;
        for (count, found) in counts.iter_mut().zip(found) {
            let decided = found.decide(count.cost, now, &count.gcra);
            count.verdict = decided.map_or_else(Verdict::Violated, Verdict::Fits);
            is_refused |= count.is_enforced && count.is_violated();
        }
        is_refused
    }

    /// Charges all that fitted when they were found.
    #[inline]
    fn charge_fitting(&self, counts: &mut [Count], found: &[Found<'_>], now: Tick) {
        if let Err(failed) = self.take_all(counts, found, true, now) {
            // The others may be used up as well by now, and are to be named too.
            let verdict = counts[failed].verdict;
            self.look_again(counts, now);
            counts[failed].verdict = verdict;
            return;
        }
        // After all enforced ones, so that none of these is ever taken back for another limit.
        let mut first = 0;
        for counts in counts.chunk_by_mut(|one, next| one.limit() == next.limit()) {
            let found = &found[first..];
            first += counts.len();
            if counts.iter().all(|count| !count.is_enforced && !count.is_violated()) {
                // Its verdict says so.
                let _ = self.take_all(counts, found, false, now);
            }
        }
    }

    /// Charges all that are `enforced` or not, which fit when they were looked at. Another request may have been faster
    /// since: then takes back what it charged, and says which is the trouble.
    #[inline]
    fn take_all(
        &self,
        counts: &mut [Count],
        found: &[Found<'_>],
        enforced: bool,
        now: Tick,
    ) -> Result<(), usize> {
        for index in 0..counts.len() {
            let count = &mut counts[index];
            if count.is_enforced != enforced || self.take_found(count, &found[index], now) {
                continue;
            }
            for count in &mut counts[..index] {
                if matches!(count.verdict, Verdict::Charged(_)) {
                    self.give_back(count, count.gcra.charge(count.cost), now);
                    count.verdict = Verdict::Fits(self.debt(count, now));
                }
            }
            return Err(index);
        }
        Ok(())
    }
}

impl Store for Memory {
    type Later = Pending<Counts>;

    #[inline]
    fn take(&self, counts: &mut Counts, now: Tick) -> Step<Self::Later> {
        // One by itself is charged at once: there is nothing that could have to be taken back.
        if let [only] = counts.as_mut_slice() {
            self.take_one(only, now);
            return Step::Now;
        }
        let mut found = SmallVec::new();
        self.find(counts, now, &mut found);
        if found.len() < counts.len() {
            counts.iter_mut().for_each(|count| count.set_verdict(Verdict::Violated(NOT_HERE)));
        } else if !Self::decide(counts, &mut found, now) {
            self.charge_fitting(counts, &found, now);
        }
        Step::Now
    }

    fn give_back(&self, count: &Count, debt: Debt, now: Tick) {
        if let Some(table) = self.table(count) {
            table.refund(count.key(), debt, now);
        }
    }

    fn charge(&self, count: &Count, cost: u32, most: Debt, now: Tick) -> Debt {
        let table = self.table(count);
        table.map_or(Debt(0), |table| table.surcharge(count.key(), cost, most, now, &count.gcra).debt)
    }

    fn debt(&self, count: &Count, now: Tick) -> Debt {
        self.table(count).map_or(Debt(0), |table| table.debt(count.key(), now))
    }

    fn forget(&self, count: &Count, now: Tick) {
        if let Some(table) = self.table(count) {
            table.forget(count.key(), now);
        }
    }

    fn convert(&self, limit: usize, level: usize, convert: &dyn Fn(Debt) -> Debt, now: Tick) {
        if let Some(table) = self.tables.get(limit).and_then(|levels| levels.get(level)) {
            table.convert(now, convert);
        }
    }

    fn memory(&self) -> Option<&Memory> {
        Some(self)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}
