//! What has to be reached, and whether it was.

use tollgate_benches::{Table, nanoseconds};

const REACHED: &str = "reached";
const MISSED: &str = "MISSED";

/// The targets, each with what was measured.
///
/// Limits in nanoseconds are for a core of 2.5 GHz with nothing else to do. Where a rival's figure on that core is known,
/// ours is also given as it would be there, from the ratio of the two, which does not move when this machine is busy. A
/// target that is reached by that figure alone is called so.
#[derive(Debug)]
pub(crate) struct Targets {
    table: Table,
    missed: usize,
}

impl Targets {
    pub(crate) fn new() -> Self {
        Self { table: Table::new(["target", "at most", "measured", "on that core", ""]), missed: 0 }
    }

    pub(crate) fn time(&mut self, what: &str, at_most: f64, measured: f64, there: Option<f64>) {
        let there_text = there.map(|there| format!("{} ns", nanoseconds(there))).unwrap_or_default();
        let figures = [format!("{at_most} ns"), format!("{} ns", nanoseconds(measured)), there_text];
        let verdict = match there {
            _ if measured <= at_most => REACHED,
            Some(there) if there <= at_most => "reached there",
            _ => MISSED,
        };
        self.judge(what, figures, verdict);
    }

    pub(crate) fn ratio(&mut self, what: &str, at_most: f64, measured: f64) {
        let figures = [format!("{at_most} times"), format!("{measured:.2} times"), String::new()];
        self.judge(what, figures, if measured <= at_most { REACHED } else { MISSED });
    }

    pub(crate) fn count(&mut self, what: &str, at_most: u64, measured: u64) {
        self.judge(
            what,
            [at_most.to_string(), measured.to_string(), String::new()],
            if measured <= at_most { REACHED } else { MISSED },
        );
    }

    pub(crate) fn print(&self) {
        println!(
            "\nTargets ({})\n\n{}",
            if self.missed == 0 { "all reached" } else { "not all reached" },
            self.table
        );
    }

    fn judge(&mut self, what: &str, figures: [String; 3], verdict: &str) {
        self.missed += usize::from(verdict == MISSED);
        self.table.row([what.to_owned()].into_iter().chain(figures).chain([verdict.to_owned()]));
    }
}
