//! Logs of other forms, as events.

mod columns;
mod table;
mod value;

use std::io::BufRead;
use std::path::Path;

use tollgate::pump_guard::{Policy, Profiles};

pub(crate) use self::columns::{Column, column};
use crate::traffic::{BadLine, Event, Kind, Reader};

/// In which form a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Tollgate's own: JSON lines
    Tollgate,
    /// The SMS log export of 8x8, a CSV file; ask 8x8 for one in which phone numbers are not masked
    #[value(name = "8x8")]
    EightByEight,
    /// Another CSV file; --columns says what its columns are
    Csv,
}

/// How logs are read.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    /// None: what each log looks like.
    pub(crate) format: Option<Format>,
    /// What the columns of a CSV file are called, where it is not as expected.
    pub(crate) columns: Vec<Column>,
    /// The profiles there are.
    pub(crate) profiles: Vec<String>,
}

impl Import {
    /// The event, unless it is a send of a profile that is none: nobody could judge it.
    fn judged(&self, event: Event) -> Result<Event, String> {
        match &event.kind {
            Kind::Send(send) if !self.profiles.contains(&send.profile) => Err(format!(
                "profile: {:?} is none: write {}, or give the --config that has it",
                send.profile.chars().take(40).collect::<String>(),
                self.profiles.join(", ")
            )),
            _ => Ok(event),
        }
    }
}

/// The three that there always are.
impl Default for Import {
    fn default() -> Self {
        let profiles = Profiles::new(Policy::default()).names().map(str::to_owned).collect();
        Self { format: None, columns: Vec::new(), profiles }
    }
}

pub(super) type Events = Box<dyn Iterator<Item = Result<Event, BadLine>>>;

/// The events of a log.
///
/// # Errors
///
/// That a column is missing: which, and those that there are. That it is compressed.
pub(super) fn events(mut bytes: Box<dyn BufRead>, path: &Path, how: &Import) -> Result<Events, String> {
    if bytes.fill_buf().unwrap_or_default().starts_with(b"\x1f\x8b") {
        return Err("the log is compressed: zcat LOG | tollgate replay -".to_owned());
    }
    let is_table = match how.format {
        Some(format) => format != Format::Tollgate,
        None => !how.columns.is_empty() || looks_like_a_table(&mut bytes, path),
    };
    if is_table {
        return Ok(Box::new(table::read(bytes, how)?.into_iter()));
    }
    let (mut reader, how) = (Reader::new(bytes), how.clone());
    Ok(Box::new(std::iter::from_fn(move || {
        let read = reader.next()?;
        Some(read.and_then(|event| how.judged(event).map_err(|why| BadLine { line: reader.line(), why })))
    })))
}

/// By the file's name; where that says nothing, by its first line.
fn looks_like_a_table(bytes: &mut impl BufRead, path: &Path) -> bool {
    match path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("csv" | "tsv") => return true,
        Some("jsonl" | "ndjson" | "json") => return false,
        _ => {}
    }
    // What cannot be read is told when it is read.
    let start = bytes.fill_buf().unwrap_or_default();
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    !line.starts_with(b"{") && line.iter().any(|byte| b",;\t".contains(byte))
}

#[cfg(test)]
mod tests;
