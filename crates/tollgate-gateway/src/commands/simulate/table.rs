//! One row for each scenario and guard, over all seeds.

use std::time::Duration;

use serde_json::{Value, json};

use crate::simulate::{Harm, Scenario, Score};

/// What the columns are, in words, for below the table.
pub(super) const LEGEND: &str = "\
stopped   of the fraudulent spend, the mean over the seeds; a challenge stops half of the bots, a shift or a block all
through   messages that got through before 90 % were stopped, the most of any seed; (n): it never came to that
blocked, shifted, challenged   of what people asked for, beyond their number's cool-down
¹         the same in the attacked countries, while the attack lasts
recovery  from the attack's end to the last of its people who was stopped within six hours, the longest of any seed
adaptive  counts but blocks nobody for its first three days: from a cold start it blocks nearly everybody for good";

/// One guard's run through one world.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) seed: u64,
    pub(super) score: Score,
    /// A decision's, of ours.
    pub(super) took: Option<Duration>,
}

impl Run {
    pub(super) fn json(&self, scenario: Scenario, guard: &str) -> Value {
        let Score {
            fraud,
            fraud_spend,
            stopped_percent,
            let_through,
            caught,
            everywhere,
            under_attack,
            recovery,
        } = &self.score;
        let harm = |harm: &Harm| {
            json!({
                "attempts": harm.attempts, "blocked": harm.blocked, "shifted": harm.shifted,
                "challenged": harm.challenged, "cooled_down": harm.cooled_down,
            })
        };
        json!({
            "scenario": scenario.as_str(), "seed": self.seed, "guard": guard, "fraud": fraud, "fraud_spend": fraud_spend,
            "stopped_percent": stopped_percent, "let_through": let_through, "caught": caught,
            "legit": harm(everywhere), "legit_under_attack": harm(under_attack), "recovery_s": recovery.as_secs(),
            "us_a_decision": self.took.map(|took| took.as_secs_f64() * 1e6),
        })
    }
}

pub(super) fn head() -> String {
    format!(
        "{:<22} {:<9} {:>6} {:>8} {:>8} {:>9} {:>9} {:>10} {:>9} {:>9} {:>11} {:>8} {:>5}",
        "scenario",
        "guard",
        "fraud",
        "stopped",
        "through",
        "blocked",
        "shifted",
        "challenged",
        "blocked¹",
        "shifted¹",
        "challenged¹",
        "recovery",
        "µs"
    )
}

pub(super) fn row(scenario: Scenario, guard: &str, runs: &[Run]) -> String {
    let fraud: usize = runs.iter().map(|run| run.score.fraud).sum();
    let stopped: Vec<f64> = runs.iter().filter_map(|run| run.score.stopped_percent).collect();
    let through = runs.iter().map(|run| run.score.let_through).fold(0.0, f64::max);
    let through = match runs.iter().all(|run| run.score.caught) {
        _ if fraud == 0 => "-".to_owned(),
        true => format!("{through:.1}"),
        false => format!("({through:.0})"),
    };
    let share = |harm: fn(&Score) -> Harm, part: fn(&Harm) -> usize| {
        let harms = || runs.iter().map(|run| harm(&run.score));
        let (parts, all) = (
            harms().map(|harm| part(&harm)).sum::<usize>(),
            harms().map(|harm| harm.attempts).sum::<usize>(),
        );
        if all == 0 { "-".to_owned() } else { format!("{:.3} %", percent(parts, all)) }
    };
    let everywhere = |part| share(|score| score.everywhere, part);
    let under_attack = |part| share(|score| score.under_attack, part);
    let recovery = runs.iter().map(|run| run.score.recovery.as_secs() / 60).max().unwrap_or_default();
    let took: Vec<f64> = runs.iter().filter_map(|run| Some(run.took?.as_secs_f64() * 1e6)).collect();
    format!(
        "{:<22} {:<9} {:>6} {:>8} {:>8} {:>9} {:>9} {:>10} {:>9} {:>9} {:>11} {:>8} {:>5}",
        scenario.as_str(),
        guard,
        fraud,
        mean(&stopped).map_or("-".to_owned(), |percent| format!("{percent:.2} %")),
        through,
        everywhere(|harm| harm.blocked),
        everywhere(|harm| harm.shifted),
        everywhere(|harm| harm.challenged),
        under_attack(|harm| harm.blocked),
        under_attack(|harm| harm.shifted),
        under_attack(|harm| harm.challenged),
        if fraud == 0 { "-".to_owned() } else { format!("{recovery} min") },
        mean(&took).map_or(String::new(), |took| format!("{took:.1}")),
    )
}

#[allow(clippy::cast_precision_loss, reason = "counts of messages")]
fn percent(part: usize, all: usize) -> f64 {
    100.0 * part as f64 / all as f64
}

#[allow(clippy::cast_precision_loss, reason = "a handful of seeds")]
fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
