use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderMap, HeaderName};
use tollgate_core::{ClientIp, Peer, Provenance};

use crate::managed::Managed;
use crate::reason::Reason;
use crate::received::Received;
use crate::resolution::{Outcome, Resolution, Spoof};
use crate::rule::{Rule, Source};

/// Finds who asks, from the peer and the headers alone: no I/O and no allocation.
///
/// A clone is the same resolver, and costs as much as an `Arc`'s.
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
/// let mut resolution = resolver.resolve(Some(Peer::Tcp("10.0.0.1:443".parse()?)), &headers);
/// assert_eq!(resolution.client_ip().unwrap().to_string(), "203.0.113.7");
/// assert_eq!((resolution.rule(), resolution.hops_skipped()), (Some(0), 1));
///
/// resolution.keep(&headers);
/// println!("{}", resolution.explain());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Resolver {
    shared: Arc<Shared>,
}

#[derive(Clone, Debug, Default)]
struct Shared {
    rules: Vec<Rule>,
    managed: Managed,
}

impl Resolver {
    /// Without rules: nobody is trusted, and the peer is the client.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule behind the others. The first rule whose peers match is the only one that applies.
    pub fn with_rule(mut self, rule: Rule) -> Self {
        let shared = Arc::make_mut(&mut self.shared);
        shared.managed.add(&rule);
        shared.rules.push(rule);
        self
    }

    /// The rules, in order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.shared.rules
    }

    /// The headers that some rule reads or requires. They are this resolver's: nobody behind it should read them.
    #[must_use]
    pub fn managed_headers(&self) -> &[HeaderName] {
        self.shared.managed.names()
    }

    /// Whether connections of this peer begin with a PROXY protocol header: whether the first rule that matches it says
    /// so.
    #[must_use]
    pub fn expects_proxy_header(&self, socket: Peer) -> bool {
        self.first(socket, |_| true).is_some_and(|rule| self.is_proxy_protocol(rule))
    }

    /// Sets the gauge `tollgate_client_ip_ranges_age_seconds` (`rule`, `list`: `peers` or `trusted`) for every list that
    /// has a date: before the metrics are read.
    pub fn record_ages(&self, now: SystemTime) {
        for (i, rule) in self.rules().iter().enumerate() {
            for (list, ranges) in [("peers", Some(rule.peers())), ("trusted", rule.trusted())] {
                if let Some(age) = ranges.and_then(|ranges| ranges.age(now)) {
                    metrics::gauge!("tollgate_client_ip_ranges_age_seconds", "rule" => i.to_string(), "list" => list)
                        .set(age.as_secs_f64());
                }
            }
        }
    }

    /// Who asks, where `peer` is connected and sent these headers.
    #[must_use]
    pub fn resolve(&self, peer: Option<Peer>, headers: &HeaderMap) -> Resolution {
        let Heard { rule, outcome, hops_skipped } = match self.speaker(peer) {
            Ok(speaker) => self.hear(speaker, headers),
            Err(None) => Heard::nobody(None, Reason::NoPeer),
            Err(proxy) => Heard::nobody(proxy, Reason::ProxyHeaderMissing),
        };
        let applied = rule.and_then(|rule| self.rules().get(rule));
        let reading = applied.and_then(Rule::reading);
        Resolution {
            outcome,
            peer,
            rule,
            read: reading.map(|reading| (reading.header.clone(), reading.grammar)),
            hops_skipped,
            spoof: self.unbelieved(applied, headers).map(|(_, spoof)| spoof).next(),
            received: Received::None,
        }
    }

    /// The first link of the chain: whom the PROXY protocol names, where the peer is believed about that. The error is the
    /// rule that expects its header; none where there is no peer.
    fn speaker(&self, peer: Option<Peer>) -> Result<Speaker, Option<usize>> {
        let peer = peer.ok_or(None)?;
        let socket = peer.socket();
        let first = self.first(socket, |_| true);
        let Some(proxy) = first.filter(|&rule| self.is_proxy_protocol(rule)) else {
            return Ok(Speaker { peer: socket, rule: first, named: false });
        };
        let (peer, named) = match peer {
            Peer::Proxied { source: Some(source), .. } => (Peer::Tcp(source), true),
            Peer::Proxied { source: None, .. } => (socket, false),
            _ => return Err(Some(proxy)),
        };
        let behind = self.first(peer, |rule| !matches!(rule.source(), Source::ProxyProtocol));
        Ok(Speaker { peer, rule: behind.or(Some(proxy)), named })
    }

    /// See [`Managed::unbelieved`].
    pub(crate) fn unbelieved<'a>(
        &'a self,
        applied: Option<&'a Rule>,
        headers: &'a HeaderMap,
    ) -> impl Iterator<Item = (&'a HeaderName, Spoof)> {
        self.shared.managed.unbelieved(applied, headers)
    }

    fn first(&self, peer: Peer, wanted: impl Fn(&Rule) -> bool) -> Option<usize> {
        self.rules().iter().position(|rule| wanted(rule) && rule.matches(peer))
    }

    fn is_proxy_protocol(&self, rule: usize) -> bool {
        self.rules().get(rule).is_some_and(|rule| matches!(rule.source(), Source::ProxyProtocol))
    }

    /// What the speaker says, by the rule that applies to it.
    fn hear(&self, Speaker { peer, rule, named }: Speaker, headers: &HeaderMap) -> Heard {
        let applied = rule.and_then(|rule| self.rules().get(rule));
        let Some((applied, reading)) = applied.and_then(|rule| Some((rule, rule.reading()?))) else {
            return Heard { rule, outcome: speaks_for_itself(peer, named), hops_skipped: 0 };
        };
        // A rule says what this peer is believed about, and nothing else is: no second header, no way back to the peer.
        let found = match applied.required() {
            Some(required) if !required.is_met(headers) => {
                Err(Reason::RequiredHeader { header: required.header.clone() })
            }
            _ => reading.read(headers),
        };
        match found {
            Ok((addr, hops_skipped)) => {
                let client = ClientIp::vouched(addr, Provenance::Header);
                Heard { rule, outcome: Outcome::Client(client), hops_skipped }
            }
            Err(reason) => Heard::nobody(rule, reason),
        }
    }
}

