//! A list header from its right end: the only end that a trusted proxy wrote.

use http::header::ValueIter;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::addr::Addr;
use crate::entry::{Fault, trim};
use crate::format::Format;

/// Elements looked at before giving up, empty ones included: no honest chain is this long.
pub(crate) const MAX_VISITED: usize = 64;

/// A non-empty element of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// Counted from the right over the non-empty elements; 0 is the last.
    pub(crate) index: usize,
    pub(crate) text: &'a [u8],
    pub(crate) addr: Result<Addr, Fault>,
}

/// Why a walk went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop<'a> {
    /// There was more to look at than [`MAX_VISITED`] elements.
    TooMany,
    /// A line of `Forwarded` is none.
    Syntax { line: usize, at: usize, text: &'a [u8] },
}

/// A list's entries, from the right.
pub(crate) trait Walk<'a> {
    /// The next entry to the left. Empty elements claim nothing and are passed over (RFC 9110 §5.6.1.2).
    fn next(&mut self) -> Result<Option<Entry<'a>>, Stop<'a>>;

    /// How many entries were given out.
    fn found(&self) -> usize;
}

/// All lines of a header as one list (RFC 9110 §5.3), walked from the last element of the last line.
///
/// Lazily: what stands left of the answer is the attacker's, and is not even looked at. Commas always separate, in
/// quotes too: an address holds none, and an attacker's open quote must not swallow what a proxy appended.
pub(crate) struct Commas<'a> {
    lines: ValueIter<'a, HeaderValue>,
    /// What is left of the current line.
    line: Option<&'a [u8]>,
    format: Format,
    visited: usize,
    found: usize,
}

impl<'a> Commas<'a> {
    pub(crate) fn new(headers: &'a HeaderMap, name: &HeaderName, format: Format) -> Self {
        Self { lines: headers.get_all(name).into_iter(), line: None, format, visited: 0, found: 0 }
    }
}

impl<'a> Walk<'a> for Commas<'a> {
    fn next(&mut self) -> Result<Option<Entry<'a>>, Stop<'a>> {
        loop {
            let line = match self.line.take() {
                Some(line) => line,
                None => match self.lines.next_back() {
                    Some(line) => line.as_bytes(),
                    None => return Ok(None),
                },
            };
            if self.visited == MAX_VISITED {
                return Err(Stop::TooMany);
            }
            self.visited += 1;
            let text = match line.iter().rposition(|&b| b == b',') {
                Some(comma) => {
                    self.line = line.get(..comma);
                    line.get(comma + 1..).unwrap_or_default()
                }
                None => line,
            };
            let text = trim(text);
            if !text.is_empty() {
                let index = self.found;
                self.found += 1;
                return Ok(Some(Entry { index, text, addr: self.format.parse(text) }));
            }
        }
    }

    fn found(&self) -> usize {
        self.found
    }
}

/// Each line of a header as one entry, an empty one too: for headers that are no lists.
pub(crate) struct Lines<'a> {
    lines: ValueIter<'a, HeaderValue>,
    format: Format,
    found: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(headers: &'a HeaderMap, name: &HeaderName, format: Format) -> Self {
        Self { lines: headers.get_all(name).into_iter(), format, found: 0 }
    }
}

impl<'a> Walk<'a> for Lines<'a> {
    fn next(&mut self) -> Result<Option<Entry<'a>>, Stop<'a>> {
        let Some(line) = self.lines.next_back() else { return Ok(None) };
        if self.found == MAX_VISITED {
            return Err(Stop::TooMany);
        }
        let (index, text) = (self.found, trim(line.as_bytes()));
        self.found += 1;
        Ok(Some(Entry { index, text, addr: self.format.parse(text) }))
    }

    fn found(&self) -> usize {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use http::header::HeaderName;

    use super::*;

    const XFF: HeaderName = HeaderName::from_static("x-forwarded-for");

    fn headers(lines: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(XFF, HeaderValue::from_bytes(line).unwrap());
        }
        headers
    }

    fn texts(lines: &[&[u8]]) -> Vec<Vec<u8>> {
        let headers = headers(lines);
        let mut walk = Commas::new(&headers, &XFF, Format::Address);
        std::iter::from_fn(|| walk.next().unwrap()).map(|entry| entry.text.to_vec()).collect()
    }

    #[test]
    fn one_line_and_several_give_the_same_walk() {
        let expected: Vec<Vec<u8>> = vec![b"c".into(), b"b".into(), b"a".into()];
        assert_eq!(texts(&[b"a, b ,\tc"]), expected);
        assert_eq!(texts(&[b"a", b"b,c"]), expected);
        assert_eq!(texts(&[b"a", b"b", b"c"]), expected);
        assert_eq!(texts(&[]), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn empty_elements_are_passed_over_and_have_no_index() {
        let headers = headers(&[b",a,,", b"", b", b ,\t"]);
        let mut walk = Commas::new(&headers, &XFF, Format::Address);
        let entry = |index, text| Some(Entry { index, text, addr: Err(Fault::Malformed) });
        assert_eq!(walk.next().unwrap(), entry(0, b"b"));
        assert_eq!(walk.next().unwrap(), entry(1, b"a"));
        assert_eq!(walk.next().unwrap(), None);
        assert_eq!(walk.next().unwrap(), None);
        assert_eq!(walk.found(), 2);
    }

    #[test]
    fn a_quote_does_not_protect_a_comma() {
        assert_eq!(texts(&[b"\"a,b"]), vec![b"b".to_vec(), b"\"a".to_vec()]);
    }

    #[test]
    fn empty_elements_count_towards_the_limit() {
        let exactly = ",".repeat(MAX_VISITED - 1);
        let headers_in = headers(&[exactly.as_bytes()]);
        assert_eq!(Commas::new(&headers_in, &XFF, Format::Address).next(), Ok(None));
        let over = ",".repeat(MAX_VISITED);
        let headers_over = headers(&[over.as_bytes()]);
        assert_eq!(Commas::new(&headers_over, &XFF, Format::Address).next(), Err(Stop::TooMany));
    }
}
