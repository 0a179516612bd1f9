mod sweep;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use tollgate::pump_guard::{Mode, Profile, Profiles};

use super::{Failure, Outcome, PumpGuardFile};
use crate::replay::{
    Column, Extent, Format, Import, Log, Merge, Output, Progress, Replayer, Report, Tally, column, decisions,
    html,
};
use crate::traffic::{Event, Kind};

/// Run past traffic through the guard and report what would have happened
///
/// A log is JSON lines, oldest first: {"at":"2026-03-01T09:00:00Z","event":"send","id":"s1","client_ip":"203.0.113.7",
/// "destination":"+6281234567890"} and what became of it, {"at":…,"event":"verified","id":"s1"}, "wrong_code", or
/// "delivery" with a "state". Several logs are merged by time. A line that cannot be read is told and skipped.
///
/// Nothing is sent and no state is opened: the guard begins knowing nobody, so that its first hours are not its best. It
/// acts in the replay even where the configuration only monitors. Stopped is what it would have shifted to another channel,
/// challenged or blocked; where no send is labelled, those of them that the log says were verified are the estimate of
/// false positives. A send's price is the log's, else that of [pump_guard.prices].
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tollgate replay --config tollgate.toml march.jsonl\n  zcat march.jsonl.gz | tollgate replay --decisions decisions.jsonl -\n  tollgate replay --sweep march.jsonl\n  tollgate replay --format csv march.csv \\\n    --columns at=Timestamp,destination=To,client_ip=IP,verified_at=Verified"
)]
pub(super) struct Replay {
    #[command(flatten)]
    config: PumpGuardFile,
    /// Write one JSON line for each send, in order: {"id":"s1","verdict":"block","score":85,"reasons":
    /// ["range_conversion"],"retry_after_s":90}, and "repeat":true where the same person pressed again within seconds and
    /// got the first answer. "-" is standard output, and the report goes to standard error
    #[arg(long, value_name = "OUT")]
    decisions: Option<PathBuf>,
    /// Write the sends that should not have been stopped as JSON lines, with the evidence: those labelled legit; without
    /// labels, those verified later
    #[arg(long, value_name = "OUT")]
    false_positives: Option<PathBuf>,
    /// Write the report with its charts as an HTML page, which needs no network
    #[arg(long, value_name = "OUT")]
    html: Option<PathBuf>,
    /// Replay with each preset instead, and print one row for each
    #[arg(long, conflicts_with_all = ["decisions", "false_positives", "html"])]
    sweep: bool,
    /// In which form the logs are; left out: what each looks like, by its extension (.jsonl, .csv), else its first line
    #[arg(long)]
    format: Option<Format>,
    /// What the columns of a CSV log are called, where it is not our name: at, destination (both needed), id, client_ip,
    /// country, channel, profile, price, label, verified_at, status (delivered, undelivered, rejected), status_at. A time
    /// without an offset is in UTC
    #[arg(long, value_name = "FIELD=HEADER", value_delimiter = ',', value_parser = column)]
    columns: Vec<Column>,
    /// Print the report as one JSON object (with --sweep, one line for each preset)
    #[arg(long)]
    json: bool,
    /// The logs; "-" is standard input
    #[arg(value_name = "LOG", required = true)]
    logs: Vec<PathBuf>,
}

/// How many lines that cannot be read are told one by one.
const TOLD: u64 = 20;

impl Replay {
    pub(super) fn run(self) -> Outcome {
        if self.sweep {
            return self.sweep();
        }
        self.check_outputs()?;
        let config = self.config.load()?;
        let (profiles, note) = enforced(self.config.profiles_of(&config)?);
        let names = profiles.names().map(str::to_owned).collect();
        let currency = currency(&profiles);
        let mut replayer = Replayer::new(profiles, config.pump_guard.memory.bytes());
        let mut tally = Tally::default();
        let mut input = self.input(names)?;
        let mut decided = self.decisions.as_deref().map(output).transpose()?;
        let mut mistakes = self.false_positives.as_deref().map(output).transpose()?;
        let page = self.html.as_deref().map(output).transpose()?;
        input.each(|event| {
            let replayed = replayer.event(event);
            if let (Some(out), Some(replayed), Kind::Send(send)) = (&mut decided, &replayed, &event.kind) {
                decisions::write(out, &send.id, &replayed.verdict)?;
            }
            let mistake = tally.event(event, replayed.as_ref());
            if let (Some(out), Some(mistake)) = (&mut mistakes, mistake) {
                serde_json::to_writer(&mut *out, &mistake)?;
                out.write_all(b"\n")?;
            }
            Ok(())
        })?;
        for out in decided.into_iter().chain(mistakes) {
            out.finish()?;
        }
        let mut report = tally.report();
        report.notes.extend(note);
        report.currency = currency;
        input.tell(&mut report);
        if let Some(mut out) = page {
            out.write_all(html::page(&report).as_bytes())?;
            out.finish()?;
        }
        self.print(&report)
    }

