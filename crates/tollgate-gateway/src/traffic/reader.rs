use std::fmt;
use std::io::{self, BufRead};

use super::Event;
use super::parse::event;

/// The longest line that is read, in bytes, without its line feed.
pub(crate) const LONGEST: usize = 64 << 10;

/// Reads a log's events. Blank lines and keys it does not know are passed over.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    from: R,
    line: u64,
    buffer: Vec<u8>,
    broken: bool,
}

/// A line that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadLine {
    /// Which one: the first is 1.
    pub(crate) line: u64,
    /// The field, its value, and what would be right. Phone numbers are not repeated.
    pub(crate) why: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads `from`, from where it stands.
    pub(crate) fn new(from: R) -> Self {
        Self { from, line: 0, buffer: Vec::new(), broken: false }
    }

    /// Which line was read last: the first is 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The next line into the buffer, as far as it is to be kept.
    fn next_line(&mut self) -> io::Result<Line> {
        self.buffer.clear();
        let mut line = Line::End;
        loop {
            let read = match self.from.fill_buf() {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if read.is_empty() {
                return Ok(line);
            }
            if matches!(line, Line::End) {
                line = Line::Whole;
            }
            let feed = read.iter().position(|&byte| byte == b'\n');
            let piece = read.get(..feed.unwrap_or(read.len())).unwrap_or_default();
            if self.buffer.len() + piece.len() > LONGEST {
                line = Line::TooLong;
            } else if matches!(line, Line::Whole) {
                self.buffer.extend_from_slice(piece);
            }
            let used = piece.len() + usize::from(feed.is_some());
            self.from.consume(used);
            if feed.is_some() {
                return Ok(line);
            }
        }
    }

    fn bytes(&self) -> &[u8] {
        let bytes = self.buffer.as_slice();
        // What some editors put in front of a text.
        let bytes = if self.line == 1 { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) } else { bytes };
        bytes.trim_ascii()
    }
}

enum Line {
    End,
    Whole,
    TooLong,
}

/// Ends with the input, and after the one [`BadLine`] that says that the input itself could not be read.
impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Event, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.broken {
            self.line += 1;
            let event = match self.next_line() {
                Ok(Line::End) => return None,
                Ok(Line::TooLong) => {
                    Err(format!("longer than {LONGEST} bytes: an event is one line of its own"))
                }
                Ok(Line::Whole) if self.bytes().is_empty() => continue,
                Ok(Line::Whole) => event(self.bytes()),
                Err(error) => {
                    self.broken = true;
                    Err(format!("the log cannot be read any further: {error}"))
                }
            };
            return Some(event.map_err(|why| BadLine { line: self.line, why }));
        }
        None
    }
}
