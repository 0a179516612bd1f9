//! IpRateLimit beside its rivals: what a decision costs, what the whole layer costs where it passes and where it
//! refuses, what is allocated, and what a spray of addresses leaves behind.
//!
//! ```sh
//! cargo bench --bench rate_limit                 # the tables: about two minutes
//! cargo bench --bench rate_limit -- --quick      # the same in a hurry
//! ```

mod decisions;
mod layers;
mod memory;

use tollgate_benches::{Counting, Effort, Table};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let asked = |argument: &str| std::env::args().any(|given| given == argument);
    // `cargo test` runs benches too, without this.
    if !asked("--bench") {
        return;
    }
    let effort = if asked("--quick") { Effort::Quick } else { Effort::Full };
    let mut targets = Targets(Table::new(["target", "at most", "measured", ""]));
    decisions::print(&mut targets, effort);
    layers::print(&mut targets, effort);
    memory::print(&mut targets);
    println!("\nTargets\n\n{}", targets.0);
}

/// What has to be reached, and whether it was.
struct Targets(Table);

impl Targets {
    fn at_most(&mut self, what: impl Into<String>, limit: f64, measured: f64) {
        let verdict = if measured <= limit { "reached" } else { "MISSED" };
        self.0.row([what.into(), format!("{limit}"), format!("{measured:.2}"), verdict.to_owned()]);
    }
}
