use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::import::{self, Import};
use crate::traffic::{BadLine, Event};

/// One log: its name, and its events.
pub(crate) struct Log {
    /// As it was given; `-` for standard input.
    pub(crate) name: String,
    events: Box<dyn Iterator<Item = Result<Event, BadLine>>>,
}

/// How much of the logs was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extent {
    read: Rc<Cell<u64>>,
    /// Whether one could not be read to its end.
    failed: Rc<Cell<bool>>,
    /// All of it, in bytes; none where that is not known.
    total: Option<u64>,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Log {
    /// Opens each log; `-` is standard input.
    ///
    /// # Errors
    ///
    /// That a file is not there or cannot be read, or that its columns are not those asked for: with its name.
    pub(crate) fn open_all(paths: &[PathBuf], how: &Import) -> Result<(Vec<Self>, Extent), String> {
        if paths.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
            return Err("LOG: \"-\" is given twice: there is one standard input".to_owned());
        }
        let mut extent = Extent { total: Some(0), ..Extent::default() };
        let mut opened = Vec::new();
        for path in paths {
            let name = path.display().to_string();
            let (bytes, length) =
                open(path).map_err(|error| format!("{name}: the log cannot be read: {error}"))?;
            extent.total = extent.total.zip(length).map(|(total, length)| total + length);
            opened.push((name, path, bytes));
        }
        let mut logs = Vec::new();
        for (name, path, bytes) in opened {
            let bytes = BufReader::with_capacity(1 << 16, Counted { bytes, extent: extent.clone() });
            let events =
                import::events(Box::new(bytes), path, how).map_err(|why| format!("{name}: {why}"))?;
            logs.push(Self { name, events });
        }
        Ok((logs, extent))
    }
}

impl Iterator for Log {
    type Item = Result<Event, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        self.events.next()
    }
}

impl Extent {
    /// Whether a log could not be read to its end.
    pub(crate) fn failed(&self) -> bool {
        self.failed.get()
    }

    /// How much, from 0 to 1, where the length is known.
    pub(crate) fn part(&self) -> Option<f64> {
        let total = self.total.filter(|total| *total > 0)?;
        Some(self.read.get() as f64 / total as f64)
    }
}

/// A log's bytes, and how many there are where that is known.
fn open(path: &Path) -> io::Result<(Box<dyn Read>, Option<u64>)> {
    if path.as_os_str() == "-" {
        return Ok((Box::new(io::stdin()), None));
    }
    let file = File::open(path)?;
    let there = file.metadata()?;
    // A directory can be opened, and fails only when it is read.
    if there.is_dir() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a directory: name the files in it"));
    }
    let length = there.is_file().then_some(there.len());
    Ok((Box::new(file), length))
}

struct Counted {
    bytes: Box<dyn Read>,
    extent: Extent,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer);
        match &read {
            Ok(read) => self.extent.read.set(self.extent.read.get() + *read as u64),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.extent.failed.set(true),
        }
        read
    }
}
