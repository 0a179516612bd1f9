//! Logs of other forms, as events.

use std::io::BufRead;
use std::path::Path;

use crate::traffic::{BadLine, Event, Reader};

/// In which form a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Tollgate's own: JSON lines
    Tollgate,
}

/// How logs are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Import {
    /// None: what each log looks like.
    pub(crate) format: Option<Format>,
}

pub(super) type Events = Box<dyn Iterator<Item = Result<Event, BadLine>>>;

/// The events of a log.
pub(super) fn events(bytes: Box<dyn BufRead>, _path: &Path, _how: &Import) -> Result<Events, String> {
    Ok(Box::new(Reader::new(bytes)))
}
