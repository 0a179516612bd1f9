#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Inputs made ahead of a timed stretch: enough to hide the clock, few enough to stay in the cache.
const AHEAD: u64 = 64;

/// Something to be timed, under a name.
pub struct Contender<'a> {
    name: &'static str,
    run: Box<dyn FnMut(u64) -> Duration + 'a>,
}

impl<'a> Contender<'a> {
    /// Times `f`, whose result is dropped within the time.
    pub fn new<T>(name: &'static str, mut f: impl FnMut() -> T + 'a) -> Self {
        let run = move |calls| {
            let start = Instant::now();
            for _ in 0..calls {
                black_box(f());
            }
            start.elapsed()
        };
        Self { name, run: Box::new(run) }
    }

    /// Times `f` with an input made by `setup`, which is not timed.
    pub fn with_setup<I: 'a, T>(
        name: &'static str,
        mut setup: impl FnMut() -> I + 'a,
        mut f: impl FnMut(I) -> T + 'a,
    ) -> Self {
        let mut inputs = Vec::new();
        let run = move |calls: u64| {
            let mut elapsed = Duration::ZERO;
            let mut left = calls;
            while left > 0 {
                let now = left.min(AHEAD);
                inputs.extend((0..now).map(|_| setup()));
                let start = Instant::now();
                for input in inputs.drain(..) {
                    black_box(f(black_box(input)));
                }
                elapsed += start.elapsed();
                left -= now;
            }
            elapsed
        };
        Self { name, run: Box::new(run) }
    }

    /// The name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How long `calls` calls take; what criterion's `iter_custom` wants.
    pub fn run(&mut self, calls: u64) -> Duration {
        (self.run)(calls)
    }
}

impl fmt::Debug for Contender<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contender").field("name", &self.name).finish_non_exhaustive()
    }
}
