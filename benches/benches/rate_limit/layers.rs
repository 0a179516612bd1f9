//! What the whole layer costs over the bare service, and what it allocates.

use tollgate_benches::{AtOnce, Effort, Lap, Table, Targets, nanoseconds, race};
use tollgate_rate_limit::HeadersOn;
use tower_layer::Layer;

use crate::services::{self, AXUM_HEADERS, AXUM_REFUSED_HEADERS, BARE, OURS, OURS_HEADERS, OURS_REFUSED};
use crate::services::{THEIRS, THEIRS_HEADERS, THEIRS_REFUSED, THEIRS_REFUSED_HEADERS};

/// Ours, theirs, and how many times theirs it may cost.
const TARGETS: [(&str, &str, f64); 4] = [
    (OURS, THEIRS, 0.7),
    (OURS_HEADERS, THEIRS_HEADERS, 0.5),
    (OURS_REFUSED, THEIRS_REFUSED, 0.1),
    (OURS_REFUSED, THEIRS_REFUSED_HEADERS, 0.1),
];

pub(crate) fn print(targets: &mut Targets, effort: Effort) {
    let laps = race(&mut services::contenders(), effort);
    let over_bare = |name: &str| lap(&laps, name).over(lap(&laps, BARE));
    println!("The whole layer around a service that answers at once, one key, in ns a request\n");
    let mut table = Table::new(["", "ns", "5 %", "99 %", "over bare"]);
    for lap in &laps {
        let figures = [0.5, 0.05, 0.99].map(|share| nanoseconds(lap.quantile(share)));
        let over = if lap.name() == BARE { String::new() } else { nanoseconds(over_bare(lap.name())) };
        table.row([lap.name().to_owned()].into_iter().chain(figures).chain([over]));
    }
    println!("{table}");
    for (ours, theirs, at_most) in TARGETS {
        targets.ratio(&format!("{ours}: over {theirs}"), at_most, over_bare(ours) / over_bare(theirs));
    }
    allocations(targets);
}

fn lap<'a>(laps: &'a [Lap], name: &str) -> &'a Lap {
    laps.iter().find(|lap| lap.name() == name).unwrap()
}

fn allocations(targets: &mut Targets) {
    let bare = services::allocations_of(AtOnce);
    let rows = [
        (BARE, bare),
        (OURS, services::allocations_of(services::wide(HeadersOn::Never).layer(AtOnce))),
        (OURS_HEADERS, services::allocations_of(services::wide(HeadersOn::Always).layer(AtOnce))),
        (OURS_REFUSED, services::allocations_of(services::narrow().layer(AtOnce))),
        (THEIRS_REFUSED, services::allocations_of_their_refusal()),
        (AXUM_HEADERS, services::allocations_of(services::axum_governed(services::open_quota()))),
        (AXUM_REFUSED_HEADERS, services::allocations_of(services::axum_governed(services::closed_quota()))),
    ];
    println!("Allocations of a request, the making of it not counted\n");
    let mut table = Table::new(["", "times", "bytes"]);
    for (name, allocated) in rows {
        table.row([name.to_owned(), allocated.calls.to_string(), allocated.bytes.to_string()]);
        if name == OURS {
            targets.count(
                "allocations of ours, allowed: beside bare",
                0,
                allocated.calls.saturating_sub(bare.calls),
            );
        }
    }
    println!("{table}");
}
