mod table;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tollgate::core::SystemClock;
use tollgate::pump_guard::{Action, Mode, Profiles, Signal, Verdict};

use self::table::Run;
use super::print::say;
use super::{Failure, Outcome, PumpGuardFile};
use crate::replay::Replayer;
use crate::simulate::{self, AdaptiveBudget, Decision, PlainLimiter, Plan, Rival, Scenario, generate, score};
use crate::traffic::{self, Event, Kind, Label};

/// Make traffic with known attacks in it, and score the guard on it
///
/// People and fraudsters are made up, the same for the same --seed. One row for each guard: ours, a plain limit per client
/// IP and number, and an adaptive budget of unverified messages per country and IP. The words below the table say what its
/// columns are.
///
/// Without --scenario, all of them: none, single-ip, residential, single-1k, single-100k, sequential, burst, low-and-slow,
/// whole-country, home-country, fake-conversion, fake-conversion-human, bombing, bombing-single-ip, spoofed-xff,
/// code-brute-force, slow-ramp, launch-day, fresh.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tollgate simulate --scenario residential --scenario launch-day --seeds 3\n  \
    tollgate simulate --per-day 20000 --seeds 5\n  \
    tollgate simulate --scenario burst --emit burst.jsonl && tollgate replay burst.jsonl"
)]
pub(super) struct Simulate {
    #[command(flatten)]
    config: PumpGuardFile,
    /// Only this scenario; may be given several times
    #[arg(long, value_name = "NAME")]
    scenario: Vec<Scenario>,
    /// How many messages people want on a usual day, 1 to 200000
    #[arg(long, value_name = "N", default_value_t = 3000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    per_day: u32,
    /// For how many days, 4 to 60
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(4..=60))]
    days: u32,
    /// The first seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many seeds, each a world of its own, 1 to 100
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: u64,
    /// Write the traffic of one scenario and one seed as a log, and score nothing
    #[arg(long, value_name = "LOG", requires = "scenario")]
    emit: Option<PathBuf>,
    /// Say which signals stopped people and fraudsters
    #[arg(long)]
    reasons: bool,
    /// Print a JSON line for each guard, scenario and seed
    #[arg(long)]
    json: bool,
}

impl Simulate {
    pub(super) fn run(self) -> Outcome {
        let config = self.config.load()?;
        let memory = config.pump_guard.memory.bytes();
        let mut profiles = self.config.profiles_of(&config)?;
        // What it would stop, whatever it is allowed to.
        profiles.set_mode(Mode::Enforce);
        if let Some(path) = &self.emit {
            return self.emit(path);
        }
        let scenarios = if self.scenario.is_empty() { Scenario::all() } else { &self.scenario };
        if !self.json {
            say!("{}", table::head());
        }
        for &scenario in scenarios {
            self.score(&profiles, memory, scenario);
        }
        if !self.json {
            say!("\n{}", table::LEGEND);
        }
        Ok(())
    }

    fn events(&self, scenario: Scenario, seed: u64) -> Vec<Event> {
        generate(&Plan { days: self.days, legit_per_day: self.per_day, scenario, ..Plan::default() }, seed)
    }

    fn emit(&self, path: &Path) -> Outcome {
        let [scenario] = self.scenario.as_slice() else {
            return Err(Failure::Input("--emit takes one --scenario".to_owned()));
        };
        let failed = |error: std::io::Error| Failure::Machine(format!("{}: {error}", path.display()));
        let mut log = BufWriter::new(File::create(path).map_err(failed)?);
        for event in self.events(*scenario, self.seed) {
            traffic::write(&mut log, &event).map_err(failed)?;
        }
        log.flush().map_err(failed)
    }

    fn score(&self, profiles: &Profiles, memory: usize, scenario: Scenario) {
        let mut runs = [("tollgate", Vec::new()), ("plain", Vec::new()), ("adaptive", Vec::new())];
        let mut reasons = Reasons::default();
        for seed in self.seed..self.seed.saturating_add(self.seeds) {
            let events = self.events(scenario, seed);
            let (decisions, took) = ours(Replayer::new(profiles.clone(), memory), &events, &mut reasons);
            // From a cold start it would block nearly everybody for good.
            let mut adaptive = AdaptiveBudget::learning_for(Duration::from_secs(3 * 86_400));
            let scored = [
                (decisions, Some(took)),
                (rival(&mut PlainLimiter::default(), &events), None),
                (rival(&mut adaptive, &events), None),
            ];
            for ((_, runs), (decisions, took)) in runs.iter_mut().zip(scored) {
                runs.push(Run { seed, score: score(&events, &decisions), took });
            }
        }
        for (guard, runs) in &runs {
            if self.json {
                runs.iter().for_each(|run| say!("{}", run.json(scenario, guard)));
                continue;
            }
            say!("{}", table::row(scenario, guard, runs));
            if self.reasons && *guard == "tollgate" {
                reasons.print();
            }
        }
    }
}

/// Why ours stopped what it stopped: label, verdict, signal.
#[derive(Debug, Default)]
struct Reasons(BTreeMap<(&'static str, &'static str, &'static str), usize>);

impl Reasons {
    fn add(&mut self, label: Option<Label>, verdict: &Verdict) {
        if let Some(reason) = verdict.main_reason().filter(|_| verdict.action != Action::Allow) {
            let label = label.map_or("", Label::as_str);
            *self.0.entry((label, verdict.action.as_str(), reason.signal.as_str())).or_default() += 1;
        }
    }

    fn print(&self) {
        for ((label, verdict, signal), count) in &self.0 {
            say!("    {label:<6} {verdict:<10} {signal:<20} {count}");
        }
    }
}

/// Our decisions, and how long each took.
fn ours(mut replayer: Replayer, events: &[Event], reasons: &mut Reasons) -> (Vec<Decision>, Duration) {
    let clock = SystemClock::shared();
    let (start, mut decisions) = (clock.monotonic(), Vec::new());
    for event in events {
        if let (Some(replayed), Kind::Send(send)) = (replayer.event(event), &event.kind) {
            reasons.add(send.label, &replayed.verdict);
            decisions.push(decision(&replayed.verdict));
        }
    }
    let took = clock.monotonic().saturating_sub(start);
    let count = u32::try_from(decisions.len()).unwrap_or(u32::MAX).max(1);
    (decisions, took / count)
}

fn rival(rival: &mut impl Rival, events: &[Event]) -> Vec<Decision> {
    simulate::run(rival, events)
}

fn decision(verdict: &Verdict) -> Decision {
    let cooldown = verdict.main_reason().is_some_and(|reason| reason.signal == Signal::NumberCooldown);
    let action = match verdict.action {
        // The first answer again: no other message.
        _ if verdict.repeat => return Decision { action: simulate::Action::Block, cooldown: true },
        Action::Allow => simulate::Action::Allow,
        Action::Shift(_) => simulate::Action::Shift,
        Action::Challenge => simulate::Action::Challenge,
        _ => simulate::Action::Block,
    };
    Decision { action, cooldown }
}
