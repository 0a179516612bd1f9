//! What the server is asked, and what its answers come to.

use std::sync::Arc;

use redis::Value;
use smallvec::SmallVec;
use tollgate_rate_limit::store::{Count, Counts, Debt, Store as _, Tick, Verdict, Wait};

use super::pending::Change;
use super::store::{Inner, Low, Paid};
use crate::{Asking, Call, Fault, Script, metrics};

static TAKE: Script = Script::new(include_str!("take.lua"));
static ADJUST: Script = Script::new(include_str!("adjust.lua"));

/// A request that waits for the server. One that is dropped meanwhile stays charged there, and gives back what it was
/// paid here.
pub(crate) struct Asked {
    inner: Arc<Inner>,
    counts: Counts,
    paid: Paid,
    /// What would be leased of each count.
    leases: SmallVec<[u64; 6]>,
    now: Tick,
}

/// One call: some of a request's counts, which live together.
struct Question {
    places: SmallVec<[usize; 6]>,
    changes: SmallVec<[(Count, Call); 1]>,
    take: Call,
}

/// What the server says of a count.
#[derive(Clone, Copy)]
struct Said {
    /// What is owed; below zero, the wait.
    owed: i64,
    leased: i64,
}

#[derive(Default)]
struct Answers {
    said: SmallVec<[(usize, Said); 6]>,
    merged: SmallVec<[(Count, Debt); 1]>,
    /// A group that was asked later has refused what this one let pass: nothing is charged.
    stopped: bool,
}

impl Asked {
    pub(crate) fn new(inner: Arc<Inner>, counts: Counts, paid: Paid, now: Tick) -> Self {
        Self { inner, counts, paid, leases: SmallVec::new(), now }
    }

    pub(crate) async fn answer(mut self) -> Counts {
        let inner = Arc::clone(&self.inner);
        let sent = inner.now();
        self.now = sent;
        if let Some(leases) = &inner.leases {
            for (count, paid) in self.counts.iter().zip(&self.paid) {
                self.leases.push(if paid.is_none() { leases.ask(count, sent) } else { 0 });
            }
        }
        let mut changes: SmallVec<[Change; 1]> = SmallVec::new();
        let questions = self.questions(&mut changes, sent);
        let answers = inner.connection.run(|asking| ask(asking, questions)).await;
        match answers {
            Ok(answers) => {
                metrics::decided("redis");
                self.take_in(&answers, sent);
            }
            Err(_) => {
                changes.into_iter().for_each(|change| inner.pending.put_back(change));
                self.cancel_leases();
                let paid = &self.paid;
                let undecided = |index| paid.get(index).is_none_or(Option::is_none);
                inner.fall_back(&mut self.counts, undecided, inner.now());
            }
        }
        inner.conclude(&mut self.counts, &mut self.paid, inner.now());
        std::mem::take(&mut self.counts)
    }

    fn unpaid(&self) -> impl Iterator<Item = (usize, &Count)> {
        let unpaid = self.counts.iter().zip(&self.paid).enumerate();
        unpaid.filter(|(_, (_, paid))| paid.is_none()).map(|(index, (count, _))| (index, count))
    }

    fn questions(&self, changes: &mut SmallVec<[Change; 1]>, sent: Tick) -> SmallVec<[Question; 1]> {
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
        groups.into_iter().map(|places| self.question(places, changes, sent)).collect()
    }

    fn question(
        &self,
        places: SmallVec<[usize; 6]>,
        changes: &mut SmallVec<[Change; 1]>,
        sent: Tick,
    ) -> Question {
        let inner = &self.inner;
        let counts = || places.iter().filter_map(|place| self.counts.get(*place));
        let names = inner.names.of(counts());
        let mut take = Call::with_capacity(names.len(), 7 * names.len() + 1);
        let mut of_changes: SmallVec<[(Count, Call); 1]> = SmallVec::new();
        for (count, name) in counts().zip(&names) {
            let change = inner.pending.take(count, inner.nodes, sent);
            // What is known is told with the change.
            let known = match change {
                Some(_) => 0,
                None => inner.certain(inner.known.debt(count, sent).ticks()),
            };
            let group = if count.is_enforced() { 0 } else { count.limit() + 1 };
            let gcra = count.gcra();
            let charge = gcra.charge(count.cost()).ticks();
            take.arg(group.to_string()).arg(charge.to_string()).arg(gcra.capacity().ticks().to_string());
            take.arg(known.to_string()).arg(inner.suffix(count));
            if let Some(change) = change {
                of_changes.push((*count, adjust(inner, &change, name, sent)));
                changes.push(change);
            }
        }
        let leases = || places.iter().map(|place| self.leases.get(*place).copied().unwrap_or(0));
        if let Some(all) = inner.leases.as_ref().filter(|_| leases().any(|ticks| ticks > 0)) {
            take.arg(all.parts_of_rest().to_string());
            for (count, ticks) in counts().zip(leases()) {
                take.arg(ticks.to_string()).arg(count.gcra().interval_ticks().to_string());
            }
        }
        for name in names {
            take.key(name);
        }
        Question { places, changes: of_changes, take }
    }

