use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use tollgate::pump_guard::{Mode, Policy};

use super::{Failure, Outcome, PumpGuardFile};
use crate::replay::{Log, Merge, Output, Replayer, decisions};
use crate::traffic::Kind;

/// Run past traffic through the guard and report what would have happened
///
/// A log is JSON lines, oldest first: {"at":"2026-03-01T09:00:00Z","event":"send","id":"s1","client_ip":"203.0.113.7",
/// "destination":"+6281234567890"} and what became of it, {"at":…,"event":"verified","id":"s1"}, "wrong_code", or
/// "delivery" with a "state". Several logs are merged by time. A line that cannot be read is told and skipped.
///
/// Nothing is sent and no state is opened: the guard begins knowing nobody, so that its first hours are not its best. It
/// acts in the replay even where the configuration only monitors.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tollgate replay --config tollgate.toml march.jsonl\n  zcat march.jsonl.gz | tollgate replay --decisions decisions.jsonl -"
)]
pub(super) struct Replay {
    #[command(flatten)]
    config: PumpGuardFile,
    /// Write one JSON line for each send, in order: {"id","verdict","score","reasons","retry_after_s"}; "-" is standard
    /// output, and the report goes to standard error
    #[arg(long, value_name = "OUT")]
    decisions: Option<PathBuf>,
    /// The logs; "-" is standard input
    #[arg(value_name = "LOG", required = true)]
    logs: Vec<PathBuf>,
}

/// How many lines that cannot be read are told one by one.
const TOLD: u64 = 20;

impl Replay {
    pub(super) fn run(self) -> Outcome {
        let policy = self.policy()?;
        let logs = Log::open_all(&self.logs).map_err(Failure::Input)?;
        let names: Vec<String> = logs.iter().map(|log| log.name.clone()).collect();
        let mut decided = self.decisions.as_deref().map(output).transpose()?;
        let mut events = Merge::new(logs);
        let mut replayer = Replayer::new(policy);
        let (mut sends, mut bad_lines) = (0_u64, 0_u64);
        for event in &mut events {
            let event = match event {
                Ok(event) => event,
                Err((log, bad)) => {
                    bad_lines += 1;
                    if bad_lines <= TOLD {
                        eprintln!("{}: {bad}", names.get(log).map_or("", String::as_str));
                    }
                    continue;
                }
            };
            let replayed = replayer.event(&event);
            if let (Some(replayed), Kind::Send(send)) = (replayed, &event.kind) {
                sends += 1;
                if let Some(out) = &mut decided {
                    decisions::write(out, &send.id, &replayed.verdict)?;
                }
            }
        }
        if let Some(out) = decided {
            out.finish()?;
        }
        let mut out: Box<dyn Write> = if self.decisions.as_deref().is_some_and(is_stdout) {
            Box::new(io::stderr())
        } else {
            Box::new(io::stdout())
        };
        writeln!(out, "{sends} sends, {bad_lines} bad lines, {} out of order", events.out_of_order)?;
        Ok(())
    }

    /// What would have happened: the guard acts, whatever its mode.
    fn policy(&self) -> Result<Policy, Failure> {
        let mut policy = self.config.policy()?;
        if policy.mode != Mode::Enforce {
            eprintln!("tollgate: pump_guard.mode is not \"enforce\": replayed as if it were");
            policy.mode = Mode::Enforce;
        }
        Ok(policy)
    }
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn output(path: &Path) -> Result<Output, Failure> {
    Output::create(path)
        .map_err(|error| Failure::Input(format!("{}: cannot be written: {error}", path.display())))
}
