//! What ClientIpInjector does to a body beside its rivals: how long it takes, what it allocates, and how far from a
//! plain copy that is.
//!
//! ```sh
//! cargo bench --bench injector                 # criterion's record, then the tables
//! cargo bench --bench injector -- --quick      # the same in a hurry
//! cargo bench --bench injector -- --table      # the tables alone: two minutes
//! ```

mod bodies;
mod rivals;
mod tables;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use tollgate_8x8::Placement;
use tollgate_benches::{Counting, Effort};

use crate::bodies::Case;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let asked = |argument: &str| std::env::args().any(|given| given == argument);
    if !asked("--table") {
        let mut criterion = Criterion::default()
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(1))
            .without_plots()
            .configure_from_args();
        record(&mut criterion);
        criterion.final_summary();
    }
    // `cargo test` runs benches too, without the first of these.
    if asked("--bench") && !["--list", "--test", "--profile-time"].into_iter().any(asked) {
        tables::print(if asked("--quick") { Effort::Quick } else { Effort::Full });
    }
}

/// What criterion keeps from run to run, to show what a change did.
fn record(criterion: &mut Criterion) {
    for (name, placement) in [("injector/top", Placement::Top), ("injector/each", Placement::Each)] {
        let mut group = criterion.benchmark_group(name);
        for case in bodies::cases() {
            group.throughput(Throughput::Bytes(case.body.len() as u64));
            for mut contender in rivals::field(&case, placement) {
                let id = BenchmarkId::new(contender.name(), case.name);
                group.bench_function(id, |bencher| bencher.iter_custom(|calls| contender.run(calls)));
            }
        }
        group.finish();
    }
}

/// The body as the layer would send it: read, edited, written.
fn ours(case: &Case, placement: Placement) -> bytes::Bytes {
    let scan = tollgate_8x8::Scan::read(case.endpoint, &case.body).unwrap();
    tollgate_8x8::apply(&case.body, &scan.edits(placement), bodies::ADDRESS)
}