    fn take_in(&mut self, answers: &Answers, sent: Tick) {
        let inner = Arc::clone(&self.inner);
        for (count, debt) in &answers.merged {
            inner.merged(count, *debt, sent);
        }
        let mut over: SmallVec<[(usize, bool); 6]> = SmallVec::new();
        for (place, said) in &answers.said {
            if let Some(count) = self.counts.get(*place).filter(|_| said.owed < 0) {
                over.push((count.limit(), count.is_enforced()));
            }
        }
        let refused = answers.stopped || over.iter().any(|(_, is_enforced)| *is_enforced);
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
                    if count.is_enforced() {
                        inner.remember(count, wait.ticks(), sent);
                    }
                    (Verdict::Violated(wait), count.gcra().debt_behind(wait, count.cost()).ticks())
                }
            };
            let owed = Debt::of_ticks(owed);
            if said.leased < 0 || merged {
                inner.known.learn(count, owed, sent);
            } else {
                inner.known.learn_least(count, owed, sent);
            }
            count.set_verdict(verdict);
            if let Some(leases) = inner.leases.as_ref()
                && self.leases.get(*place).is_some_and(|ticks| *ticks > 0)
            {
                let leased = u64::try_from(said.leased).unwrap_or(0);
                leases.answered(count, Some((leased, owed)), sent);
            }
        }
        self.give_back_groups(answers, refused, sent);
        self.cancel_leases();
    }

    /// In a Cluster, groups are asked one after the other: what those before were charged is given back when a later one
    /// refuses.
    fn give_back_groups(&mut self, answers: &Answers, refused: bool, sent: Tick) {
        if !answers.stopped || !refused {
            return;
        }
        for (place, said) in &answers.said {
            if let Some(count) = self.counts.get(*place).filter(|_| said.owed >= 0) {
                let base = sent.after(self.inner.known.debt(count, sent).ticks());
                let charge = count.gcra().charge(count.cost()).ticks();
                self.inner.pending.give_back(count, charge, base, sent);
            }
        }
    }

    /// What nothing was said about is not asked for any more.
    fn cancel_leases(&mut self) {
        if let Some(leases) = &self.inner.leases {
            for (count, _) in self.counts.iter().zip(&self.leases).filter(|(_, ticks)| **ticks > 0) {
                leases.answered(count, None, self.now);
            }
        }
        self.leases.clear();
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.cancel_leases();
        if let Some(leases) = &self.inner.leases {
            for (count, until) in self.counts.iter().zip(&self.paid) {
                if let Some(until) = until {
                    leases.unspend(count, *until);
                }
            }
        }
    }
}

fn is_same(one: &Count, other: &Count) -> bool {
    (one.limit(), one.level(), one.key()) == (other.limit(), other.level(), other.key())
}

async fn ask(asking: Asking, questions: SmallVec<[Question; 1]>) -> Result<Answers, Fault> {
    let mut answers = Answers::default();
    let groups = questions.len();
    for (asked, question) in questions.into_iter().enumerate() {
        for (count, change) in &question.changes {
            let debt = read_debt(&asking.call(&ADJUST, change).await?)?;
            answers.merged.push((*count, debt));
        }
        let said = read(&asking.call(&TAKE, &question.take).await?, question.places.len())?;
        let first = answers.said.len();
        answers.said.extend(question.places.iter().copied().zip(said));
        let refused = answers.said.iter().skip(first).any(|(_, said)| said.owed < 0);
        if groups > 1 && refused && asked > 0 {
            answers.stopped = true;
        }
    }
    Ok(answers)
}