    fn outputs(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.decisions, &self.false_positives, &self.html].into_iter().flatten()
    }

    /// No output is written to where another is, nor in the place of a log.
    fn check_outputs(&self) -> Outcome {
        let place = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
        let mut taken: Vec<PathBuf> =
            self.logs.iter().filter(|log| log.as_os_str() != "-").map(place).collect();
        for out in self.outputs() {
            let here = place(out);
            let is_device = here.metadata().is_ok_and(|there| !there.is_file());
            if !is_device && taken.contains(&here) {
                let out = out.display();
                return Err(Failure::Input(format!(
                    "{out}: already a LOG or another OUT: name another file"
                )));
            }
            taken.push(here);
        }
        Ok(())
    }

    fn input(&self, profiles: Vec<String>) -> Result<Input, Failure> {
        let how = Import { format: self.format, columns: self.columns.clone(), profiles };
        let (logs, extent) = Log::open_all(&self.logs, &how).map_err(Failure::Input)?;
        Ok(Input {
            names: logs.iter().map(|log| log.name.clone()).collect(),
            events: Merge::new(logs),
            extent,
            progress: Progress::new(self.json),
            bad_lines: 0,
        })
    }

    fn print(&self, report: &Report) -> Outcome {
        let taken = self.outputs().any(|out| out.as_os_str() == "-");
        let mut out: Box<dyn Write> = if taken { Box::new(io::stderr()) } else { Box::new(io::stdout()) };
        if self.json {
            let text = serde_json::to_string(report).map_err(|error| Failure::Machine(error.to_string()))?;
            writeln!(out, "{text}")?;
        } else {
            write!(out, "{report}")?;
        }
        Ok(())
    }
}

/// The logs as one, and what is to be told of them.
struct Input {
    names: Vec<String>,
    events: Merge<Log>,
    extent: Extent,
    progress: Progress,
    bad_lines: u64,
}

impl Input {
    fn each(&mut self, mut take: impl FnMut(&Event) -> io::Result<()>) -> Outcome {
        for event in &mut self.events {
            match event {
                Ok(event) => {
                    self.progress.event(|| self.extent.part());
                    take(&event)?;
                }
                Err((log, bad)) => {
                    self.bad_lines += 1;
                    if self.bad_lines <= TOLD {
                        self.progress.clear();
                        eprintln!("{}: {bad}", self.names.get(log).map_or("", String::as_str));
                    }
                }
            }
        }
        self.progress.clear();
        if self.extent.failed() {
            return Err(Failure::Machine(
                "a log could not be read to its end: nothing is written".to_owned(),
            ));
        }
        if self.bad_lines > TOLD {
            eprintln!("and {} lines more that cannot be read", self.bad_lines - TOLD);
        }
        Ok(())
    }

    /// Puts into the report what the tally does not see.
    fn tell(&self, report: &mut Report) {
        report.bad_lines = self.bad_lines;
        report.out_of_order = self.events.out_of_order;
        if report.out_of_order > 0 {
            report.notes.push(format!(
                "{} events are older than the one before them in their log, and were taken as if they happened with it: \
                 sort the log by \"at\"",
                report.out_of_order
            ));
        }
        if report.sends > 0 && report.outcomes.verified == 0 {
            report.notes.push(
                "the log says of no send that it was verified: the signals that learn from it were silent, and who would \
                 have been stopped by mistake cannot be told"
                    .to_owned(),
            );
        }
    }
}

/// What would have happened: the guard acts, whatever its mode. And a note, where that is not its mode.
fn enforced(mut profiles: Profiles) -> (Profiles, Option<String>) {
    let note = match profiles.mode() {
        Mode::Enforce => None,
        Mode::Monitor => Some("monitor"),
        Mode::Off => Some("off"),
    };
    profiles.set_mode(Mode::Enforce);
    (profiles, note.map(|mode| format!("pump_guard.mode is \"{mode}\": replayed as if it were \"enforce\"")))
}

/// Of what strangers' buttons cost: that of all profiles, unless one has prices of its own.
fn currency(profiles: &Profiles) -> Option<String> {
    profiles.policy(Profile::Otp).prices.as_ref().map(|prices| prices.currency.clone())
}

fn output(path: &Path) -> Result<Output, Failure> {
    Output::create(path)
        .map_err(|error| Failure::Input(format!("{}: cannot be written: {error}", path.display())))
}
