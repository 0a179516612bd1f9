//! The report as a page of its own: it opens without a network, and asks nobody for anything.

mod chart;

use std::fmt::{self, Display, Write};

use self::chart::{bars, line, stacked};
use super::report::{Report, percent};

/// The whole page.
pub(crate) fn page(report: &Report) -> String {
    let mut page = String::new();
    // Writing into a string does not fail.
    let _ = write_page(&mut page, report);
    page
}

fn write_page(out: &mut String, report: &Report) -> fmt::Result {
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Tollgate replay</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <style>{STYLE}</style></head><body><main><h1>What the guard would have done</h1>"
    )?;
    summary(out, report)?;
    let bins = &report.timeline.bins;
    if !bins.is_empty() {
        let column = length(report.timeline.bin_minutes);
        write!(out, "<h2>Attempts and stops over time</h2><p>One column is {column}, in UTC.</p>")?;
        stacked(out, bins)?;
        out.push_str(
            "<h2>Conversion over time</h2><p>The part of the sends that the log says was verified later.</p>",
        );
        line(out, bins)?;
    }
    verdicts(out, report)?;
    ranges(out, report)?;
    countries(out, report)?;
    labels(out, report)?;
    out.push_str("</main></body></html>\n");
    Ok(())
}

fn summary(out: &mut String, report: &Report) -> fmt::Result {
    for note in &report.notes {
        write!(out, "<p class=\"note\"><strong>Note:</strong> {}</p>", Escaped(note))?;
    }
    let when = |at: &Option<String>| at.clone().unwrap_or_else(|| "–".to_owned());
    write!(
        out,
        "<p>{} sends from {} to {}; {} bad lines, {} events out of order.</p><dl class=\"cards\">",
        report.sends,
        Escaped(&when(&report.from)),
        Escaped(&when(&report.until)),
        report.bad_lines,
        report.out_of_order
    )?;
    let stopped = report.stopped();
    card(out, "Stopped", &format!("{stopped} ({:.2} %)", percent(stopped, report.sends)))?;
    let money = &report.money;
    if money.priced_sends == 0 {
        card(out, "Money", "no send has a price")?;
    } else {
        card(out, "Money asked for", &report.told(money.total))?;
        card(out, "Money stopped", &report.told(money.stopped))?;
    }
    let verified = report.outcomes.verified;
    card(out, "Verified in the log", &format!("{verified} ({:.2} %)", percent(verified, report.sends)))?;
    let wrong = report.verified_but_stopped.all();
    card(
        out,
        "Verified but stopped",
        &format!("{wrong} ({:.3} % of the verified)", percent(wrong, verified)),
    )?;
    out.push_str("</dl>");
    Ok(())
}

fn card(out: &mut String, name: &str, value: &str) -> fmt::Result {
    write!(out, "<div><dt>{}</dt><dd>{}</dd></div>", Escaped(name), Escaped(value))
}

fn verdicts(out: &mut String, report: &Report) -> fmt::Result {
    let rows = report.verdicts.iter().map(|row| {
        vec![
            row.verdict.to_owned(),
            row.sends.to_string(),
            format!("{:.2}", percent(row.sends, report.sends)),
            format!("{:.2}", row.price),
        ]
    });
    table(out, "Verdicts", &["verdict", "sends", "%", "money"], rows)?;
    let rows = report.signals.iter().map(|row| {
        let stops = row.stops;
        let counts = [stops.shifted, stops.challenged, stops.blocked].map(|count| count.to_string());
        let [shifted, challenged, blocked] = counts;
        vec![row.signal.to_owned(), shifted, challenged, blocked, format!("{:.2}", row.price)]
    });
    table(
        out,
        "Main reasons of what was stopped",
        &["signal", "shifted", "challenged", "blocked", "money"],
        rows,
    )
}

fn ranges(out: &mut String, report: &Report) -> fmt::Result {
    if report.ranges.is_empty() {
        return Ok(());
    }
    out.push_str("<h2>Number ranges most was stopped of</h2>");
    bars(
        out,
        report.ranges.iter().map(|row| (format!("{} {}", row.range, row.country), row.stopped, row.stopped)),
    )?;
    let rows = report.ranges.iter().map(|row| {
        vec![row.range.clone(), row.country.clone(), row.stopped.to_string(), format!("{:.2}", row.price)]
    });
    table(out, "", &["range", "country", "stopped", "money"], rows)
}

/// As many countries as can be looked at in one chart; the table has all.
const CHARTED: usize = 20;

fn countries(out: &mut String, report: &Report) -> fmt::Result {
    out.push_str("<h2>Countries</h2><p>Sends, and the part of them that was stopped.</p>");
    bars(
        out,
        report.countries.iter().take(CHARTED).map(|row| (row.country.clone(), row.sends, row.stopped)),
    )?;
    let rows = report.countries.iter().map(|row| {
        vec![
            row.country.clone(),
            row.sends.to_string(),
            format!("{:.2}", row.stopped_percent),
            format!("{:.2}", row.verified_percent),
            format!("{:.2}", row.price),
        ]
    });
    table(out, "", &["country", "sends", "stopped %", "verified %", "money"], rows)
}

fn labels(out: &mut String, report: &Report) -> fmt::Result {
    match &report.labels {
        Some(labels) => write!(out, "<h2>By label</h2><pre>{}</pre>", Escaped(labels.to_string().trim())),
        None => Ok(()),
    }
}

fn table(
    out: &mut String,
    title: &str,
    heads: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
) -> fmt::Result {
    if !title.is_empty() {
        write!(out, "<h2>{}</h2>", Escaped(title))?;
    }
    out.push_str("<div class=\"wide\"><table><thead><tr>");
    for head in heads {
        write!(out, "<th scope=\"col\">{}</th>", Escaped(head))?;
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        for cell in row {
            write!(out, "<td>{}</td>", Escaped(&cell))?;
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    Ok(())
}

fn length(minutes: u64) -> String {
    match minutes {
        1 => "1 minute".to_owned(),
        60 => "1 hour".to_owned(),
        1440 => "1 day".to_owned(),
        minutes if minutes.is_multiple_of(1440) => format!("{} days", minutes / 1440),
        minutes if minutes.is_multiple_of(60) => format!("{} hours", minutes / 60),
        minutes => format!("{minutes} minutes"),
    }
}

/// Text that is nothing but text, in elements and in quoted attributes.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

const STYLE: &str = include_str!("html/style.css");

#[cfg(test)]
mod tests;
