//! One decision, its clock read included, on one thread.

use std::sync::Arc;

use http::Request;
use tollgate_benches::{Contender, Effort, Table, Targets, allocations, nanoseconds, race};

use crate::keys::{self, Family, Keys, Shuffled};
use crate::rivals::Rivals;

/// For these many keys: how many times as long as governor's it may take.
const TARGETS: [(u32, f64); 2] = [(10_000, 0.6), (1_000_000, 0.55)];

pub(crate) fn cases() -> impl Iterator<Item = Keys> {
    keys::cases(&[Family::Mixed, Family::V4, Family::V6])
}

/// Ours and governor.
pub(crate) fn contenders(keys: Keys) -> [Contender<'static>; 2] {
    let rivals = Arc::new(Rivals::new(keys));
    let request = Request::new(());
    let mut clients = Shuffled::new(Arc::clone(&rivals.clients), 1);
    let mut addresses = Shuffled::new(Arc::clone(&rivals.addresses), 1);
    let asked = Arc::clone(&rivals);
    [
        Contender::new("ours", move || asked.ours.check(clients.next(), &(&request).into()).is_pass()),
        Contender::new("governor", move || rivals.theirs.check_key(&addresses.next()).is_ok()),
    ]
}

pub(crate) fn print(targets: &mut Targets, effort: Effort) {
    println!(
        "\nA decision on one thread, in ns: medians of short batches in turn; ours also with the 5th and the 99th\n\
         hundredth\n"
    );
    let mut table = Table::new(["", "ours", "5 %", "99 %", "governor", "ours / governor"]);
    for keys in cases() {
        let laps = race(&mut contenders(keys), effort);
        let ratio = laps[0].times(&laps[1]);
        let mut row = vec![keys.to_string()];
        row.extend([0.5, 0.05, 0.99].map(|share| nanoseconds(laps[0].quantile(share))));
        row.extend([nanoseconds(laps[1].median()), format!("{ratio:.2}")]);
        table.row(row);
        if let Some((_, at_most)) = TARGETS.iter().find(|(count, _)| *count == keys.count) {
            targets.ratio(&format!("decision over governor's, {keys}"), *at_most, ratio);
        }
    }
    println!("{table}");
    for family in [Family::V4, Family::V6] {
        let keys = Keys { family, count: 1 };
        let (rivals, request) = (Rivals::new(keys), Request::new(()));
        let client = rivals.clients[0];
        let calls = allocations(|| rivals.ours.check(client, &(&request).into()).is_pass()).calls;
        targets.count(&format!("allocations of a decision, {keys}"), 0, calls);
    }
}