/// The answer of `take` about so many counts.
fn read(value: &Value, counts: usize) -> Result<SmallVec<[Said; 6]>, Fault> {
    let Value::Array(numbers) = value else { return Err(Fault::Garbage) };
    if numbers.len() != counts && numbers.len() != 2 * counts {
        return Err(Fault::Garbage);
    }
    let most = Debt::of_ticks(u64::MAX).ticks() * 2;
    let number = |value: &Value| match value {
        Value::Int(number) if number.unsigned_abs() <= most => Ok(*number),
        _ => Err(Fault::Garbage),
    };
    let said = numbers.iter().take(counts).enumerate().map(|(place, owed)| {
        let leased = numbers.get(counts + place).map_or(Ok(0), number)?;
        Ok(Said { owed: number(owed)?, leased })
    });
    said.collect()
}

fn read_debt(value: &Value) -> Result<Debt, Fault> {
    match value {
        Value::Int(debt) => u64::try_from(*debt).map(Debt::of_ticks).map_err(|_| Fault::Garbage),
        _ => Err(Fault::Garbage),
    }
}

fn adjust(inner: &Inner, change: &Change, name: &str, sent: Tick) -> Call {
    let mut call = Call::with_capacity(1, 7);
    let known = if change.forget { 0 } else { inner.certain(change.base.ahead_of(sent)) };
    call.key(name).arg(u8::from(change.forget).to_string()).arg(change.add.to_string());
    call.arg(change.most.to_string()).arg(change.give_back.to_string()).arg(known.to_string());
    // Never more than an eighth of a request.
    let way = Debt::new(inner.connection.deadline()).ticks().min(change.count.gcra().interval_ticks() / 8);
    call.arg(inner.suffix(&change.count)).arg(way.to_string());
    call
}

/// Tells the server of what is to become of a count, unless a request has taken that along meanwhile.
pub(crate) async fn change(inner: Arc<Inner>, count: Count) {
    let sent = inner.now();
    let names = inner.names.of(std::iter::once(&count));
    // Taken at the last moment: a request that comes now and finds nothing must reach the server later than this.
    let Some(change) = inner.pending.take(&count, inner.nodes, sent) else { return };
    let calls: SmallVec<[Call; 1]> = names.iter().map(|name| adjust(&inner, &change, name, sent)).collect();
    let told = inner.connection.run(|asking| async move {
        let mut debt = Debt::default();
        for call in calls {
            debt = read_debt(&asking.call(&ADJUST, &call).await?)?;
        }
        Ok(debt)
    });
    match told.await {
        Ok(debt) => inner.merged(&change.count, debt, sent),
        Err(_) => inner.pending.put_back(change),
    }
}

/// Leases so much of these counts, charging nothing else.
pub(crate) async fn lease(inner: Arc<Inner>, counts: Low) {
    let (Some(leases), sent) = (&inner.leases, inner.now()) else { return };
    for (count, ticks) in counts {
        let (name, gcra) = (inner.names.of(std::iter::once(&count)), count.gcra());
        let mut call = Call::with_capacity(1, 8);
        name.into_iter().for_each(|name| {
            call.key(name);
        });
        let known = inner.certain(inner.known.debt(&count, sent).ticks());
        call.arg("0").arg("0").arg(gcra.capacity().ticks().to_string()).arg(known.to_string());
        call.arg(inner.suffix(&count)).arg(leases.parts_of_rest().to_string());
        call.arg(ticks.to_string()).arg(gcra.interval_ticks().to_string());
        let answer = inner.connection.run(|asking| async move {
            read(&asking.call(&TAKE, &call).await?, 1)?.first().copied().ok_or(Fault::Garbage)
        });
        let leased = match answer.await {
            Ok(Said { owed, leased }) => match (u64::try_from(owed), u64::try_from(leased)) {
                (Ok(owed), Ok(leased)) => {
                    let owed = Debt::of_ticks(owed);
                    inner.known.learn_least(&count, owed, sent);
                    Some((leased, owed))
                }
                // Used up, or lowered lately.
                _ => Some((0, Debt::default())),
            },
            Err(_) => None,
        };
        leases.answered(&count, leased, sent);
    }
}
