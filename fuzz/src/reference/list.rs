//! A list from its right end.

use std::net::IpAddr;

use super::node::{entry, trim};
use super::{Answer, Refusal, is_trusted, text};

/// Elements looked at before giving up, empty ones included.
const MOST: usize = 64;

/// How the client is found in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The first entry from the right that is no proxy's.
    Ranges,
    /// The so many-th entry from the right.
    Count(u8),
}

/// An element: nothing at all, or an entry, which is an address or the name of a reason.
pub(super) type Element = Option<Result<IpAddr, &'static str>>;

/// `X-Forwarded-For`: all lines joined, split at every comma, and reversed.
pub fn x_forwarded_for(method: Method, lines: &[impl AsRef<[u8]>]) -> Answer {
    let lines: Vec<String> = lines.iter().map(|line| text(line.as_ref())).collect();
    let list = lines.join(",");
    let elements =
        list.split(',').rev().map(trim).map(|element| (!element.is_empty()).then(|| entry(element)));
    client(method, elements.map(Ok))
}

/// The client among elements from the right; an element that is an error ends the search.
pub(super) fn client(method: Method, elements: impl Iterator<Item = Result<Element, Refusal>>) -> Answer {
    let mut found = 0;
    for (visited, element) in elements.enumerate() {
        let element = element?;
        if visited == MOST {
            return Err(Refusal::of_list("too_many_entries"));
        }
        let Some(entry) = element else { continue };
        let addr = entry.map_err(|code| Refusal { code, index: Some(found) })?;
        found += 1;
        match method {
            Method::Ranges if !is_trusted(addr) => return Ok(addr),
            Method::Count(count) if found == usize::from(count) => return Ok(addr),
            _ => {}
        }
    }
    Err(Refusal::of_list(match method {
        _ if found == 0 => "header_missing",
        Method::Ranges => "all_trusted",
        Method::Count(_) => "chain_too_short",
    }))
}
