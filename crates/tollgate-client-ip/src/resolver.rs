use std::net::IpAddr;

use http::{HeaderMap, HeaderName};
use tollgate_core::{ClientIp, Peer, Provenance};

use crate::config::{Method, Reading, Rule};
use crate::entry::{self, Fault};
use crate::ranges::RangeSet;
use crate::reason::{Reason, evidence};
use crate::resolution::{Outcome, Resolution};
use crate::walk::{Element, RightToLeft, TooMany};

/// Finds who asks, from the peer and the headers alone: no I/O, and no allocation where the client is found.
///
/// ```
/// use http::HeaderMap;
/// use tollgate_client_ip::{Resolver, Rule, Strategy};
/// use tollgate_core::Peer;
///
/// let resolver = Resolver::new().with_rule(Rule::new(["10.0.0.0/8"], "X-Forwarded-For", Strategy::Ranges)?);
///
/// let mut headers = HeaderMap::new();
/// headers.insert("x-forwarded-for", "198.51.100.66, 203.0.113.7, 10.0.0.9".parse()?);
/// let resolution = resolver.resolve(Some(Peer::Tcp("10.0.0.1:443".parse()?)), &headers);
/// assert_eq!(resolution.client_ip().unwrap().to_string(), "203.0.113.7");
/// assert_eq!((resolution.rule(), resolution.hops_skipped()), (Some(0), 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Resolver {
    rules: Vec<Rule>,
}

/// A client named by a header, and how many trusted entries stood right of it.
type Found = (IpAddr, usize);

impl Resolver {
    /// Without rules: nobody is trusted, and the peer is the client.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule behind the others. The first rule whose peers match is the only one that applies.
    pub fn with_rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// The rules, in order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    // replaced
    /// Whether a connection of this peer must begin with a PROXY protocol header.
    #[must_use]
    pub fn expects_proxy_header(&self, socket: Peer) -> bool {
        self.rules.iter().find(|rule| rule.matches(socket)).is_some_and(Rule::is_proxy_protocol)
    }

    /// Who asks, where `peer` is connected and sent these headers.
    #[must_use]
    pub fn resolve(&self, peer: Option<Peer>, headers: &HeaderMap) -> Resolution {
        let applied = peer.and_then(|peer| self.rules.iter().position(|rule| rule.matches(peer)));
        let reading = applied.and_then(|rule| self.rules.get(rule)).and_then(Rule::reading);
        let (outcome, hops_skipped) = match (peer, reading) {
            // A rule says what this peer is believed about, and nothing else is: no second header, no way back to
            // the peer.
            (Some(_), Some(reading)) => match reading.read(headers) {
                Ok((addr, hops)) => (Outcome::Client(ClientIp::vouched(addr, Provenance::Header)), hops),
                Err(reason) => (Outcome::Undetermined(reason), 0),
            },
            (peer, _) => (direct(peer), 0),
        };
        Resolution {
            outcome,
            peer,
            rule: applied,
            hops_skipped,
            spoof_suspected: applied.is_none() && self.reads_any_of(headers),
        }
    }

    fn reads_any_of(&self, headers: &HeaderMap) -> bool {
        self.rules.iter().filter_map(Rule::reading).any(|reading| headers.contains_key(&reading.header))
    }
}

fn direct(peer: Option<Peer>) -> Outcome {
    match peer_address(peer) {
        Some(client) => Outcome::DirectPeer(client),
        None if peer == Some(Peer::Unix) => Outcome::Undetermined(Reason::UnixPeer),
        None => Outcome::Undetermined(Reason::NoPeer),
    }
}

/// The peer as a client. The unspecified address is what servers put where they know none; taken for a client, it
/// would be everybody.
pub(crate) fn peer_address(peer: Option<Peer>) -> Option<ClientIp> {
    peer?.ip().filter(|addr| !addr.is_unspecified()).map(|addr| ClientIp::vouched(addr, Provenance::Peer))
}

impl Reading {
    fn read(&self, headers: &HeaderMap) -> Result<Found, Reason> {
        match &self.method {
            Method::Ranges(trusted) => self.ranges(trusted, headers),
            Method::Count(n) => self.count(*n, headers),
            Method::Single => self.single(headers),
        }
    }

    fn ranges(&self, trusted: &RangeSet, headers: &HeaderMap) -> Result<Found, Reason> {
        let mut walk = RightToLeft::new(headers, &self.header);
        while let Some(element) = self.step(&mut walk)? {
            let addr = self.address(element)?;
            if !trusted.contains(addr) {
                return Ok((addr, element.index));
            }
        }
        match walk.found() {
            0 => Err(self.missing()),
            entries => Err(Reason::AllTrusted { header: self.header.clone(), entries }),
        }
    }

    /// The entries passed over must be addresses too: trusted proxies wrote them, and one that writes something else
    /// is not the proxy that was counted.
    fn count(&self, count: usize, headers: &HeaderMap) -> Result<Found, Reason> {
        let mut walk = RightToLeft::new(headers, &self.header);
        while let Some(element) = self.step(&mut walk)? {
            let addr = self.address(element)?;
            if element.index + 1 == count {
                return Ok((addr, element.index));
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
            (Some(line), None) => entry::trim(line.as_bytes()),
            (Some(_), Some(_)) => {
                return Err(Reason::RepeatedHeader { header: self.header.clone() });
            }
            (None, _) => return Err(self.missing()),
        };
        let addr = self.address(Element { index: 0, text })?;
        Ok((addr, 0))
    }

    fn step<'a>(&self, walk: &mut RightToLeft<'a>) -> Result<Option<Element<'a>>, Reason> {
        walk.next().map_err(|TooMany| Reason::TooManyEntries { header: self.header.clone() })
    }

    fn address(&self, Element { index, text }: Element<'_>) -> Result<IpAddr, Reason> {
        entry::parse(text).map_err(|fault| faulty(fault, self.header.clone(), index, evidence(text)))
    }

    fn missing(&self) -> Reason {
        Reason::HeaderMissing { header: self.header.clone() }
    }
}

fn faulty(fault: Fault, header: HeaderName, index: usize, text: String) -> Reason {
    match fault {
        Fault::Malformed => Reason::MalformedEntry { header, index, text },
        Fault::Obfuscated => Reason::Obfuscated { header, index, text },
        Fault::Unspecified => Reason::Unspecified { header, index, text },
    }
}
