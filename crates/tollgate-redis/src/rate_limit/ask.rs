//! What the server is asked, and what its answers come to.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use smallvec::SmallVec;
use tokio::sync::oneshot;
use tollgate_rate_limit::store::{Count, Counts, Debt, Store as _, Tick, Verdict, Wait};

use super::change::Adjustment;
use super::leases::Ask;
use super::pending::Change;
use super::question::{Question, Said};
use super::store::{Inner, Low, Paid, is_charged};
use super::together::Together;
use crate::{Asking, Fault, metrics};

/// A request that waits for the server.
pub(crate) struct Asked {
    inner: Arc<Inner>,
    counts: Counts,
    paid: Paid,
    /// What would be leased of each count.
    leases: SmallVec<[Option<Ask>; 6]>,
    /// How often counts had been changed by hand.
    by_hand: u64,
}

/// Some of a request's counts, which live together on the server.
struct Part {
    /// Which counts these are, and whether they are enforced.
    places: SmallVec<[(usize, bool); 6]>,
    adjustments: SmallVec<[Adjustment; 1]>,
    question: Question,
}

#[derive(Default)]
struct Answers {
    said: SmallVec<[(usize, Said); 6]>,
    merged: SmallVec<[(Count, Debt); 1]>,
    /// How many were charged before another part refused.
    charged: usize,
}

impl Asked {
    pub(crate) fn new(inner: Arc<Inner>, counts: Counts, paid: Paid) -> Self {
        Self { by_hand: inner.by_hand(), inner, counts, paid, leases: SmallVec::new() }
    }

    /// Sends what is decided, in time; and takes in what the server says, even if it is late.
    pub(crate) async fn answer(mut self, decided: oneshot::Sender<Counts>) {
        let inner = Arc::clone(&self.inner);
        let sent = inner.now();
        if let Some(leases) = &inner.leases {
            for (count, paid) in self.counts.iter().zip(&self.paid) {
                self.leases.push(if paid.is_none() { leases.ask(count, sent) } else { None });
            }
        }
        let mut changes: SmallVec<[Change; 1]> = SmallVec::new();
        let parts = self.parts(&mut changes, sent);
        let told = AtomicUsize::new(0);
        let ask = |asking| ask(&inner.together, asking, parts, &told);
        let (mut decided, mut alone) = (Some(decided), None);
        let late = || alone = Some(self.decide_alone(&mut decided));
        let answers = inner.connection.run_on(ask, late).await;
        let in_doubt = answers.as_ref().is_err_and(Fault::is_doubtful);
        // Where there is an answer, those of parts that were not asked.
        changes
            .into_iter()
            .skip(told.into_inner())
            .for_each(|change| inner.pending.put_back(change, in_doubt));
        match (answers, alone) {
            (Ok(answers), None) => {
                metrics::decided("redis");
                self.take_in(&answers, sent, false);
                inner.conclude(&mut self.counts, &mut self.paid, inner.now());
                send(&mut decided, self.counts);
            }
            (Ok(answers), Some(alone)) => {
                self.take_in(&answers, sent, true);
                self.settle(&alone);
            }
            (Err(_), alone) => {
                self.end_leases(Some((0, Debt::default())), sent);
                let alone = alone.unwrap_or_else(|| self.decide_alone(&mut decided));
                inner.owe(&alone, &self.paid, inner.now());
            }
        }
    }

    /// Decides without the server, and sends that.
    fn decide_alone(&self, decided: &mut Option<oneshot::Sender<Counts>>) -> Counts {
        let (mut counts, mut paid) = (self.counts.clone(), self.paid.clone());
        let now = self.inner.now();
        self.inner.fall_back(&mut counts, &paid, now);
        self.inner.conclude(&mut counts, &mut paid, now);
        send(decided, counts.clone());
        counts
    }

    /// The server has decided what was already decided without it: where that differs, it is told.
    fn settle(&self, alone: &Counts) {
        let (inner, now) = (&self.inner, self.inner.now());
        for (index, count) in self.unpaid() {
            match (alone.get(index).is_some_and(is_charged), is_charged(count)) {
                (true, true) => inner.share(count, now),
                (true, false) => inner.owe_for(count, now),
                // Where leases may be held, what the server has charged is never given back.
                (false, true) if inner.leases.as_ref().is_some_and(|leases| leases.can_lease(count)) => {}
                (false, true) => inner.take_back(count, now),
                (false, false) => {}
            }
        }
    }

    fn unpaid(&self) -> impl Iterator<Item = (usize, &Count)> {
        let unpaid = self.counts.iter().zip(&self.paid).enumerate();
        unpaid.filter(|(_, (_, paid))| paid.is_none()).map(|(index, (count, _))| (index, count))
    }

