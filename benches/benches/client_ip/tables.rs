//! All contenders in turn, case by case; and at the end, which targets were reached.

use tollgate_benches::{Effort, Lap, Table, Targets, allocations, nanoseconds, race};
use tollgate_core::Peer;

use crate::cases::{self, Case, FORGED, HOPS, Header, Scene};
use crate::layers;
use crate::rivals::{NAMES, field, resolver};

/// For these many hops and 25 CIDRs, in nanoseconds: the target, and what real-ip took on the core it is set for.
const TIMES: [(usize, f64, f64); 3] = [(1, 100.0, 352.0), (3, 200.0, 708.0), (10, 600.0, 2045.0)];

pub(crate) fn print(effort: Effort) {
    let mut targets = Targets::new();
    println!(
        "\nMedians of short batches, all contenders in turn, in ns a call. Ours also with the 5th and the 99th hundredth\n\
         of the batches; a rival's with how many times ours it is, and with * where it does not answer the client."
    );

    println!("\nX-Forwarded-For, every hop but the client trusted\n");
    let mut table = table_of_resolvers();
    for case in cases::x_forwarded_for() {
        let laps = row_of_resolvers(&mut table, case, effort);
        for (_, at_most, real_ip) in TIMES.into_iter().filter(|(hops, ..)| case == usual(*hops)) {
            let [ours, rival, ..] = laps.as_slice() else { continue };
            targets.time(&case.to_string(), at_most, ours.median(), Some(real_ip / rival.times(ours)));
        }
    }
    println!("{table}");

    println!("Forwarded (RFC 7239)\n");
    let mut table = table_of_resolvers();
    for case in cases::forwarded() {
        row_of_resolvers(&mut table, case, effort);
    }
    println!("{table}");

    for hops in HOPS {
        let many = Case { cidrs: 1_000, ..usual(hops) };
        targets.ratio(&format!("{many}: over 25 CIDRs"), 1.5, ours_over_ours(many, usual(hops), effort));
    }
    let forged = Case { forged: FORGED, ..usual(1) };
    targets.ratio(&format!("{forged}: over none"), 1.2, ours_over_ours(forged, usual(1), effort));
    targets.count("resolve(): allocations, the most of all cases", 0, allocations_of_resolve());
    table_of_layers(&mut targets, effort);
    targets.print();
}

fn usual(hops: usize) -> Case {
    Case::new(Header::XForwardedFor, hops, 25)
}

fn table_of_resolvers() -> Table {
    let [ours, rivals @ ..] = NAMES;
    Table::new(["", ours, "5 %", "99 %"].into_iter().chain(rivals))
}

fn row_of_resolvers(table: &mut Table, case: Case, effort: Effort) -> Vec<Lap> {
    let scene = Scene::new(case);
    let (mut contenders, right): (Vec<_>, Vec<_>) =
        field(case, &scene).into_iter().map(|entrant| (entrant.contender, entrant.right)).unzip();
    let laps = race(&mut contenders, effort);
    let (ours, rivals) = (&laps[0], &laps[1..]);
    assert!(right[0], "{case}: ours does not find the client");
    let mut cells = vec![case.to_string()];
    cells.extend([0.5, 0.05, 0.99].map(|q| nanoseconds(ours.quantile(q))));
    cells.extend(rivals.iter().zip(&right[1..]).map(|(lap, right)| {
        let mark = if *right { " " } else { "*" };
        format!("{}{mark} ({:.1})", nanoseconds(lap.median()), lap.times(ours))
    }));
    table.row(cells);
    laps
}

/// Ours in two cases, in turn too: a ratio of figures from two minutes would be the machine's.
fn ours_over_ours(case: Case, other: Case, effort: Effort) -> f64 {
    let scenes = [case, other].map(|case| (case, Scene::new(case)));
    let mut contenders: Vec<_> =
        scenes.iter().map(|(case, scene)| field(*case, scene).swap_remove(0).contender).collect();
    let laps = race(&mut contenders, effort);
    laps[0].times(&laps[1])
}

fn allocations_of_resolve() -> u64 {
    let cases = cases::x_forwarded_for().into_iter().chain(cases::forwarded());
    let calls = cases.map(|case| {
        let scene = Scene::new(case);
        let resolver = resolver(case.header, &scene);
        let visit = &scene.visits[0];
        allocations(|| resolver.resolve(Some(Peer::Tcp(visit.peer)), visit.request.headers())).calls
    });
    calls.max().unwrap_or_default()
}

fn table_of_layers(targets: &mut Targets, effort: Effort) {
    let scene = Scene::new(usual(1));
    let laps = race(&mut layers::layers(&scene), effort);
    println!("The whole layer around a service that answers at once; {}\n", usual(1));
    let mut table = Table::new(["", "ns", "5 %", "99 %", "over bare"]);
    for (lap, bare) in laps.iter().zip(layers::BARE) {
        let figures = [0.5, 0.05, 0.99].map(|q| nanoseconds(lap.quantile(q)));
        let over =
            if lap.name() == laps[bare].name() { String::new() } else { nanoseconds(lap.over(&laps[bare])) };
        table.row([lap.name().to_owned()].into_iter().chain(figures).chain([over]));
    }
    println!("{table}");
    let (layer, entries) = layers::layer_allocations(&scene);
    println!(
        "Our layer allocates {} times, {} bytes; of that its extension entries {} times, {} bytes.",
        layer.calls, layer.bytes, entries.calls, entries.bytes
    );
    targets.time("the layer, over the bare service", 150.0, laps[1].over(&laps[0]), None);
    targets.count(
        "the layer: allocations beside its extension entries",
        0,
        layer.calls.saturating_sub(entries.calls),
    );
}
