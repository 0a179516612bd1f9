use std::fmt;
use std::net::IpAddr;

use crate::origin::{Origin, Scoped};

/// The address the trusted chain vouches for.
///
/// Canonical: an IPv4-mapped IPv6 address (`::ffff:a.b.c.d`, RFC 4291 §2.5.5.2) is the IPv4 address, and there is no
/// zone. 6to4 and NAT64 addresses stay IPv6. It is a typed entry in [`http::Extensions`], never a bare [`IpAddr`], so
/// that an address of unknown origin cannot be taken for it.
///
/// Two client IPs are equal when their addresses are, however they were learned.
#[derive(Clone, Copy)]
pub struct ClientIp {
    addr: IpAddr,
    provenance: Provenance,
}

/// How a [`ClientIp`] was learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Provenance {
    /// It is the connection's other end.
    Peer,
    /// A trusted peer named it in its connection's PROXY protocol header.
    ProxyProtocol,
    /// A header written by a trusted peer named it.
    Header,
    /// The application said so, with [`ClientIp::asserted`].
    Asserted,
}

impl ClientIp {
    /// A client IP on the caller's own word: from a session, a queue, a test. Nothing checks it.
    #[must_use]
    pub fn asserted(addr: IpAddr) -> Self {
        Self::vouched(addr, Provenance::Asserted)
    }

    /// For resolvers: an address that the trusted chain was seen to vouch for.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn vouched(addr: IpAddr, provenance: Provenance) -> Self {
        Self { addr: addr.to_canonical(), provenance }
    }

    /// The canonical address.
    #[inline]
    #[must_use]
    pub fn addr(&self) -> IpAddr {
        self.addr
    }

    /// How it was learned.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// Runs `future` with this client as the ambient origin; see [`Origin::scope`].
    ///
    /// For what leaves the request's own task: spawned tasks, `tower::Buffer`, response streams.
    pub fn scope<F>(self, future: F) -> Scoped<F> {
        Origin::Client(self).scope(future)
    }

    /// The client of the ambient scope, if there is one and it is known.
    #[must_use]
    pub fn current() -> Option<Self> {
        match Origin::current() {
            Some(Origin::Client(client)) => Some(client),
            _ => None,
        }
    }
}

impl PartialEq for ClientIp {
    fn eq(&self, other: &Self) -> bool {
        self.addr == other.addr
    }
}

impl Eq for ClientIp {}

impl std::hash::Hash for ClientIp {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.addr.hash(state);
    }
}

impl fmt::Display for ClientIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.addr.fmt(f)
    }
}

impl fmt::Debug for ClientIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientIp({} by {:?})", self.addr, self.provenance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_mapped_address_is_ipv4_however_it_is_written() {
        for text in ["::ffff:203.0.113.7", "::ffff:cb00:7107", "203.0.113.7"] {
            let client = ClientIp::asserted(text.parse().unwrap());
            assert_eq!(client.addr(), "203.0.113.7".parse::<IpAddr>().unwrap(), "{text}");
        }
    }

    #[test]
    fn sixto4_nat64_and_compatible_addresses_stay_ipv6() {
        for text in ["2002:cb00:7107::1", "64:ff9b::203.0.113.7", "::203.0.113.7"] {
            assert!(ClientIp::asserted(text.parse().unwrap()).addr().is_ipv6(), "{text}");
        }
    }
}
