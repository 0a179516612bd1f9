use std::fmt;

use crate::{Table, nanoseconds};

const REACHED: &str = "reached";
const MISSED: &str = "MISSED";

/// What has to be reached, each target with what was measured. Ratios to a rival in the same run and counts mean the
/// same on any machine.
///
/// Limits in nanoseconds are for a core of 2.5 GHz with nothing else to do. Where a rival's figure on that core is known,
/// ours is also given as it would be there, from the ratio of the two, which does not move when this machine is busy. A
/// target that is reached by that figure alone is called so.
#[derive(Debug, Default)]
pub struct Targets {
    judged: Vec<Judged>,
    /// Whether any is in nanoseconds, and the table has a column for that core.
    timed: bool,
}

#[derive(Debug)]
struct Judged {
    what: String,
    at_most: String,
    measured: String,
    there: String,
    verdict: &'static str,
}

impl Targets {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// At most so many nanoseconds; `there` is what it would have been on the core that the limit is for, if known.
    pub fn time(&mut self, what: &str, at_most: f64, measured: f64, there: Option<f64>) {
        self.timed = true;
        let verdict = match there {
            _ if measured <= at_most => REACHED,
            Some(there) if there <= at_most => "reached there",
            _ => MISSED,
        };
        self.judged.push(Judged {
            what: what.to_owned(),
            at_most: format!("{at_most} ns"),
            measured: format!("{} ns", nanoseconds(measured)),
            there: there.map(|there| format!("{} ns", nanoseconds(there))).unwrap_or_default(),
            verdict,
        });
    }

    /// At most so many times as much.
    pub fn ratio(&mut self, what: &str, at_most: f64, measured: f64) {
        let shown = (at_most * 100.0).round() / 100.0;
        self.judge(what, format!("{shown} times"), format!("{measured:.2} times"), measured <= at_most);
    }

    /// At most so many.
    pub fn count(&mut self, what: &str, at_most: u64, measured: u64) {
        self.judge(what, at_most.to_string(), measured.to_string(), measured <= at_most);
    }

    /// Prints them, and whether all were reached.
    pub fn print(&self) {
        println!("\n{self}");
    }

    fn judge(&mut self, what: &str, at_most: String, measured: String, reached: bool) {
        let verdict = if reached { REACHED } else { MISSED };
        self.judged.push(Judged { what: what.to_owned(), at_most, measured, there: String::new(), verdict });
    }
}

impl fmt::Display for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there = |cell: &str| self.timed.then(|| cell.to_owned());
        let row = |[what, at_most, measured]: [&str; 3], there: Option<String>, verdict: &str| {
            let figures = [what, at_most, measured].map(str::to_owned);
            figures.into_iter().chain(there).chain([verdict.to_owned()])
        };
        let mut table = Table::new(row(["target", "at most", "measured"], there("on that core"), ""));
        for judged in &self.judged {
            let figures = [&*judged.what, &*judged.at_most, &*judged.measured];
            table.row(row(figures, there(&judged.there), judged.verdict));
        }
        let missed = self.judged.iter().any(|judged| judged.verdict == MISSED);
        write!(f, "Targets ({})\n\n{table}", if missed { "not all reached" } else { "all reached" })
    }
}
