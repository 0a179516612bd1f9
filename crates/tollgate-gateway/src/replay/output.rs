use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file that is there whole or not at all: written beside its place, and moved there by [`finish`](Self::finish).
#[derive(Debug)]
pub(crate) struct Output {
    out: BufWriter<Place>,
    /// From where to where it is moved.
    moved: Option<(PathBuf, PathBuf)>,
}

#[derive(Debug)]
enum Place {
    Stdout(io::Stdout),
    File(File),
}

impl Output {
    /// Begins to write to `path`; `-` is standard output. What is no regular file (a pipe, a device) is written to as it
    /// stands.
    ///
    /// # Errors
    ///
    /// That nothing can be written there.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        if path.as_os_str() == "-" {
            return Ok(Self { out: BufWriter::new(Place::Stdout(io::stdout())), moved: None });
        }
        if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            let file = File::options().write(true).open(path)?;
            return Ok(Self { out: BufWriter::new(Place::File(file)), moved: None });
        }
        // Through a symbolic link: the file it names is replaced, not the link.
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut name = place.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let part = place.with_file_name(name);
        let file = File::create(&part)?;
        Ok(Self { out: BufWriter::new(Place::File(file)), moved: Some((part, place)) })
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    ///
    /// That the rest could not be written or the file not be moved: then there is none, or the one from before.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.out.flush()?;
        if let Some((part, place)) = &self.moved {
            if let Place::File(file) = self.out.get_ref() {
                file.sync_all()?;
            }
            fs::rename(part, place)?;
        }
        self.moved = None;
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Write for Place {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

/// Never finished: nothing of it stays.
impl Drop for Output {
    fn drop(&mut self) {
        if let Some((part, _)) = self.moved.take() {
            let _ = fs::remove_file(part);
        }
    }
}