    fn parts(&self, changes: &mut SmallVec<[Change; 1]>, sent: Tick) -> SmallVec<[Part; 1]> {
        let inner = &self.inner;
        let mut groups: SmallVec<[SmallVec<[usize; 6]>; 1]> = SmallVec::new();
        if inner.connection.is_cluster() {
            let mut keys: SmallVec<[_; 2]> = SmallVec::new();
            for (index, count) in self.unpaid() {
                let key = inner.names.group(count);
                match keys.iter().position(|known| *known == key).and_then(|place| groups.get_mut(place)) {
                    Some(group) => group.push(index),
                    None => {
                        keys.push(key);
                        groups.push(SmallVec::from_slice(&[index]));
                    }
                }
            }
        } else {
            groups.push(self.unpaid().map(|(index, _)| index).collect());
        }
        groups.into_iter().map(|places| self.part(places, changes, sent)).collect()
    }

    fn part(&self, places: SmallVec<[usize; 6]>, changes: &mut SmallVec<[Change; 1]>, sent: Tick) -> Part {
        let inner = &self.inner;
        let counts = || places.iter().filter_map(|place| self.counts.get(*place));
        let leases = || places.iter().map(|place| self.leases.get(*place).copied().flatten());
        let parts = match &inner.leases {
            Some(all) if leases().any(|ask| ask.is_some()) => all.parts_of_rest(),
            _ => 0,
        };
        let enforced = places.iter().map(|place| self.counts.get(*place).is_some_and(Count::is_enforced));
        let enforced = places.iter().copied().zip(enforced).collect();
        let mut adjustments = SmallVec::new();
        let mut question = Question::new(inner.names.of(counts()), parts);
        for (index, count) in counts().enumerate() {
            let change = inner.pending.take(count, inner.nodes, sent);
            // What is known is told with the change.
            let known = match &change {
                Some(_) => 0,
                None => inner.certain(inner.known.debt(count, sent).ticks()),
            };
            question.charge(count, count.gcra().charge(count.cost()).ticks(), known);
            if let (Some(change), Some(name)) = (change, question.name(index)) {
                adjustments.push(Adjustment::of(&change, name, inner, sent));
                changes.push(change);
            }
        }
        if parts > 0 {
            counts()
                .zip(leases())
                .for_each(|(count, ask)| question.lease(count, ask.map_or(0, |ask| ask.ticks)));
        }
        Part { places: enforced, adjustments, question }
    }

    /// From a late answer is learned what is owed at the least, if nothing was changed by hand since.
    fn take_in(&mut self, answers: &Answers, sent: Tick, is_late: bool) {
        let inner = Arc::clone(&self.inner);
        let is_outdated = is_late && inner.by_hand() != self.by_hand;
        for (count, debt) in &answers.merged {
            inner.merged(count, *debt, sent, is_late);
        }
        let mut over: SmallVec<[(usize, bool); 6]> = SmallVec::new();
        for (place, said) in &answers.said {
            if let Some(count) = self.counts.get(*place).filter(|_| said.owed < 0) {
                over.push((count.limit(), count.is_enforced()));
            }
        }
        let refused = over.iter().any(|(_, is_enforced)| *is_enforced);
        for (place, said) in &answers.said {
            let Some(count) = self.counts.get_mut(*place) else { continue };
            let merged = answers.merged.iter().any(|(other, _)| is_same(other, count));
            let fits = |owed: u64, count: &Count| {
                let passes = !refused && (count.is_enforced() || !over.contains(&(count.limit(), false)));
                let debt = Debt::of_ticks(owed);
                if passes { Verdict::Charged(debt) } else { Verdict::Fits(debt) }
            };
            let (verdict, owed) = match u64::try_from(said.owed) {
                Ok(owed) => {
                    let leased = u64::try_from(said.leased).unwrap_or(0);
                    (fits(owed.saturating_sub(leased), count), owed)
                }
                Err(_) => {
                    let wait = Wait::of_ticks(said.owed.unsigned_abs());
                    if count.is_enforced() && !is_outdated {
                        inner.remember(count, wait.ticks(), sent);
                    }
                    (Verdict::Violated(wait), count.gcra().debt_behind(wait, count.cost()).ticks())
                }
            };
            let owed = Debt::of_ticks(owed);
            count.set_verdict(verdict);
            if let Some(leases) = inner.leases.as_ref()
                && let Some(ask) = self.leases.get_mut(*place).and_then(Option::take)
            {
                let mut leased = u64::try_from(said.leased).unwrap_or(0);
                if is_late {
                    leased = inner.leased_late(count, leased, inner.now());
                }
                leases.answered(count, &ask, Some((leased, owed)), sent);
            }
            if !is_late && (said.leased < 0 || merged) {
                inner.known.learn(count, owed, sent);
            } else if !is_outdated {
                inner.known.learn_least(count, owed, sent);
            }
        }
        if refused {
            self.give_back_parts(answers, &over, sent);
        }
        self.end_leases(None, sent);
    }

