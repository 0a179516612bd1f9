use std::time::Duration;

use clap::Args;
use serde_json::json;
use tollgate::pump_guard::{Action, Policy, Signal};

use super::{Outcome, PumpGuardFile};
use crate::replay::Replayer;
use crate::simulate::{self, AdaptiveBudget, Decision, PlainLimiter, Plan, Scenario, Score, generate, score};

/// Make traffic with known attacks in it, and score the guard on it
///
/// People and fraudsters are made up, the same for the same --seed. One row for each guard: ours, a plain limit per client IP
/// and number, and an adaptive budget of unverified messages per country and IP. A challenge is taken to stop half of the
/// bots, a shift to another channel and a block all of them.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  tollgate simulate --scenario residential --scenario launch-day --seeds 3"
)]
pub(super) struct Simulate {
    #[command(flatten)]
    config: PumpGuardFile,
    /// Only this scenario; may be given several times
    #[arg(long, value_name = "NAME")]
    scenario: Vec<Scenario>,
    /// How many messages people want on a usual day
    #[arg(long, value_name = "N", default_value_t = 3000)]
    per_day: u32,
    /// For how many days
    #[arg(long, value_name = "N", default_value_t = 7)]
    days: u32,
    /// The first seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many seeds, each a world of its own
    #[arg(long, value_name = "N", default_value_t = 1)]
    seeds: u64,
    /// Say which signals stopped legitimate attempts and fraud
    #[arg(long)]
    reasons: bool,
    /// Print JSON lines
    #[arg(long)]
    json: bool,
}

impl Simulate {
    pub(super) fn run(self) -> Outcome {
        let policy = self.config.policy()?;
        let scenarios =
            if self.scenario.is_empty() { Scenario::all().to_vec() } else { self.scenario.clone() };
        if !self.json {
            println!(
                "{:<22} {:>4} {:<9} {:>7} {:>8} {:>8}  {:>8} {:>8}  {:>9} {:>9}  {:>8} {:>6}",
                "scenario",
                "seed",
                "guard",
                "fraud",
                "stopped",
                "through",
                "blocked",
                "stepped",
                "blocked¹",
                "stepped¹",
                "recovery",
                "µs"
            );
        }
        for scenario in scenarios {
            for seed in self.seed..self.seed.saturating_add(self.seeds) {
                self.score(&policy, scenario, seed);
            }
        }
        if !self.json {
            println!("\n¹ of the legitimate attempts in the attacked countries, while the attack lasts");
        }
        Ok(())
    }

    fn score(&self, policy: &Policy, scenario: Scenario, seed: u64) {
        let plan = Plan { days: self.days, legit_per_day: self.per_day, scenario, ..Plan::default() };
        let events = generate(&plan, seed);
        let clock = tollgate::core::SystemClock::shared();
        let start = clock.monotonic();
        let mut replayer = Replayer::new(policy.clone());
        let mut decisions = Vec::new();
        let mut why: std::collections::BTreeMap<(String, &'static str, &'static str), usize> =
            Default::default();
        for event in &events {
            if let (Some(replayed), crate::traffic::Kind::Send(send)) = (replayer.event(event), &event.kind) {
                let verdict = &replayed.verdict;
                if let Some(reason) = verdict.main_reason().filter(|_| verdict.action != Action::Allow) {
                    let label = send.label.map_or("", |label| label.as_str());
                    *why.entry((label.to_owned(), reason.signal.as_str(), verdict.action.as_str()))
                        .or_default() += 1;
                    if self.reasons
                        && label == "legit"
                        && std::env::var("WHY").is_ok_and(|s| s == reason.signal.as_str())
                    {
                        eprintln!("{:?} {} {reason}", event.at, verdict.score);
                    }
                }
                decisions.push(decision(verdict));
            }
        }
        let took = clock.monotonic().saturating_sub(start);
        self.row(
            scenario,
            seed,
            "tollgate",
            &score(&events, &decisions),
            Some(took / u32::try_from(decisions.len()).unwrap_or(1).max(1)),
        );
        if self.reasons {
            for ((label, signal, action), count) in why {
                println!("    {label:<6} {action:<10} {signal:<20} {count}");
            }
        }
        let plain = simulate::run(&mut PlainLimiter::default(), &events);
        self.row(scenario, seed, "plain", &score(&events, &plain), None);
        let adaptive =
            simulate::run(&mut AdaptiveBudget::learning_for(Duration::from_secs(3 * 86_400)), &events);
        self.row(scenario, seed, "adaptive", &score(&events, &adaptive), None);
    }

    fn row(&self, scenario: Scenario, seed: u64, guard: &str, score: &Score, took: Option<Duration>) {
        let percent = |part: usize, of: usize| if of == 0 { 0.0 } else { 100.0 * part as f64 / of as f64 };
        let (all, under) = (score.everywhere, score.under_attack);
        let stepped = |harm: simulate::Harm| percent(harm.shifted + harm.challenged, harm.attempts);
        if self.json {
            println!("{}", json!({"scenario": scenario.as_str(), "seed": seed, "guard": guard}));
            return;
        }
        println!(
            "{:<22} {:>4} {:<9} {:>7} {:>8} {:>8}  {:>7.3}% {:>7.3}%  {:>8.2}% {:>8.2}%  {:>7}m {:>6}",
            scenario.as_str(),
            seed,
            guard,
            score.fraud,
            score.stopped_percent.map_or("-".to_owned(), |percent| format!("{percent:.2}%")),
            if score.caught {
                format!("{:.1}", score.let_through)
            } else {
                format!("({:.0})", score.let_through)
            },
            percent(all.blocked, all.attempts),
            stepped(all),
            percent(under.blocked, under.attempts),
            stepped(under),
            score.recovery.as_secs() / 60,
            took.map_or(String::new(), |took| format!("{:.1}", took.as_secs_f64() * 1e6)),
        );
    }
}

fn decision(verdict: &tollgate::pump_guard::Verdict) -> Decision {
    let action = match verdict.action {
        Action::Allow => simulate::Action::Allow,
        Action::Shift(_) => simulate::Action::Shift,
        Action::Challenge => simulate::Action::Challenge,
        _ => simulate::Action::Block,
    };
    let cooldown = verdict.main_reason().is_some_and(|reason| reason.signal == Signal::NumberCooldown);
    Decision { action, cooldown }
}
