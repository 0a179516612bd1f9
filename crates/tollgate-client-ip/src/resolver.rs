use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderMap, HeaderName};
use tollgate_core::{ClientIp, Peer, Provenance, ProxySource};

use crate::addr::Addr;
use crate::entry::Fault;
use crate::managed::Managed;
use crate::reading::Found;
use crate::reason::Reason;
use crate::received::Received;
use crate::resolution::{Outcome, Resolution, Spoof};
use crate::rule::Rule;
use crate::source::Reading;

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
/// let resolution = resolver.resolve(Some(Peer::Tcp("10.0.0.1:443".parse()?)), &headers);
/// assert_eq!(resolution.client_ip().unwrap().to_string(), "203.0.113.7");
/// assert_eq!((resolution.rule(), resolution.hops_skipped()), (Some(0), 1));
///
/// println!("{}", resolution.explain(&headers));
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

    /// What may well be a mistake, one sentence each with its rule's place: [`Rule::warnings`], and rules that never apply.
    #[must_use]
    pub fn warnings(&self) -> Vec<(usize, String)> {
        let mut all = Vec::new();
        for (i, rule) in self.rules().iter().enumerate() {
            all.extend(rule.warnings().into_iter().map(|warning| (i, warning)));
            let earlier = self.rules().iter().take(i).position(|earlier| {
                // Rules behind one of the PROXY protocol are for whom it names.
                earlier.takes_all_of(rule) && (rule.is_proxy_protocol() || !earlier.is_proxy_protocol())
            });
            if let Some(earlier) = earlier {
                all.push((
                    i,
                    format!("never applies, for rule {earlier} takes all of its peers; put it in front"),
                ));
            }
        }
        all
    }

    /// The headers that some rule reads or requires. They are this resolver's: nobody behind it should read them.
    #[must_use]
    pub fn managed_headers(&self) -> &[&'static HeaderName] {
        self.shared.managed.names()
    }

    /// Whether connections of this peer begin with a PROXY protocol header: whether the first rule that matches it says
    /// so.
    #[must_use]
    pub fn expects_proxy_header(&self, socket: Peer) -> bool {
        self.first(socket.socket().ip().map(Addr::from)).is_some_and(|(_, rule)| rule.is_proxy_protocol())
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
        let Speaker { addr, link, rule } = self.speaker(peer.as_ref());
        let applied = rule.map(|(_, rule)| rule);
        let mut hops_skipped = 0;
        let outcome = match (link, applied.and_then(|rule| Some((rule, rule.reading()?)))) {
            (Link::NoPeer, _) => Outcome::Undetermined(Reason::NoPeer),
            (Link::Unread, _) => Outcome::Undetermined(Reason::ProxyHeaderMissing),
            (Link::Unexpected, _) => Outcome::Undetermined(Reason::ProxyHeaderUnexpected),
            (Link::Unnamed, _) => Outcome::Undetermined(Reason::ProxySourceUnknown),
            // A rule says what this peer is believed about, and nothing else is: no second header, no way back to the
            // peer.
            (_, Some((rule, reading))) => match hear(rule, reading, headers) {
                Ok((addr, hops)) => {
                    hops_skipped = hops;
                    Outcome::Client(ClientIp::vouched(addr.ip(), Provenance::Header))
                }
                Err(reason) => Outcome::Undetermined(reason),
            },
            (link, None) => speaks_for_itself(addr, link),
        };
        let believed = applied.filter(|_| is_believed(&outcome));
        Resolution {
            outcome,
            peer,
            rule: rule.map(|(index, _)| index),
            read: applied.and_then(Rule::reading).map(|reading| (reading.header, reading.grammar)),
            hops_skipped,
            spoof: self.unbelieved(believed, headers).map(|(_, spoof)| spoof).next(),
            received: Received::default(),
        }
    }

    /// The first link of the chain: whom the PROXY protocol names, where the peer is believed about that.
    fn speaker(&self, peer: Option<&Peer>) -> Speaker<'_> {
        let Some(peer) = peer else {
            return Speaker { addr: None, link: Link::NoPeer, rule: None };
        };
        let socket = peer.socket().ip().map(Addr::from);
        // What servers put where they know no address is in `0.0.0.0/0`, and still nobody.
        if socket.is_some_and(|addr| addr.of_a_host() == Err(Fault::Unspecified)) {
            return Speaker { addr: None, link: Link::NoPeer, rule: None };
        }
        let first = self.first(socket);
        let Some(proxy @ (place, _)) = first.filter(|(_, rule)| rule.is_proxy_protocol()) else {
            let link = if matches!(peer, Peer::Proxied { .. }) { Link::Unexpected } else { Link::Itself };
            return Speaker { addr: socket, link, rule: first };
        };
        let unnamed = |link| Speaker { addr: None, link, rule: Some(proxy) };
        let addr = match peer {
            // No rule behind: whatever headers came along, the proxy did not pass on anybody's.
            Peer::Proxied { source: ProxySource::Itself, .. } => {
                return Speaker { addr: socket, link: Link::Itself, rule: Some(proxy) };
            }
            // An address that no host has names nobody: neither a client nor a peer of `0.0.0.0/0`.
            Peer::Proxied { .. } => match client_address(*peer) {
                Some(addr) => Some(addr),
                None => return unnamed(Link::Unnamed),
            },
            _ => return unnamed(Link::Unread),
        };
        let behind = self.behind(place).find(|(_, rule)| !rule.is_proxy_protocol() && rule.matches(addr));
        Speaker { addr, link: Link::Named, rule: behind.or(Some(proxy)) }
    }

    fn first(&self, addr: Option<Addr>) -> Option<(usize, &Rule)> {
        self.rules().iter().enumerate().find(|(_, rule)| rule.matches(addr))
    }

    fn behind(&self, place: usize) -> impl Iterator<Item = (usize, &Rule)> {
        self.rules().iter().enumerate().skip(place + 1)
    }

    /// See [`Managed::unbelieved`].
    pub(crate) fn unbelieved<'a>(
        &'a self,
        applied: Option<&'a Rule>,
        headers: &'a HeaderMap,
    ) -> impl Iterator<Item = (&'a HeaderName, Spoof)> {
        self.shared.managed.unbelieved(applied, headers)
    }
}

