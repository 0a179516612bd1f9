//! IpRateLimit beside its rivals: what a decision costs, on one thread and on two, what the whole layer costs where it
//! passes and where it refuses, what is allocated, and what a spray of addresses leaves behind.
//!
//! ```sh
//! cargo bench --bench rate_limit                 # criterion's record, then the tables
//! cargo bench --bench rate_limit -- --quick      # the same in a hurry
//! cargo bench --bench rate_limit -- --table      # the tables alone: under a minute
//! ```

mod decisions;
mod keys;
mod layers;
mod memory;
mod rivals;
mod services;
mod threads;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use tollgate_benches::{Counting, Effort, Targets};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let asked = |argument: &str| std::env::args().any(|given| given == argument);
    // `cargo test` runs benches too, without the first of these.
    let tables = asked("--bench") && !["--list", "--test", "--profile-time"].into_iter().any(asked);
    let mut targets = Targets::new();
    if tables {
        memory::print(&mut targets);
    }
    if !asked("--table") {
        let mut criterion = Criterion::default()
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(1))
            .without_plots()
            .configure_from_args();
        record(&mut criterion);
        criterion.final_summary();
    }
    if tables {
        let effort = if asked("--quick") { Effort::Quick } else { Effort::Full };
        decisions::print(&mut targets, effort);
        threads::print(effort);
        layers::print(&mut targets, effort);
        targets.print();
    }
}

/// What criterion keeps from run to run, to show what a change did.
fn record(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rate_limit/decision");
    for keys in decisions::cases() {
        for mut contender in decisions::contenders(keys) {
            let id = BenchmarkId::new(contender.name(), keys);
            group.bench_function(id, |bencher| bencher.iter_custom(|calls| contender.run(calls)));
        }
    }
    group.finish();
    let mut group = criterion.benchmark_group("rate_limit/layer");
    for mut contender in services::contenders() {
        let name = contender.name();
        group.bench_function(name, |bencher| bencher.iter_custom(|calls| contender.run(calls)));
    }
    group.finish();
}