    /// In a Cluster, parts are asked one after the other: what those before were charged is given back when a later one
    /// refuses, and those behind it are not asked.
    fn give_back_parts(&mut self, answers: &Answers, over: &[(usize, bool)], sent: Tick) {
        let inner = &self.inner;
        for (place, _) in answers.said.iter().take(answers.charged) {
            let Some(count) = self.counts.get(*place) else { continue };
            if !over.contains(&(count.limit(), false)) {
                inner.take_back(count, sent);
            }
        }
        let is_asked = |place| answers.said.iter().any(|(asked, _)| *asked == place);
        for (place, (count, paid)) in self.counts.iter_mut().zip(&self.paid).enumerate() {
            if paid.is_none() && !is_asked(place) {
                let debt = inner.known.debt(count, sent);
                let wait = count.gcra().wait(debt, count.cost());
                count.set_verdict(wait.map_or(Verdict::Fits(debt), Verdict::Violated));
            }
        }
    }

    /// What nothing was said about is not asked for any more. Where it may have been leased all the same, the next lease
    /// is a small one.
    fn end_leases(&mut self, leased: Option<(u64, Debt)>, sent: Tick) {
        if let Some(leases) = &self.inner.leases {
            for (count, ask) in self.counts.iter().zip(&self.leases) {
                if let Some(ask) = ask {
                    leases.answered(count, ask, leased, sent);
                }
            }
        }
        self.leases.clear();
    }
}

/// Nobody may be there any more.
fn send(decided: &mut Option<oneshot::Sender<Counts>>, counts: Counts) {
    if let Some(decided) = decided.take() {
        let _ = decided.send(counts);
    }
}

fn is_same(one: &Count, other: &Count) -> bool {
    (one.limit(), one.level(), one.key()) == (other.limit(), other.level(), other.key())
}

/// Asks about each part, until one refuses. How many adjustments were told is known whatever comes of it.
async fn ask(
    together: &Arc<Together>,
    asking: Asking,
    parts: SmallVec<[Part; 1]>,
    told: &AtomicUsize,
) -> Result<Answers, Fault> {
    let mut answers = Answers::default();
    for part in parts {
        let said = if part.adjustments.is_empty() {
            together.ask(&asking, part.question).await?
        } else {
            let (said, adjusted) = part.question.ask_behind(&part.adjustments, &asking).await?;
            told.fetch_add(adjusted.len(), Relaxed);
            answers.merged.extend(part.adjustments.iter().map(|adjustment| adjustment.count).zip(adjusted));
            said
        };
        let before = answers.said.len();
        let refuses =
            part.places.iter().zip(&said).any(|((_, is_enforced), said)| *is_enforced && said.owed < 0);
        answers.said.extend(part.places.into_iter().map(|(place, _)| place).zip(said));
        if refuses {
            answers.charged = before;
            break;
        }
    }
    Ok(answers)
}

/// Leases so much of these counts, charging nothing else.
pub(crate) async fn lease(inner: Arc<Inner>, counts: Low) {
    let Some(leases) = &inner.leases else { return };
    for (count, more) in counts {
        let (sent, by_hand) = (inner.now(), inner.by_hand());
        let names = inner.names.of(std::iter::once(&count));
        let mut question = Question::new(names, leases.parts_of_rest());
        let known = inner.certain(inner.known.debt(&count, sent).ticks());
        question.charge(&count, 0, known);
        question.lease(&count, more.ticks);
        let together = &inner.together;
        let ask = |asking: Asking| async move {
            together.ask(&asking, question).await?.first().copied().ok_or(Fault::Garbage)
        };
        let mut is_late = false;
        let leased = match inner.connection.run_on(ask, || is_late = true).await {
            Ok(Said { owed, leased }) => match (u64::try_from(owed), u64::try_from(leased)) {
                (Ok(owed), Ok(leased)) => {
                    let owed = Debt::of_ticks(owed);
                    let leased =
                        if is_late { inner.leased_late(&count, leased, inner.now()) } else { leased };
                    if !is_late || inner.by_hand() == by_hand {
                        inner.known.learn_least(&count, owed, sent);
                    }
                    Some((leased, owed))
                }
                // Used up, or lowered lately.
                _ => Some((0, Debt::default())),
            },
            // It may have been leased all the same: the next one is smaller.
            Err(_) => Some((0, Debt::default())),
        };
        leases.answered(&count, &more, leased, sent);
    }
}
