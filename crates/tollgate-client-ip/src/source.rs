//! What a rule believes its peers about, and how that is read.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use http::HeaderName;

use crate::RuleError;
use crate::format::Format;
use crate::managed::is_alias;
use crate::ranges::Ranges;
use crate::rule::Strategy;
use crate::walk::MAX_VISITED;

/// Headers that are lists, so that their first element may be a stranger's.
const LISTS: [&str; 3] = ["x-forwarded-for", "forwarded", "x-original-forwarded-for"];

/// What a trusted peer is believed about.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Peer,
    ProxyProtocol,
    Header(Reading),
}

/// A header and how it is read.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) header: &'static HeaderName,
    pub(crate) grammar: Grammar,
    pub(crate) method: Method,
}

/// How a header's value is taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grammar {
    /// One entry a line, and that is all of it.
    One(Format),
    /// Entries between commas.
    Entries(Format),
    /// RFC 7239.
    Forwarded,
}

/// [`Strategy`], with what it needs.
#[derive(Clone, Debug)]
pub(crate) enum Method {
    Ranges(Ranges),
    /// From 1 to [`MAX_VISITED`].
    Count(usize),
    Single,
}

impl Source {
    pub(crate) fn new(header: &str, strategy: Strategy, peers: &Ranges) -> Result<Self, RuleError> {
        match strategy {
            Strategy::Peer if header.is_empty() => return Ok(Self::Peer),
            Strategy::ProxyProtocol if header.is_empty() => return Ok(Self::ProxyProtocol),
            _ => {}
        }
        let remedy = "is not the name of a header that says who asks; write one like \"X-Forwarded-For\"";
        let header = header_name(header).ok_or_else(|| RuleError::new("header", header, remedy))?;
        let method = match strategy {
            Strategy::Ranges => Method::Ranges(peers.clone()),
            Strategy::Count(n) if n == 0 || usize::from(n) > MAX_VISITED => {
                return Err(RuleError::new(
                    "strategy",
                    format!("count({n})"),
                    format!(
                        "is not within 1–{MAX_VISITED}; say how many trusted proxies append to {header}, 1 for the \
                         peer alone"
                    ),
                ));
            }
            Strategy::Count(n) => Method::Count(n.into()),
            Strategy::Single if LISTS.iter().any(|list| is_alias(header, &HeaderName::from_static(list))) => {
                return Err(RuleError::new(
                    "strategy",
                    "single",
                    format!(
                        "cannot read {header}, a list that clients may begin; use \"ranges\" or \"count\""
                    ),
                ));
            }
            Strategy::Single => Method::Single,
            Strategy::Peer => return Ok(Self::Peer),
            Strategy::ProxyProtocol => return Ok(Self::ProxyProtocol),
        };
        let grammar = match (&method, Grammar::of(header)) {
            (Method::Single, Grammar::Entries(format)) => Grammar::One(format),
            (_, grammar) => grammar,
        };
        Ok(Self::Header(Reading { header, grammar, method }))
    }
}

impl Grammar {
    pub(crate) fn of(header: &HeaderName) -> Self {
        match header.as_str() {
            "forwarded" => Self::Forwarded,
            "cloudfront-viewer-address" => Self::Entries(Format::AddressPort),
            _ => Self::Entries(Format::Address),
        }
    }
}

/// A header's name, kept for as long as the process runs: there are as many as configurations name, and a resolution
/// that names one costs no clone.
pub(crate) fn header_name(text: &str) -> Option<&'static HeaderName> {
    static KNOWN: LazyLock<Mutex<HashSet<&'static HeaderName>>> = LazyLock::new(Mutex::default);
    // They are removed from requests of untrusted peers, and HTTP itself needs these.
    let reserved = [
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "te",
        "transfer-encoding",
    ];
    let name: HeaderName =
        text.parse().ok().filter(|name: &HeaderName| !reserved.contains(&name.as_str()))?;
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.get(&name) {
        return Some(known);
    }
    let name: &'static HeaderName = Box::leak(Box::new(name));
    known.insert(name);
    Some(name)
}
