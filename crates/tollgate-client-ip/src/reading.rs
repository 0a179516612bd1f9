//! What a header says, by a rule's strategy.

use http::HeaderMap;

use crate::addr::Addr;
use crate::entry::Fault;
use crate::forwarded::Elements;
use crate::ranges::Ranges;
use crate::reason::{Evidence, Reason};
use crate::source::{Grammar, Method, Reading};
use crate::walk::{Commas, Entry, Lines, Stop, Walk};

/// A client named by a header, and how many entries stood right of it.
pub(crate) type Found = (Addr, usize);

impl Reading {
    pub(crate) fn read(&self, headers: &HeaderMap) -> Result<Found, Reason> {
        match self.grammar {
            Grammar::One(format) => self.walk(Lines::new(headers, self.header, format)),
            Grammar::Entries(format) => self.walk(Commas::new(headers, self.header, format)),
            Grammar::Forwarded => self.walk(Elements::new(headers, self.header)),
        }
    }

    fn walk<'a>(&self, walk: impl Walk<'a>) -> Result<Found, Reason> {
        match &self.method {
            Method::Ranges(trusted) => self.ranges(trusted, walk),
            Method::Count(n) => self.count(*n, walk),
            Method::Single => self.single(walk),
        }
    }

    fn ranges<'a>(&self, trusted: &Ranges, mut walk: impl Walk<'a>) -> Result<Found, Reason> {
        let trusted = trusted.load();
        loop {
            match walk.next() {
                Ok(Some(Entry { addr: Ok(addr), .. })) if trusted.set.contains_bits(addr.bits()) => {}
                Ok(Some(Entry { addr: Ok(addr), index, .. })) => return Ok((addr, index)),
                Ok(None) if walk.found() > 0 => {
                    return Err(Reason::AllTrusted { header: self.header, entries: walk.found() });
                }
                other => return Err(self.nobody(other)),
            }
        }
    }

    /// The entries passed over must be addresses too: trusted proxies wrote them, and one that writes something else
    /// is not the proxy that was counted.
    fn count<'a>(&self, count: usize, mut walk: impl Walk<'a>) -> Result<Found, Reason> {
        loop {
            match walk.next() {
                Ok(Some(Entry { addr: Ok(_), index, .. })) if index + 1 < count => {}
                Ok(Some(Entry { addr: Ok(addr), index, .. })) => return Ok((addr, index)),
                Ok(None) if walk.found() > 0 => {
                    return Err(Reason::ChainTooShort { header: self.header, entries: walk.found(), count });
                }
                other => return Err(self.nobody(other)),
            }
        }
    }

    fn single<'a>(&self, mut walk: impl Walk<'a>) -> Result<Found, Reason> {
        match (walk.next(), walk.next()) {
            (Ok(Some(_)), Ok(Some(_))) => Err(Reason::RepeatedHeader { header: self.header }),
            (Ok(Some(Entry { addr: Ok(addr), .. })), _) => Ok((addr, 0)),
            (Ok(Some(Entry { text: [], .. })), _) => Err(self.nobody(Ok(None))),
            (other, _) => Err(self.nobody(other)),
        }
    }

    /// Why a step that gave no address gives no client.
    #[cold]
    fn nobody(&self, step: Result<Option<Entry<'_>>, Stop<'_>>) -> Reason {
        let header = self.header;
        let Entry { index, text, addr } = match step {
            Ok(Some(entry)) => entry,
            Ok(None) => return Reason::HeaderMissing { header },
            Err(Stop::TooMany) => return Reason::TooManyEntries { header },
            Err(Stop::Syntax { line, at, text }) => {
                return Reason::ForwardedSyntax { line, at, text: Evidence::of(text) };
            }
        };
        let text = Evidence::of(text);
        match addr {
            Err(Fault::Obfuscated) => Reason::Obfuscated { header, index, text },
            Err(Fault::Unspecified) => Reason::Unspecified { header, index, text },
            Ok(_) | Err(Fault::Malformed) => Reason::MalformedEntry { header, index, text },
        }
    }
}
