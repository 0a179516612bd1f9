use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The other end of the connection a request came on.
///
/// A server puts it into each request's extensions. It says who is connected, not who asks: behind a proxy the peer
/// is the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Peer {
    /// A TCP (or QUIC) peer.
    Tcp(SocketAddr),
    /// A Unix domain socket: a process of the same host, without an address.
    Unix,
}

impl Peer {
    /// The canonical address (IPv4-mapped folded to IPv4); a Unix peer has none.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(addr) => Some(addr.ip().to_canonical()),
            Self::Unix => None,
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(addr: SocketAddr) -> Self {
        Self::Tcp(addr)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => addr.fmt(f),
            Self::Unix => f.write_str("unix:"),
        }
    }
}
