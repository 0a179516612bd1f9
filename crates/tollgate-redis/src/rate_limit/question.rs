use std::fmt;
use std::io::Write as _;

use redis::Value;
use smallvec::{SmallVec, smallvec};
use tollgate_rate_limit::store::{Count, Debt};

use super::change::Adjustment;
use crate::{Asking, Call, Fault, Script};

static TAKE: Script = Script::new(include_str!("take.lua"));

/// A count of nobody, to try whether the server does what it is asked.
pub(crate) const PROBED: &str = "tollgate1:{probe}count";

/// What the server is to charge a request: all of its counts or none.
pub(crate) struct Question {
    names: SmallVec<[String; 6]>,
    /// As `take` reads it.
    packed: Vec<u8>,
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
    /// About the counts of these names. Of what is left of a quota, one of so many `parts` can be leased; 0 to lease nothing.
    pub(crate) fn new(names: SmallVec<[String; 6]>, parts: u64) -> Self {
        let mut packed = Vec::with_capacity(4 + names.len() * if parts > 0 { 64 } else { 48 });
        // There are 64 limits of 8 levels, and 256 nodes.
        packed.extend_from_slice(&(names.len() as u16).to_le_bytes());
        packed.extend_from_slice(&(parts as u16).to_le_bytes());
        Self { names, packed }
    }

    /// The next count: what to charge it, and what is known to be owed of it.
    pub(crate) fn charge(&mut self, count: &Count, charge: u64, known: u64) {
        self.packed.push(if count.is_enforced() { 0 } else { count.limit() as u8 + 1 });
        self.numbers([charge, count.gcra().capacity().ticks(), known]);
        let length = self.packed.len();
        self.packed.push(0);
        // Memory takes everything.
        let _ = write!(self.packed, "{}", End(count));
        let end = self.packed.len() - length - 1;
        if let Some(length) = self.packed.get_mut(length) {
            *length = end as u8;
        }
    }

    /// After all counts: how much to lease of the next one, at the most.
    pub(crate) fn lease(&mut self, count: &Count, ticks: u64) {
        self.numbers([ticks, count.gcra().interval_ticks()]);
    }

    /// Ticks of centuries are exact.
    fn numbers<const N: usize>(&mut self, ticks: [u64; N]) {
        ticks.iter().for_each(|ticks| self.packed.extend_from_slice(&(*ticks as f64).to_le_bytes()));
    }

    /// All of them in one call, in this order.
    fn call(all: &[&Self]) -> Call {
        let mut call = Call::with_capacity(all.iter().map(|question| question.names.len()).sum(), 1);
        all.iter().flat_map(|question| &question.names).for_each(|name| {
            call.key(name);
        });
        match all {
            [only] => call.arg(&only.packed),
            _ => call.arg(all.iter().map(|question| question.packed.as_slice()).collect::<Vec<_>>().concat()),
        };
        call
    }

    pub(crate) fn name(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(String::as_str)
    }

    /// How many counts.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) async fn ask(&self, asking: &Asking) -> Result<Answer, Fault> {
        read(&asking.call(&TAKE, &Self::call(&[self])).await?, self.len())
    }

    /// The same, behind the adjustments that have to be made before.
    pub(crate) async fn ask_behind(
        &self,
        adjustments: &[Adjustment],
        asking: &Asking,
    ) -> Result<(Answer, SmallVec<[Debt; 1]>), Fault> {
        let take = Self::call(&[self]);
        let calls: SmallVec<[_; 4]> =
            adjustments.iter().map(Adjustment::call).chain([(&TAKE, &take)]).collect();
        let answers = asking.call_all(&calls).await?;
        let Some((said, adjusted)) = answers.split_last() else { return Err(Fault::Garbage) };
        let adjusted = adjusted.iter().map(Adjustment::read).collect::<Result<_, _>>()?;
        Ok((read(said, self.len())?, adjusted))
    }

    /// All of them in one call, in this order.
    pub(crate) async fn ask_all(all: &[&Self], asking: &Asking) -> Result<Vec<Answer>, Fault> {
        let said = asking.call(&TAKE, &Self::call(all)).await?;
        let mut said = read(&said, all.iter().map(|question| question.len()).sum())?.into_iter();
        Ok(all.iter().map(|question| said.by_ref().take(question.len()).collect()).collect())
    }

    /// About nobody, and its script.
    pub(crate) fn probe() -> (&'static Script, Call) {
        let mut question = Self::new(smallvec![PROBED.to_owned()], 0);
        question.packed.push(0);
        question.numbers([1, 1_000_000, 0]);
        question.packed.extend_from_slice(b"\x0a-1:1000000");
        (&TAKE, Self::call(&[&question]))
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
