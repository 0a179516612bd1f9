//! Times of single calls, and their distribution.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

use std::hint::black_box;
use std::time::Instant;

use tollgate_benches::{Table, nanoseconds};

/// The time of each call, in nanoseconds; the reading of the clock, some 25 of them, is within.
#[derive(Debug, Default)]
pub(crate) struct Latency(Vec<u64>);

impl Latency {
    pub(crate) fn time<T>(&mut self, f: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = black_box(f());
        let took = start.elapsed();
        self.0.push(took.as_nanos() as u64);
        result
    }

    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
        sorted.get(at).map_or(f64::NAN, |ns| *ns as f64)
    }

    fn mean(&self) -> f64 {
        self.0.iter().sum::<u64>() as f64 / self.0.len() as f64
    }

    pub(crate) fn table() -> Table {
        Table::new(["", "calls", "sent", "mean", "p50", "p99", "p99.9", "max"])
    }

    /// With the share of the attempts that were sent, where it says something.
    pub(crate) fn row(&self, table: &mut Table, name: &str, sent: Option<usize>) {
        let calls = self.0.len();
        let sent = sent.map(|sent| format!("{:.1} %", 100.0 * sent as f64 / calls as f64));
        let mut row =
            vec![name.to_owned(), calls.to_string(), sent.unwrap_or_default(), nanoseconds(self.mean())];
        row.extend([0.5, 0.99, 0.999, 1.0].map(|share| nanoseconds(self.quantile(share))));
        table.row(row);
    }
}
