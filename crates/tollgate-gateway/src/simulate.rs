//! Traffic that never was, with attacks whose beginning and end are known: the same for the same plan and seed, on one
//! platform (elsewhere a logarithm may end in another digit).
//!
//! * [`generate`] makes it: [`people`] want codes, and the attackers of a [`Scenario`] want messages.
//! * [`rivals`] are other guards, to hold ours against.
//! * [`score()`] says what a guard stopped, and whom it hurt.
//!
//! Nothing here reads a clock or writes anything.

mod attacks;
mod dice;
mod people;
mod rivals;
mod score;
mod tape;
mod world;

use std::collections::HashMap;
use std::time::Duration;

pub(crate) use self::{
    attacks::Scenario,
    rivals::{AdaptiveBudget, PlainLimiter, Rival, run},
    score::{Action, Decision, Harm, Score, before_it_was_stopped, score},
    world::Country,
};
use crate::traffic::{Event, Kind};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// When every simulation begins: 2026-03-02T00:00Z, a Monday.
pub(crate) const START: Duration = Duration::from_secs(1_772_409_600);

/// What traffic to make.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// How many days people ask for codes. From 6 on, an attack has 3 days before it and half a day after it.
    pub(crate) days: u32,
    /// How many messages they want on a usual day, in all countries together.
    pub(crate) legit_per_day: u32,
    /// What happens to them.
    pub(crate) scenario: Scenario,
    /// Where the tenant is at home, the greatest market first; 90 % of the people are there.
    pub(crate) homes: Vec<&'static Country>,
}

/// A week of a tenant in South-East Asia, and nothing happens.
impl Default for Plan {
    fn default() -> Self {
        let homes = ["ID", "SG", "PH"].into_iter().filter_map(world::country).collect();
        Self { days: 7, legit_per_day: 3000, scenario: Scenario::None, homes }
    }
}

impl Plan {
    /// The day on which the attack begins, counted from 0: late, yet never without three days before it.
    fn attack_day(&self) -> u32 {
        self.days.saturating_sub(3).max(3)
    }

    fn is_home(&self, country: &Country) -> bool {
        self.homes.iter().any(|home| home.code == country.code)
    }
}

/// Makes the traffic of `plan`: oldest first, every send labelled and priced, ids `s1`, `s2`, … in that order.
///
/// The people are the same whatever the scenario, except on a launch day.
pub(crate) fn generate(plan: &Plan, seed: u64) -> Vec<Event> {
    let mut events = people::traffic(plan, seed);
    events.sort_by_key(|event| event.at);
    let first = events.first().map_or(START, |event| event.at);
    events.extend(attacks::traffic(plan, seed, first));
    // Stable: what became of a send stays behind it.
    events.sort_by_key(|event| event.at);
    rename(&mut events);
    events
}

/// Until here an id tells the attacker's sends from the others.
fn rename(events: &mut [Event]) {
    let mut names = HashMap::new();
    for event in events {
        match &mut event.kind {
            Kind::Send(send) => {
                let name = format!("s{}", names.len() + 1);
                names.insert(std::mem::replace(&mut send.id, name.clone()), name);
            }
            Kind::Outcome { id, .. } => {
                if let Some(name) = names.get(id) {
                    id.clone_from(name);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
