use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::traffic::{BadLine, Event, Reader};

/// One log: its name, and its events.
pub(crate) struct Log {
    /// As it was given; `-` for standard input.
    pub(crate) name: String,
    events: Box<dyn Iterator<Item = Result<Event, BadLine>>>,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Log {
    /// Opens the log at `path`; `-` is standard input.
    ///
    /// # Errors
    ///
    /// That there is no such file, or that it cannot be read: with its name.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        let bytes: Box<dyn Read> = if path == Path::new("-") {
            Box::new(io::stdin())
        } else {
            Box::new(open(path).map_err(|error| format!("{name}: the log cannot be read: {error}"))?)
        };
        let events = Box::new(Reader::new(BufReader::with_capacity(1 << 16, bytes)));
        Ok(Self { name, events })
    }

    /// Opens each; standard input can be read only once.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub(crate) fn open_all(paths: &[PathBuf]) -> Result<Vec<Self>, String> {
        if paths.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
            return Err("LOG: \"-\" is given twice: there is one standard input".to_owned());
        }
        paths.iter().map(|path| Self::open(path)).collect()
    }
}

impl Iterator for Log {
    type Item = Result<Event, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        self.events.next()
    }
}

/// A directory can be opened, and fails only when it is read.
fn open(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a directory: name the files in it"));
    }
    Ok(file)
}
