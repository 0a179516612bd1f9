use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The file, and the one before it: together no longer than twice the most.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    /// Not there after a failure in between.
    file: Option<File>,
    /// The longest it gets, in bytes.
    most: u64,
}

impl LogFile {
    /// Opens the file, or makes one for its owner's eyes only.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and the remedy. It is left as it was.
    pub(super) fn open(path: &Path, most: u64) -> Result<Self, String> {
        let file = open(path)?;
        Ok(Self { path: path.to_owned(), file: Some(file), most })
    }

    /// Puts whole lines behind what is there. Where that fails, none of them is there.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => open(&self.path).map_err(io::Error::other)?,
        };
        let length = file.metadata()?.len();
        let file = if length > 0 && length.saturating_add(lines.len() as u64) > self.most {
            drop(file);
            fs::rename(&self.path, before(&self.path))?;
            open(&self.path).map_err(io::Error::other)?
        } else {
            file
        };
        let length = file.metadata()?.len();
        if let Err(error) = (&file).write_all(lines) {
            // Half a line would spoil the next one.
            file.set_len(length)?;
            self.file = Some(file);
            return Err(error);
        }
        self.file = Some(file);
        Ok(())
    }
}

/// Where a file goes that is full.
pub(crate) fn before(path: &Path) -> PathBuf {
    let mut before = path.as_os_str().to_owned();
    before.push(".1");
    before.into()
}

fn open(path: &Path) -> Result<File, String> {
    // A pipe would keep whoever opens it waiting, and a link may lead anywhere.
    let there = match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => {
            return Err("is no plain file (a link, a directory, a pipe): name another".to_owned());
        }
        Ok(found) => Some(found),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(format!("cannot be looked at: {error}")),
    };
    let mut options = OpenOptions::new();
    options.append(true).read(true);
    if there.is_none() {
        options.create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    let file = options.open(path).map_err(|error| {
        format!("cannot be opened: {error}. Name a file in a directory that may be written")
    })?;
    private(&file, there.as_ref())?;
    end_the_last_line(&file).map_err(|error| format!("cannot be read: {error}"))?;
    Ok(file)
}

/// It has to be the file that was looked at, and for its owner's eyes only.
#[cfg(unix)]
fn private(file: &File, looked_at: Option<&fs::Metadata>) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;

    let found = file.metadata().map_err(|error| format!("cannot be looked at: {error}"))?;
    if looked_at.is_some_and(|looked_at| (looked_at.dev(), looked_at.ino()) != (found.dev(), found.ino())) {
        return Err("became another file while it was opened: start again".to_owned());
    }
    let mode = found.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!("may be read or written by others (mode {mode:03o}): chmod 600"));
    }
    Ok(())
}

#[cfg(not(unix))]
fn private(_: &File, _: Option<&fs::Metadata>) -> Result<(), String> {
    Ok(())
}

/// Whoever was killed while writing left half a line.
fn end_the_last_line(mut file: &File) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};

    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last != *b"\n" {
        file.write_all(b"\n")?;
    }
    Ok(())
}
