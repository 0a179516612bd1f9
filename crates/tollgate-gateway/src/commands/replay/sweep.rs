use std::io::{self, Write};

use serde_json::json;

use super::{Outcome, Replay, currency, enforced};
use crate::config::Preset;
use crate::replay::{Replayer, Report, Tally, percent};

const PRESETS: [(&str, Preset); 3] =
    [("cautious", Preset::Cautious), ("balanced", Preset::Balanced), ("strict", Preset::Strict)];

impl Replay {
    /// The same events with each preset, in one pass. What the configuration sets itself holds in all of them.
    pub(super) fn sweep(&self) -> Outcome {
        let mut config = self.config.load()?;
        let (mut runs, mut names) = (Vec::new(), Vec::new());
        let mut told_in = None;
        for (name, preset) in PRESETS {
            config.pump_guard.preset = preset;
            let (profiles, _) = enforced(self.config.profiles_of(&config)?);
            names = profiles.names().map(str::to_owned).collect();
            told_in = currency(&profiles);
            runs.push((name, Replayer::new(profiles, config.pump_guard.memory.bytes()), Tally::default()));
        }
        let mut input = self.input(names)?;
        input.each(|event| {
            for (_, replayer, tally) in &mut runs {
                let replayed = replayer.event(event);
                tally.event(event, replayed.as_ref());
            }
            Ok(())
        })?;
        let mut rows: Vec<(&str, Report)> =
            runs.into_iter().map(|(name, _, tally)| (name, tally.report())).collect();
        for (_, report) in &mut rows {
            input.tell(report);
            report.currency.clone_from(&told_in);
        }
        let mut out = std::io::stdout().lock();
        if self.json {
            write_json(&mut out, &rows)?;
        } else {
            write_table(&mut out, &rows)?;
        }
        Ok(())
    }
}

fn write_json(out: &mut impl Write, rows: &[(&str, Report)]) -> io::Result<()> {
    for (preset, report) in rows {
        writeln!(out, "{}", json!({ "preset": preset, "report": report }))?;
    }
    Ok(())
}

fn write_table(out: &mut impl Write, rows: &[(&str, Report)]) -> io::Result<()> {
    let Some((_, any)) = rows.first() else { return Ok(()) };
    for note in &any.notes {
        writeln!(out, "note        {note}")?;
    }
    let labelled = any.labels.is_some();
    let mistakes = if labelled { "legit stopped" } else { "verified but stopped" };
    writeln!(
        out,
        "{:<10} {:>10} {:>8} {:>14} {:>12} {:>22}",
        "preset", "stopped", "%", "stopped money", "fraud spend", mistakes
    )?;
    for (preset, report) in rows {
        let stopped = report.stopped();
        let (wrong, of) = match &report.labels {
            Some(labels) => (labels.legit_stopped.all() + labels.legit_cooled_down, labels.legit),
            None => (report.verified_but_stopped.all(), report.outcomes.verified),
        };
        let fraud = report.labels.as_ref().and_then(|labels| labels.fraud_stopped_percent);
        writeln!(
            out,
            "{preset:<10} {stopped:>10} {:>8.2} {:>14} {:>12} {:>22}",
            percent(stopped, report.sends),
            money(report),
            fraud.map_or("-".to_owned(), |fraud| format!("{fraud:.2} %")),
            format!("{wrong} ({:.3} %)", percent(wrong, of)),
        )?;
    }
    Ok(())
}

fn money(report: &Report) -> String {
    if report.money.priced_sends == 0 { "no prices".to_owned() } else { report.told(report.money.stopped) }
}
