//! SmsPumpGuard's engine beside its rival: what a decision costs with a memory that a million numbers have filled, what
//! that memory is, and how much of them it still knows.
//!
//! ```sh
//! cargo bench --bench pump_guard                 # the tables, then criterion's record
//! cargo bench --bench pump_guard -- --quick      # the same, with criterion in a hurry
//! cargo bench --bench pump_guard -- --table      # the tables alone: under a minute
//! ```

mod decisions;
mod latency;
mod memory;
mod rivals;
mod sender;
mod traffic;

use std::cell::RefCell;
use std::time::Duration;

use criterion::Criterion;
use tollgate_benches::{Contender, Counting, Targets};
use tollgate_pump_guard::Policy;

use rivals::Rival;
use sender::Sender;
use traffic::{Press, Strangers};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let asked = |argument: &str| std::env::args().any(|given| given == argument);
    // `cargo test` runs benches too, without the first of these.
    let tables = asked("--bench") && !["--list", "--test", "--profile-time"].into_iter().any(asked);
    if tables {
        let (policy, mut targets) = (Policy::default(), Targets::new());
        let mut strangers = Strangers::new(&policy);
        let mut filled = memory::fill(&mut strangers, &mut targets);
        memory::recall(&mut filled, &mut strangers);
        decisions::print(&mut filled, &mut strangers, &mut targets);
        targets.print();
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
}

/// What criterion keeps from run to run, to show what a change did: people by the thousand, over and over.
fn record(criterion: &mut Criterion) {
    let policy = Policy::default();
    let presses: Vec<Press> = Strangers::new(&policy).take(100_000).collect();
    let (ours, theirs) = (RefCell::new(Sender::new()), Rival::new());
    let mut turn = presses.iter().cycle();
    let mut other = presses.iter().cycle();
    let mut group = criterion.benchmark_group("pump_guard/decision");
    for mut contender in [
        Contender::with_setup(
            "ours, with outcomes",
            || turn.next().unwrap(),
            |press| ours.borrow_mut().press(press),
        ),
        Contender::with_setup("governor", || other.next().unwrap(), |press| theirs.check(press)),
    ] {
        let name = contender.name();
        group.bench_function(name, |bencher| bencher.iter_custom(|calls| contender.run(calls)));
    }
    group.finish();
}
