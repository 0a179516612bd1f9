//! Those who want messages and no codes: what each [`Scenario`] does, a few in a file.

mod bombing;
mod conversion;
mod ground;
mod range;
mod scenario;
mod spread;

use std::time::Duration;

use super::Plan;
use crate::traffic::Event;
use ground::Ground;
pub(crate) use scenario::Scenario;

/// What the attacker of the plan's scenario does, where the first message of all was at `first`.
pub(super) fn traffic(plan: &Plan, seed: u64, first: Duration) -> Vec<Event> {
    let mut ground = Ground::new(plan, seed, first);
    match plan.scenario {
        Scenario::None | Scenario::LaunchDay => {}
        Scenario::SingleIp => range::single_ip(&mut ground),
        Scenario::Residential => range::residential(&mut ground, 4),
        Scenario::Single1k => range::residential(&mut ground, 3),
        Scenario::Single100k => range::residential(&mut ground, 5),
        Scenario::Sequential => range::sequential(&mut ground),
        Scenario::Burst => range::burst(&mut ground),
        Scenario::SlowRamp => range::slow_ramp(&mut ground),
        Scenario::Fresh => range::fresh(&mut ground),
        Scenario::LowAndSlow => spread::low_and_slow(&mut ground),
        Scenario::WholeCountry => spread::whole_country(&mut ground),
        Scenario::HomeCountry => spread::home_country(&mut ground),
        Scenario::SpoofedXff => spread::spoofed_xff(&mut ground),
        Scenario::FakeConversion => conversion::fake(&mut ground, conversion::Typing::Machine),
        Scenario::FakeConversionHuman => conversion::fake(&mut ground, conversion::Typing::Human),
        Scenario::CodeBruteForce => conversion::brute_force(&mut ground),
        Scenario::Bombing => bombing::by_many(&mut ground),
        Scenario::BombingSingleIp => bombing::by_one(&mut ground),
    }
    ground.into_events()
}