/// Who speaks HTTP to us.
struct Speaker {
    peer: Peer,
    rule: Option<usize>,
    /// By the PROXY protocol, so that it is not the peer itself.
    named: bool,
}

struct Heard {
    rule: Option<usize>,
    outcome: Outcome,
    hops_skipped: usize,
}

impl Heard {
    fn nobody(rule: Option<usize>, reason: Reason) -> Self {
        Self { rule, outcome: Outcome::Undetermined(reason), hops_skipped: 0 }
    }
}

fn speaks_for_itself(peer: Peer, named: bool) -> Outcome {
    let provenance = if named { Provenance::ProxyProtocol } else { Provenance::Peer };
    match usable(peer) {
        Some(addr) if named => Outcome::Client(ClientIp::vouched(addr, provenance)),
        Some(addr) => Outcome::DirectPeer(ClientIp::vouched(addr, provenance)),
        None if peer == Peer::Unix => Outcome::Undetermined(Reason::UnixPeer),
        None => Outcome::Undetermined(Reason::NoPeer),
    }
}

/// The peer as a client, without regard to any rule.
pub(crate) fn peer_address(peer: Option<Peer>) -> Option<ClientIp> {
    usable(peer?.socket()).map(|addr| ClientIp::vouched(addr, Provenance::Peer))
}

/// The unspecified address is what servers put where they know none; taken for a client, it would be everybody.
fn usable(peer: Peer) -> Option<IpAddr> {
    peer.ip().filter(|addr| !addr.is_unspecified())
}