/// Who speaks HTTP to us.
struct Speaker<'a> {
    /// None over a Unix socket.
    addr: Option<Addr>,
    link: Link,
    rule: Option<(usize, &'a Rule)>,
}

/// How the speaker is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    /// It holds the connection's other end.
    Itself,
    /// The PROXY protocol header of a peer that is believed named it.
    Named,
    /// The PROXY protocol header of a peer that is believed does not name it.
    Unnamed,
    /// It should have been named, and no PROXY protocol header was read.
    Unread,
    /// A PROXY protocol header was read of a peer that no rule believes about it.
    Unexpected,
    /// The server named nobody.
    NoPeer,
}

/// What the header says, where the peer has given the proof that its rule wants.
fn hear(rule: &Rule, reading: &Reading, headers: &HeaderMap) -> Result<Found, Reason> {
    match rule.required() {
        Some(required) if !required.is_met(headers) => {
            Err(Reason::RequiredHeader { header: required.header })
        }
        _ => reading.read(headers),
    }
}

/// Whether the peer has shown whose it is: else its rule's header is as good as anybody's.
pub(crate) fn is_believed(outcome: &Outcome) -> bool {
    !matches!(
        outcome,
        Outcome::Undetermined(
            Reason::RequiredHeader { .. } | Reason::ProxyHeaderUnexpected | Reason::ProxyHeaderMissing
        )
    )
}

fn speaks_for_itself(addr: Option<Addr>, link: Link) -> Outcome {
    match (addr.map(Addr::ip), link) {
        (None, _) => Outcome::Undetermined(Reason::UnixPeer),
        (Some(addr), Link::Named) => Outcome::Client(ClientIp::vouched(addr, Provenance::ProxyProtocol)),
        (Some(addr), _) => Outcome::DirectPeer(ClientIp::vouched(addr, Provenance::Peer)),
    }
}

/// The peer as a client, where nobody better is known: whom the PROXY protocol names, if a rule believes that.
pub(crate) fn peer_address(resolution: &Resolution) -> Option<ClientIp> {
    let peer = resolution.peer()?;
    let peer = match resolution.reason() {
        Some(Reason::ProxyHeaderUnexpected) => peer.socket(),
        _ => peer,
    };
    Some(ClientIp::vouched(client_address(peer)?.ip(), Provenance::Peer))
}

/// Of whom the connection belongs to, where a host can have it.
fn client_address(peer: Peer) -> Option<Addr> {
    peer.ip().and_then(|addr| Addr::from(addr).of_a_host().ok())
}
