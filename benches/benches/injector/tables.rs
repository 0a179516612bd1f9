//! All contenders in turn, body by body; and at the end, which targets were reached.

use tollgate_8x8::Placement;
use tollgate_benches::{Effort, Table, Targets, allocations, nanoseconds, race};

use crate::bodies::{Case, cases};
use crate::rivals::field;

pub(crate) fn print(effort: Effort) {
    let mut targets = Targets::new();
    println!(
        "\nFrom a body to the body that is sent, in a buffer of its own; medians of short batches, all contenders in\n\
         turn. The copy, which changes nothing, is the limit. Ratios are medians of the rounds' ratios."
    );
    for (placement, name) in [
        (Placement::Top, "clientIp at the top"),
        (Placement::Each, "clientIp at the top and in each message"),
    ] {
        for case in cases() {
            if placement == Placement::Top || case.endpoint.is_batch() {
                println!("\n{name}: {}, {} bytes\n", case.name, case.body.len());
                print_case(&mut targets, &case, placement, effort);
            }
        }
    }
    targets.print();
}

fn print_case(targets: &mut Targets, case: &Case, placement: Placement, effort: Effort) {
    let mut contenders = field(case, placement);
    let laps = race(&mut contenders, effort);
    let [copy, ours, value, ..] = laps.as_slice() else { return };
    let mut table =
        Table::new(["", "ns", "5 %", "99 %", "MB/s", "times the copy", "times ours", "allocations", "bytes"]);
    let allocated: Vec<_> = contenders.iter_mut().map(|contender| allocations(|| contender.run(1))).collect();
    for (lap, allocated) in laps.iter().zip(&allocated) {
        let mut cells = vec![lap.name().to_owned()];
        cells.extend([0.5, 0.05, 0.99].map(|q| nanoseconds(lap.quantile(q))));
        cells.push(format!("{:.0}", case.body.len() as f64 / lap.median() * 1e3));
        cells.push(format!("{:.1}", lap.times(copy)));
        cells.push(format!("{:.1}", lap.times(ours)));
        cells.extend([allocated.calls.to_string(), allocated.bytes.to_string()]);
        table.row(cells);
    }
    println!("{table}");
    let what = |unit: &str| {
        let place = if placement == Placement::Each { ", in each" } else { "" };
        format!("{}{place}: {unit}", case.name)
    };
    match case.name {
        "10,000 messages" => {
            // A gigabyte a second is a nanosecond a byte.
            targets.time(&what("a gigabyte a second"), case.body.len() as f64, ours.median(), None);
            targets.ratio(&what("over the copy"), 13.0, ours.times(copy));
        }
        "1 message" | "verification" => targets.time(&what("at once"), 500.0, ours.median(), None),
        _ => {}
    }
    targets.count(&what("allocations"), 4, allocated[1].calls);
    targets.ratio(&what("over serde_json's Value"), 0.1, ours.times(value));
}
