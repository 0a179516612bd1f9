use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Effort {
    Quick,
    Full,
}

impl Effort {
    pub(crate) fn rounds(self) -> usize {
        match self {
            Self::Quick => 2,
            Self::Full => 5,
        }
    }

    fn turn(self) -> Duration {
        Duration::from_millis(500)
    }
}

/// What came of asking over and over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Driven {
    pub(crate) done: usize,
    pub(crate) per_second: f64,
    /// In µs.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) calls_each: f64,
}

/// So many tasks, each asking again when it is answered; `ask` is given the task's number and its turn.
pub(crate) async fn drive<F>(
    effort: Effort,
    in_flight: usize,
    ask: impl Fn(usize, usize) -> F + Send + Sync + 'static,
) -> Driven
where
    F: Future<Output = bool> + Send + 'static,
{
    let start = Instant::now();
    let ask = Arc::new(ask);
    let all = (0..in_flight).map(|task| {
        let ask = Arc::clone(&ask);
        async move {
            let (mut turn, mut took) = (0, Vec::new());
            while start.elapsed() < effort.turn() {
                let asked = Instant::now();
                std::hint::black_box(ask(task, turn).await);
                took.push(asked.elapsed().as_nanos() as u64);
                turn += 1;
                if turn % 64 == 0 {
                    // What is answered from memory never waits.
                    tokio::task::yield_now().await;
                }
            }
            took
        }
    });
    let mut took: Vec<u64> = all.collect::<JoinSet<_>>().join_all().await.into_iter().flatten().collect();
    let elapsed = start.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize] as f64 / 1000.0;
    Driven {
        done: took.len(),
        per_second: took.len() as f64 / elapsed,
        p50: at(0.5),
        p99: at(0.99),
        calls_each: 0.0,
    }
}

/// Keys of which a few are asked for most of the time.
pub(crate) struct Zipf {
    order: Vec<u32>,
}

impl Zipf {
    pub(crate) fn new(keys: usize, exponent: f64) -> Self {
        let mut sums = Vec::with_capacity(keys);
        let mut sum = 0.0;
        for key in 1..=keys {
            sum += (key as f64).powf(-exponent);
            sums.push(sum);
        }
        // The same sequence in every run.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let order = (0..1 << 20).map(|_| sums.partition_point(|at| *at < next() * sum).min(keys - 1) as u32);
        Self { order: order.collect() }
    }

    pub(crate) fn at(&self, task: usize, turn: usize) -> usize {
        self.order[(task * 104_729 + turn) % self.order.len()] as usize
    }
}
