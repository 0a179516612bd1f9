//! The `Forwarded` header (RFC 7239), by its grammar and nothing else.
//!
//! ```text
//! Forwarded         = 1#forwarded-element
//! forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )
//! forwarded-pair    = token "=" ( token / quoted-string )
//! ```
//!
//! A comma in quotes does not separate, and an attacker's open quote would swallow what a proxy appends: no splitter
//! gets both right. So a line that has to be read is read whole, from its left end, and is wrong as a whole where it is
//! wrong anywhere. Lines stay apart, so a line of the attacker's own cannot reach into the proxy's.

use http::header::ValueIter;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::addr::Addr;
use crate::entry::{Fault, parse_node};
use crate::walk::{Entry, MAX_VISITED, Stop, Walk};

/// RFC 7239 has four parameters; beyond this many in one element there is nothing to say.
const MAX_PARAMETERS: usize = 16;

/// The longest node in bytes, quotes and escapes counted: an IPv6 address with a zone and a port has room twice over.
const LONGEST_NODE: usize = 128;

/// The elements of all lines, from the last of the last line.
pub(crate) struct Elements<'a> {
    lines: ValueIter<'a, HeaderValue>,
    /// How many lines were read.
    read: usize,
    line: Line<'a>,
    visited: usize,
    found: usize,
}

/// A line that follows the grammar, as far as anybody will walk it.
struct Line<'a> {
    bytes: &'a [u8],
    /// The last [`MAX_VISITED`] elements, in a ring.
    last: [Element; MAX_VISITED],
    /// How many are left to be given out, of all there were.
    left: usize,
}

/// Where in its line the value of an element's `for` is; the whole element where it has none.
#[derive(Clone, Copy, Default)]
struct Element {
    start: usize,
    end: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Empty,
    /// A token, or a quoted string with its quotes.
    Node,
    /// Parameters, and no `for` among them.
    WithoutFor,
}

impl<'a> Elements<'a> {
    pub(crate) fn new(headers: &'a HeaderMap, name: &HeaderName) -> Self {
        let line = Line { bytes: &[], last: [Element::default(); MAX_VISITED], left: 0 };
        Self { lines: headers.get_all(name).into_iter(), read: 0, line, visited: 0, found: 0 }
    }
}

impl<'a> Walk<'a> for Elements<'a> {
    fn next(&mut self) -> Result<Option<Entry<'a>>, Stop<'a>> {
        loop {
            if self.line.left == 0 {
                let Some(line) = self.lines.next_back() else { return Ok(None) };
                self.line.read(line.as_bytes()).map_err(|at| self.line.stop(self.read, at))?;
                self.read += 1;
            }
            if self.visited == MAX_VISITED {
                return Err(Stop::TooMany);
            }
            self.visited += 1;
            self.line.left -= 1;
            let Element { start, end, kind } =
                self.line.last.get(self.line.left % MAX_VISITED).copied().unwrap_or_default();
            let text = self.line.bytes.get(start..end).unwrap_or_default();
            let addr = match kind {
                Kind::Empty => continue,
                Kind::Node => unquoted(text, parse_node),
                Kind::WithoutFor => Err(Fault::Malformed),
            };
            let index = self.found;
            self.found += 1;
            return Ok(Some(Entry { index, text, addr }));
        }
    }

    fn found(&self) -> usize {
        self.found
    }
}

impl<'a> Line<'a> {
    /// Replaces the line; the error is where it breaks the grammar.
    fn read(&mut self, bytes: &'a [u8]) -> Result<(), usize> {
        self.bytes = bytes;
        self.left = 0;
        let mut scan = Scan { bytes, at: 0 };
        loop {
            scan.whitespace();
            let element = scan.element()?;
            if let Some(place) = self.last.get_mut(self.left % MAX_VISITED) {
                *place = element;
            }
            self.left += 1;
            let end = scan.at;
            scan.whitespace();
            match scan.peek() {
                None => return Ok(()),
                Some(b',') => scan.at += 1,
                Some(_) => return Err(end),
            }
        }
    }

    fn stop(&self, line: usize, at: usize) -> Stop<'a> {
        Stop::Syntax { line, at, text: self.bytes.get(at..).unwrap_or_default() }
    }
}

