//! What has to be reached, and whether it was.

use tollgate_benches::Table;

/// The targets, each with what was measured. All are ratios to a rival in the same run, or counts, so that they mean
/// the same on any machine.
#[derive(Debug)]
pub(crate) struct Targets {
    table: Table,
    missed: usize,
}

impl Targets {
    pub(crate) fn new() -> Self {
        Self { table: Table::new(["target", "at most", "measured", ""]), missed: 0 }
    }

    pub(crate) fn ratio(&mut self, what: &str, at_most: f64, measured: f64) {
        self.judge(what, format!("{at_most} times"), format!("{measured:.2} times"), measured <= at_most);
    }

    pub(crate) fn count(&mut self, what: &str, at_most: u64, measured: u64) {
        self.judge(what, at_most.to_string(), measured.to_string(), measured <= at_most);
    }

    pub(crate) fn print(&self) {
        let all = if self.missed == 0 { "all reached" } else { "not all reached" };
        println!("\nTargets ({all})\n\n{}", self.table);
    }

    fn judge(&mut self, what: &str, at_most: String, measured: String, reached: bool) {
        self.missed += usize::from(!reached);
        let verdict = if reached { "reached" } else { "MISSED" };
        self.table.row([what.to_owned(), at_most, measured, verdict.to_owned()]);
    }
}
