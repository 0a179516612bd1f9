//! What a header says, by a rule's strategy.

use std::net::IpAddr;

use http::HeaderMap;

use crate::entry::{Fault, trim};
use crate::forwarded::Elements;
use crate::ranges::Ranges;
use crate::reason::{Evidence, Reason};
use crate::rule::{Grammar, Method, Reading};
use crate::walk::{Commas, Entry, Stop, Walk};

/// A client named by a header, and how many entries stood right of it.
pub(crate) type Found = (IpAddr, usize);

impl Reading {
    pub(crate) fn read(&self, headers: &HeaderMap) -> Result<Found, Reason> {
        match self.grammar {
            Grammar::Entries(format) => self.walk(Commas::new(headers, &self.header, format), headers),
            Grammar::Forwarded => self.walk(Elements::new(headers, &self.header), headers),
        }
    }

    fn walk<'a>(&self, walk: impl Walk<'a>, headers: &'a HeaderMap) -> Result<Found, Reason> {
        match &self.method {
            Method::Ranges(trusted) => self.ranges(trusted, walk),
            Method::Count(n) => self.count(*n, walk),
            Method::Single => self.single(headers),
        }
    }

    fn ranges<'a>(&self, trusted: &Ranges, mut walk: impl Walk<'a>) -> Result<Found, Reason> {
        let trusted = trusted.load();
        while let Some(entry) = self.step(&mut walk)? {
            let addr = self.address(entry)?;
            if !trusted.set.contains(addr) {
                return Ok((addr, entry.index));
            }
        }
        match walk.found() {
            0 => Err(self.missing()),
            entries => Err(Reason::AllTrusted { header: self.header.clone(), entries }),
        }
    }

    /// The entries passed over must be addresses too: trusted proxies wrote them, and one that writes something else
    /// is not the proxy that was counted.
    fn count<'a>(&self, count: usize, mut walk: impl Walk<'a>) -> Result<Found, Reason> {
        while let Some(entry) = self.step(&mut walk)? {
            let addr = self.address(entry)?;
            if entry.index + 1 == count {
                return Ok((addr, entry.index));
            }
        }
        match walk.found() {
            0 => Err(self.missing()),
            entries => Err(Reason::ChainTooShort { header: self.header.clone(), entries, count }),
        }
    }

    fn single(&self, headers: &HeaderMap) -> Result<Found, Reason> {
        let mut lines = headers.get_all(&self.header).into_iter();
        let text = match (lines.next(), lines.next()) {
            (Some(line), None) => trim(line.as_bytes()),
            (Some(_), Some(_)) => {
                return Err(Reason::RepeatedHeader { header: self.header.clone() });
            }
            (None, _) => return Err(self.missing()),
        };
        if text.is_empty() {
            return Err(self.missing());
        }
        let addr = match self.grammar {
            Grammar::Entries(format) => format.parse(text),
            // Refused where the rule is built: it is a list.
            Grammar::Forwarded => Err(Fault::Malformed),
        };
        Ok((self.address(Entry { index: 0, text, addr })?, 0))
    }

    fn step<'a>(&self, walk: &mut impl Walk<'a>) -> Result<Option<Entry<'a>>, Reason> {
        walk.next().map_err(|stop| match stop {
            Stop::TooMany => Reason::TooManyEntries { header: self.header.clone() },
            Stop::Syntax { line, at, text } => Reason::ForwardedSyntax { line, at, text },
        })
    }

    fn address(&self, Entry { index, text, addr }: Entry<'_>) -> Result<IpAddr, Reason> {
        addr.map_err(|fault| {
            let (header, text) = (self.header.clone(), Evidence::of(text));
            match fault {
                Fault::Malformed => Reason::MalformedEntry { header, index, text },
                Fault::Obfuscated => Reason::Obfuscated { header, index, text },
                Fault::Unspecified => Reason::Unspecified { header, index, text },
            }
        })
    }

    fn missing(&self) -> Reason {
        Reason::HeaderMissing { header: self.header.clone() }
    }
}
