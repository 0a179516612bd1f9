use std::fmt;

use super::{Labels, Report, percent};

/// For a person at a terminal.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in &self.notes {
            writeln!(f, "note        {note}")?;
        }
        let when = |at: &Option<String>| at.clone().unwrap_or_else(|| "-".to_owned());
        writeln!(f, "time        {} to {}", when(&self.from), when(&self.until))?;
        let told = &self.outcomes;
        writeln!(
            f,
            "log         {} sends; {} verified, {} wrong codes, {} delivery receipts, {} outcomes of no send; {} bad lines, {} out of order",
            self.sends,
            told.verified,
            told.wrong_code,
            told.delivery,
            told.of_no_send,
            self.bad_lines,
            self.out_of_order
        )?;
        self.money(f)?;
        self.verdicts(f)?;
        self.ranges(f)?;
        self.countries(f)?;
        match &self.labels {
            Some(labels) => labels.fmt(f),
            None => writeln!(
                f,
                "\nverified but stopped: {} sends ({:.3} % of the verified): the estimate of false positives, for no send is labelled",
                self.verified_but_stopped.all(),
                percent(self.verified_but_stopped.all(), told.verified)
            ),
        }
    }
}

impl Report {
    fn money(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let money = &self.money;
        if money.priced_sends == 0 {
            return writeln!(f, "money       no send has a price");
        }
        write!(f, "money       {}, of which {} stopped", self.told(money.total), self.told(money.stopped))?;
        match self.sends - money.priced_sends {
            0 => writeln!(f),
            without => writeln!(f, "; {without} sends have no price"),
        }
    }

    fn verdicts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{:<22} {:>10} {:>8} {:>12}", "verdict", "sends", "%", "money")?;
        for row in &self.verdicts {
            let share = percent(row.sends, self.sends);
            writeln!(f, "{:<22} {:>10} {share:>8.2} {:>12.2}", row.verdict, row.sends, row.price)?;
        }
        if self.signals.is_empty() {
            return Ok(());
        }
        let head = ("main reason", "shifted", "challenged", "blocked", "money");
        writeln!(f, "\n{:<22} {:>10} {:>10} {:>10} {:>12}", head.0, head.1, head.2, head.3, head.4)?;
        for row in &self.signals {
            let stops = row.stops;
            writeln!(
                f,
                "{:<22} {:>10} {:>10} {:>10} {:>12.2}",
                row.signal, stops.shifted, stops.challenged, stops.blocked, row.price
            )?;
        }
        Ok(())
    }

    fn ranges(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ranges.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n{:<22} {:<8} {:>9} {:>12}", "range", "country", "stopped", "money")?;
        for row in &self.ranges {
            writeln!(f, "{:<22} {:<8} {:>9} {:>12.2}", row.range, row.country, row.stopped, row.price)?;
        }
        Ok(())
    }

    fn countries(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.countries.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n{:<22} {:>10} {:>10} {:>11} {:>12}",
            "country", "sends", "stopped %", "verified %", "money"
        )?;
        for row in &self.countries {
            writeln!(
                f,
                "{:<22} {:>10} {:>10.2} {:>11.2} {:>12.2}",
                row.country, row.sends, row.stopped_percent, row.verified_percent, row.price
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nlabelled fraud: {} sends, {} of the spend stopped; {:.1} let through {}",
            self.fraud,
            self.fraud_stopped_percent.map_or("-".to_owned(), |percent| format!("{percent:.2} %")),
            self.let_through,
            if self.caught { "before 90 % were stopped" } else { "and never 90 % stopped" }
        )?;
        if let Some(first) = &self.first_fraud {
            let stop = self.first_stop.as_deref().unwrap_or("never");
            writeln!(f, "first fraud {first}, first stop of fraud {stop}")?;
        }
        let stops = self.legit_stopped;
        let share = |part| percent(part, self.legit);
        writeln!(
            f,
            "labelled legit: {} sends; {:.3} % blocked, {:.3} % shifted, {:.3} % challenged; {:.3} % by their number's cool-down",
            self.legit,
            share(stops.blocked),
            share(stops.shifted),
            share(stops.challenged),
            share(self.legit_cooled_down)
        )
    }
}
