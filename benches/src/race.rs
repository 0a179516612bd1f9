use std::time::Duration;

use crate::Contender;

/// Short enough that most batches see no interrupt, long enough to hide the clock.
const BATCH: Duration = Duration::from_micros(40);

/// How long a race lasts.
#[derive(Clone, Copy, Debug)]
pub enum Effort {
    /// Enough to see a factor.
    Quick,
    /// Enough to see a few per cent on a quiet machine.
    Full,
}

impl Effort {
    fn rounds(self) -> usize {
        match self {
            Self::Quick => 51,
            Self::Full => 501,
        }
    }
}

/// How one contender did.
#[derive(Clone, Debug)]
pub struct Lap {
    name: &'static str,
    /// Nanoseconds a call, of each round's batch.
    rounds: Vec<f64>,
}

impl Lap {
    /// Whose it is.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Nanoseconds a call in the middle one of the batches.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Nanoseconds a call which this share of the batches stays at or below. What lies far above the median is the
    /// machine's doing more than the contender's.
    pub fn quantile(&self, share: f64) -> f64 {
        quantile(self.rounds.clone(), share)
    }

    /// Nanoseconds a call more than `other`, as the median of the differences round by round.
    pub fn over(&self, other: &Self) -> f64 {
        quantile(self.rounds.iter().zip(&other.rounds).map(|(this, other)| this - other).collect(), 0.5)
    }

    /// How many times as long as `other`, as the median of the ratios round by round.
    pub fn times(&self, other: &Self) -> f64 {
        quantile(self.rounds.iter().zip(&other.rounds).map(|(this, other)| this / other).collect(), 0.5)
    }
}

/// Times all contenders in turn, a batch of each, round after round, so that whatever else the machine does hits all
/// of them alike. Each round begins with another one.
pub fn race(contenders: &mut [Contender<'_>], effort: Effort) -> Vec<Lap> {
    let calls: Vec<u64> = contenders.iter_mut().map(batch_size).collect();
    let mut laps: Vec<Lap> =
        contenders.iter().map(|contender| Lap { name: contender.name(), rounds: Vec::new() }).collect();
    for round in 0..effort.rounds() {
        for turn in 0..contenders.len() {
            let next = (round + turn) % contenders.len();
            let elapsed = contenders[next].run(calls[next]);
            laps[next].rounds.push(elapsed.as_nanos() as f64 / calls[next] as f64);
        }
    }
    laps
}

/// How many calls fill a batch. Finding out is also the warm-up.
fn batch_size(contender: &mut Contender<'_>) -> u64 {
    let mut calls = 1;
    loop {
        // The best of three: one interrupt must not end the search early.
        let elapsed = (0..3).map(|_| contender.run(calls)).min().unwrap_or_default();
        if elapsed >= BATCH {
            let fits = BATCH.as_nanos() * u128::from(calls) / elapsed.as_nanos();
            return u64::try_from(fits).unwrap_or(calls).max(1);
        }
        calls *= 2;
    }
}

fn quantile(mut samples: Vec<f64>, share: f64) -> f64 {
    samples.sort_unstable_by(f64::total_cmp);
    let at = (samples.len().saturating_sub(1) as f64 * share).round() as usize;
    samples.get(at).copied().unwrap_or(f64::NAN)
}