/// A place in a line. What is read is passed over; the error is the place where something else should have been.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Around commas only: between an element's own parts the grammar has none.
    fn whitespace(&mut self) {
        while let Some(b' ' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn element(&mut self) -> Result<Element, usize> {
        let start = self.at;
        let mut node = None;
        let mut names: [&[u8]; MAX_PARAMETERS] = [&[]; MAX_PARAMETERS];
        let mut parameters = 0;
        loop {
            if self.peek().is_some_and(is_token) {
                let at = self.at;
                let (name, value) = self.pair()?;
                // A parameter given twice would be read as the first by some and as the last by others (§4 forbids it).
                let twice = names.iter().take(parameters).any(|known| known.eq_ignore_ascii_case(name));
                let place = names.get_mut(parameters).filter(|_| !twice).ok_or(at)?;
                *place = name;
                parameters += 1;
                if name.eq_ignore_ascii_case(b"for") {
                    node = Some(value);
                }
            }
            match self.peek() {
                Some(b';') => self.at += 1,
                _ => break,
            }
        }
        Ok(match node {
            Some((start, end)) => Element { start, end, kind: Kind::Node },
            None if self.at == start => Element::default(),
            None => Element { start, end: self.at, kind: Kind::WithoutFor },
        })
    }

    /// A parameter's name, and where its value is.
    fn pair(&mut self) -> Result<(&'a [u8], (usize, usize)), usize> {
        let name = self.token()?;
        if self.peek() != Some(b'=') {
            return Err(self.at);
        }
        self.at += 1;
        let start = self.at;
        if self.peek() == Some(b'"') {
            self.quoted_string()?;
        } else {
            self.token()?;
        }
        Ok((name, (start, self.at)))
    }

    fn token(&mut self) -> Result<&'a [u8], usize> {
        let start = self.at;
        while self.peek().is_some_and(is_token) {
            self.at += 1;
        }
        self.bytes.get(start..self.at).filter(|token| !token.is_empty()).ok_or(self.at)
    }

    /// RFC 9110 §5.6.4.
    fn quoted_string(&mut self) -> Result<(), usize> {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.peek().filter(|&b| is_text(b)).ok_or(self.at)?;
                    self.at += 1;
                }
                Some(b) if is_text(b) => self.at += 1,
                _ => return Err(self.at),
            }
        }
    }
}

/// `tchar` (RFC 9110 §5.6.2), by table: every byte of a line is asked.
fn is_token(b: u8) -> bool {
    const TOKEN: [bool; 256] = {
        let mut table = [false; 256];
        let mut b = 0;
        while b < 128 {
            table[b] = (b as u8).is_ascii_alphanumeric();
            b += 1;
        }
        let others = b"!#$%&'*+-.^_`|~";
        let mut i = 0;
        while i < others.len() {
            table[others[i] as usize] = true;
            i += 1;
        }
        table
    };
    TOKEN.get(usize::from(b)).copied().unwrap_or_default()
}

/// What a quoted string may hold, a quote and a backslash only behind a backslash: text, also beyond ASCII.
fn is_text(b: u8) -> bool {
    matches!(b, b'\t' | b' '..=b'~' | 0x80..)
}

/// Reads a value out of its quotes and escapes.
fn unquoted(value: &[u8], read: impl FnOnce(&[u8]) -> Result<Addr, Fault>) -> Result<Addr, Fault> {
    if value.len() > LONGEST_NODE {
        return Err(Fault::Malformed);
    }
    let [b'"', inside @ .., b'"'] = value else { return read(value) };
    if !inside.contains(&b'\\') {
        return read(inside);
    }
    let mut plain = [0; LONGEST_NODE];
    let mut length = 0;
    let mut bytes = inside.iter();
    while let Some(&b) = bytes.next() {
        let b = if b == b'\\' { bytes.next().copied().unwrap_or(b) } else { b };
        *plain.get_mut(length).ok_or(Fault::Malformed)? = b;
        length += 1;
    }
    read(plain.get(..length).unwrap_or_default())
}

#[cfg(test)]
mod tests;
