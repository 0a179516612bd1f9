//! TrustedClientIp beside its rivals: how long they take to find the client, what a forged line costs, what the whole
//! layer costs, and what is allocated.
//!
//! ```sh
//! cargo bench --bench client_ip                  # criterion's record, then the tables: about four minutes
//! cargo bench --bench client_ip -- --quick       # the same in a hurry: under a minute
//! cargo bench --bench client_ip -- --table       # the tables alone: under half a minute
//! ```

mod cases;
mod layers;
mod rivals;
mod tables;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use tollgate_benches::{Counting, Effort};

use crate::cases::{Case, Header, Scene};

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
    for (name, cases) in
        [("client_ip/x-forwarded-for", cases::x_forwarded_for()), ("client_ip/forwarded", cases::forwarded())]
    {
        let mut group = criterion.benchmark_group(name);
        for case in cases {
            let scene = Scene::new(case);
            for mut entrant in rivals::field(case, &scene) {
                let id = BenchmarkId::new(entrant.contender.name(), case);
                group.bench_function(id, |bencher| bencher.iter_custom(|calls| entrant.contender.run(calls)));
            }
        }
        group.finish();
    }
    let scene = Scene::new(Case::new(Header::XForwardedFor, 1, 25));
    let mut group = criterion.benchmark_group("client_ip/layer");
    for mut contender in layers::layers(&scene) {
        let name = contender.name();
        group.bench_function(name, |bencher| bencher.iter_custom(|calls| contender.run(calls)));
    }
    group.finish();
}
