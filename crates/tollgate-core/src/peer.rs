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
    /// A proxy's connection that began with a PROXY protocol header.
    Proxied {
        /// Whose connection the proxy passes on.
        source: ProxySource,
        /// The proxy's own address; none over a Unix domain socket.
        by: Option<SocketAddr>,
    },
}

/// Whose connection it is, by its PROXY protocol header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxySource {
    /// This client's.
    Client(SocketAddr),
    /// The proxy's own (`LOCAL`): a health check.
    Itself,
    /// Somebody's, and the header does not say whose (`UNKNOWN`, `AF_UNSPEC`, `AF_UNIX`).
    Unknown,
}

impl Peer {
    /// The canonical address (IPv4-mapped folded to IPv4): of a proxied connection, that of whom it belongs to. A Unix
    /// peer has none, nor has somebody whom the proxy does not name.
    #[inline]
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(addr) => Some(addr.ip().to_canonical()),
            Self::Unix => None,
            Self::Proxied { source: ProxySource::Client(addr), .. }
            | Self::Proxied { source: ProxySource::Itself, by: Some(addr) } => Some(addr.ip().to_canonical()),
            Self::Proxied { .. } => None,
        }
    }

    /// Who holds the connection's other end, whatever it said of others: `Tcp` or `Unix`.
    #[inline]
    #[must_use]
    pub fn socket(&self) -> Self {
        match *self {
            Self::Proxied { by: Some(addr), .. } => Self::Tcp(addr),
            Self::Proxied { by: None, .. } => Self::Unix,
            socket => socket,
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
            // No connection has port 0: the port was not known.
            Self::Tcp(addr) if addr.port() == 0 => addr.ip().fmt(f),
            Self::Tcp(addr) => addr.fmt(f),
            Self::Unix => f.write_str("unix:"),
            Self::Proxied { source: ProxySource::Client(source), .. } => {
                write!(f, "{source} (PROXY by {})", self.socket())
            }
            Self::Proxied { source: ProxySource::Itself, .. } => {
                write!(f, "{} (PROXY for itself)", self.socket())
            }
            Self::Proxied { source: ProxySource::Unknown, .. } => {
                write!(f, "unknown (PROXY by {})", self.socket())
            }
        }
    }
}
