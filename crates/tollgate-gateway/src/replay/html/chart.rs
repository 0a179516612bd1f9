//! Charts as inline SVG.

use std::fmt::{self, Write};

use super::Escaped;
use crate::replay::report::{Bin, percent};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 240.0;
/// Left of a chart, for its axis; below it, for its times.
const AXIS: f64 = 60.0;
const FOOT: f64 = 24.0;
/// Above it, for its legend.
const HEAD: f64 = 24.0;

/// Sends over time, a column for each piece of time: what went out below, what was stopped above.
pub(super) fn stacked(out: &mut String, bins: &[Bin]) -> fmt::Result {
    let most = bins.iter().map(|bin| bin.sends).max().unwrap_or_default().max(1);
    let stopped: u64 = bins.iter().map(|bin| bin.stops.all()).sum();
    let sends: u64 = bins.iter().map(|bin| bin.sends).sum();
    open(
        out,
        &format!("Sends over time: {sends}, of which {stopped} stopped; at most {most} in one column"),
    )?;
    legend(out)?;
    grid(out, bins, &[(0.0, "0".to_owned()), (1.0, most.to_string())])?;
    let column = (WIDTH - AXIS) / bins.len() as f64;
    for (i, bin) in bins.iter().enumerate() {
        let stops = bin.stops;
        let gone = bin.sends.saturating_sub(stops.all());
        let title = format!(
            "{}: {gone} let through, {} shifted, {} challenged, {} blocked",
            bin.at, stops.shifted, stops.challenged, stops.blocked
        );
        write!(out, "<g><title>{}</title>", Escaped(&title))?;
        let (x, mut below) = (AXIS + column * i as f64, 0);
        let layers = [
            (gone, "allow"),
            (stops.shifted, "shift"),
            (stops.challenged, "challenge"),
            (stops.blocked, "block"),
        ];
        for (count, class) in layers.into_iter().filter(|(count, _)| *count > 0) {
            below += count;
            let (y, height) = (y(below as f64 / most as f64), HEIGHT * count as f64 / most as f64);
            let width = (column - 1.0).max(0.5);
            write!(
                out,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
            )?;
        }
        out.push_str("</g>");
    }
    out.push_str("</svg>");
    Ok(())
}

/// The part verified over time; broken where nothing was sent.
pub(super) fn line(out: &mut String, bins: &[Bin]) -> fmt::Result {
    let verified: u64 = bins.iter().map(|bin| bin.verified).sum();
    let sends: u64 = bins.iter().map(|bin| bin.sends).sum();
    open(out, &format!("Conversion over time: {:.1} % in all", percent(verified, sends)))?;
    grid(out, bins, &[(0.0, "0 %".to_owned()), (0.5, "50 %".to_owned()), (1.0, "100 %".to_owned())])?;
    let column = (WIDTH - AXIS) / bins.len() as f64;
    let mut path = String::new();
    let mut pen = 'M';
    for (i, bin) in bins.iter().enumerate() {
        if bin.sends == 0 {
            pen = 'M';
            continue;
        }
        let x = AXIS + column * (i as f64 + 0.5);
        let y = y(percent(bin.verified, bin.sends) / 100.0);
        // A point alone is a line too.
        write!(path, "{pen}{x:.1} {y:.1}h.1")?;
        pen = 'L';
    }
    write!(out, "<path class=\"conversion\" d=\"{path}\"/></svg>")
}

/// A bar for each row: its name, how many, and how many of them were stopped.
pub(super) fn bars(out: &mut String, rows: impl Iterator<Item = (String, u64, u64)>) -> fmt::Result {
    const ROW: f64 = 22.0;
    const NAME: f64 = 220.0;
    const COUNT: f64 = 160.0;
    let rows: Vec<_> = rows.collect();
    let most = rows.iter().map(|(_, all, _)| *all).max().unwrap_or_default().max(1);
    let label = rows.iter().map(|(name, all, stopped)| format!("{name}: {all}, {stopped} stopped"));
    let label = label.collect::<Vec<_>>().join("; ");
    let height = ROW * rows.len() as f64;
    write!(out, "<svg role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {WIDTH} {height}\">", Escaped(&label))?;
    let scale = (WIDTH - NAME - COUNT) / most as f64;
    for (i, (name, all, stopped)) in rows.iter().enumerate() {
        let y = ROW * i as f64;
        let (whole, part) = (*all as f64 * scale, *stopped as f64 * scale);
        write!(
            out,
            "<text x=\"0\" y=\"{:.1}\">{}</text>\
             <rect class=\"allow\" x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"16\"/>\
             <rect class=\"block\" x=\"{NAME}\" y=\"{y:.1}\" width=\"{part:.1}\" height=\"16\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{all}, {stopped} stopped</text>",
            y + 13.0,
            Escaped(name),
            NAME + part,
            (whole - part).max(0.0),
            NAME + whole + 6.0,
            y + 13.0,
        )?;
    }
    out.push_str("</svg>");
    Ok(())
}

fn open(out: &mut String, label: &str) -> fmt::Result {
    let height = HEAD + HEIGHT + FOOT;
    write!(out, "<svg role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {WIDTH} {height}\">", Escaped(label))
}

/// From the bottom (0) to the top (1).
fn y(part: f64) -> f64 {
    HEAD + HEIGHT * (1.0 - part)
}

fn legend(out: &mut String) -> fmt::Result {
    let names =
        [("allow", "let through"), ("shift", "shifted"), ("challenge", "challenged"), ("block", "blocked")];
    for (i, (class, name)) in names.into_iter().enumerate() {
        let x = AXIS + 110.0 * i as f64;
        write!(
            out,
            "<rect class=\"{class}\" x=\"{x}\" y=\"2\" width=\"12\" height=\"12\"/><text x=\"{}\" y=\"13\">{name}</text>",
            x + 17.0
        )?;
    }
    Ok(())
}

/// Lines across with their names, and the times of the first, the middle and the last column.
fn grid(out: &mut String, bins: &[Bin], lines: &[(f64, String)]) -> fmt::Result {
    for (part, name) in lines {
        let y = y(*part);
        write!(
            out,
            "<path class=\"grid\" d=\"M{AXIS} {y:.1}H{WIDTH}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            AXIS - 6.0,
            y + 4.0,
            Escaped(name)
        )?;
    }
    let foot = HEAD + HEIGHT + 17.0;
    let times = [
        (0, "start", AXIS),
        (bins.len() / 2, "middle", (AXIS + WIDTH) / 2.0),
        (bins.len().saturating_sub(1), "end", WIDTH),
    ];
    for (i, anchor, x) in times {
        if let Some(bin) = bins.get(i) {
            write!(out, "<text x=\"{x}\" y=\"{foot}\" text-anchor=\"{anchor}\">{}</text>", Escaped(&bin.at))?;
        }
    }
    Ok(())
}
