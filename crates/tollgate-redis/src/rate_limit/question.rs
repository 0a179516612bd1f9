use std::fmt;

use redis::Value;
use smallvec::SmallVec;
use tollgate_rate_limit::store::{Count, Debt};

use super::change::Adjustment;
use crate::{Asking, Call, Fault, Script};

static TAKE: Script = Script::new(include_str!("take.lua"));

/// A count of nobody, to try whether the server does what it is asked.
pub(crate) const PROBED: &str = "tollgate1:{probe}count";

/// What the server is to charge a request: all of its counts or none.
pub(crate) struct Question {
    counts: usize,
    take: Call,
}

/// Of each count of a question, what the server says.
pub(crate) type Answer = SmallVec<[Said; 6]>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// What is owed; below zero, the wait.
    pub(crate) owed: i64,
    /// What was leased; below zero, what is owed was lowered lately.
    pub(crate) leased: i64,
}

/// The end of what is stored of a count: nothing lowered, and which quota it is by.
pub(crate) struct End<'a>(pub(crate) &'a Count);

impl Question {
    /// About so many counts. Of what is left of a quota, one of so many `parts` can be leased; 0 to lease nothing.
    pub(crate) fn new(counts: usize, parts: u64) -> Self {
        let mut take = Call::with_capacity(counts, 2 + counts * if parts > 0 { 7 } else { 5 });
        take.number(counts as u64).number(parts);
        Self { counts, take }
    }

    /// The next count: what to charge it, and what is known to be owed of it.
    pub(crate) fn charge(&mut self, name: &str, count: &Count, charge: u64, known: u64) {
        let group = if count.is_enforced() { 0 } else { count.limit() as u64 + 1 };
        self.take.key(name).number(group).number(charge).number(count.gcra().capacity().ticks());
        self.take.number(known).write(format_args!("{}", End(count)));
    }

    /// After all counts: how much to lease of the next one, at the most.
    pub(crate) fn lease(&mut self, count: &Count, ticks: u64) {
        self.take.number(ticks).number(count.gcra().interval_ticks());
    }

    pub(crate) async fn ask(&self, asking: &Asking) -> Result<Answer, Fault> {
        read(&asking.call(&TAKE, &self.take).await?, self.counts)
    }

    /// The same, behind the adjustments that have to be made before.
    pub(crate) async fn ask_behind(
        &self,
        adjustments: &[Adjustment],
        asking: &Asking,
    ) -> Result<(Answer, SmallVec<[Debt; 1]>), Fault> {
        let calls: SmallVec<[_; 4]> =
            adjustments.iter().map(Adjustment::call).chain([(&TAKE, &self.take)]).collect();
        let answers = asking.call_all(&calls).await?;
        let Some((said, adjusted)) = answers.split_last() else { return Err(Fault::Garbage) };
        let adjusted = adjusted.iter().map(Adjustment::read).collect::<Result<_, _>>()?;
        Ok((read(said, self.counts)?, adjusted))
    }

    /// About nobody, and its script.
    pub(crate) fn probe() -> (&'static Script, Call) {
        let mut take = Call::with_capacity(1, 7);
        take.key(PROBED)
            .number(1)
            .number(0)
            .number(0)
            .number(1)
            .number(1_000_000)
            .number(0)
            .arg("-1:1000000");
        (&TAKE, take)
    }

    /// All of them in one call, in this order.
    pub(crate) async fn ask_all(all: &[&Self], asking: &Asking) -> Result<Vec<Answer>, Fault> {
        let mut take = Call::default();
        all.iter().for_each(|question| take.append(&question.take));
        let said = read(&asking.call(&TAKE, &take).await?, all.iter().map(|question| question.counts).sum())?;
        let mut said = said.into_iter();
        Ok(all.iter().map(|question| said.by_ref().take(question.counts).collect()).collect())
    }
}

fn read(value: &Value, counts: usize) -> Result<Answer, Fault> {
    let Value::Array(numbers) = value else { return Err(Fault::Garbage) };
    if numbers.len() != 2 * counts {
        return Err(Fault::Garbage);
    }
    let most = Debt::of_ticks(u64::MAX).ticks() * 2;
    let number = |value: &Value| match value {
        Value::Int(number) if number.unsigned_abs() <= most => Ok(*number),
        _ => Err(Fault::Garbage),
    };
    let said = numbers.chunks_exact(2).map(|pair| match pair {
        [owed, leased] => Ok(Said { owed: number(owed)?, leased: number(leased)? }),
        _ => Err(Fault::Garbage),
    });
    said.collect()
}

impl fmt::Display for End<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gcra = self.0.gcra();
        write!(f, "-{}:{}", gcra.interval_ticks(), gcra.capacity().ticks())
    }
}
