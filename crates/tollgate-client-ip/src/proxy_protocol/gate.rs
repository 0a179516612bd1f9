use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncRead;
use tollgate_core::Peer;

use super::{ProxyHeaderError, ProxyStream, header};
use crate::Resolver;

/// How long a header may take. Proxies send it as soon as they connect.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Decides which connections begin with a PROXY protocol header, and reads it; for accept loops of one's own.
/// [`ProxyListener`](super::ProxyListener) is a ready-made one.
#[derive(Clone, Debug)]
#[must_use]
pub struct ProxyProtocol {
    resolver: Resolver,
    timeout: Duration,
}

impl ProxyProtocol {
    /// As the resolver's rules say, with 5 seconds for a header.
    pub fn of(resolver: &Resolver) -> Self {
        Self { resolver: resolver.clone(), timeout: TIMEOUT }
    }

    /// How long the whole header may take, however many packets it comes in.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Whether this socket's connections have to begin with a header; if not, they must not, and nothing is read.
    #[must_use]
    pub fn expects_header(&self, socket: Peer) -> bool {
        self.resolver.expects_proxy_header(socket.socket())
    }

    /// The connection behind its header; where none is expected, the connection as it is.
    ///
    /// It waits for the header, so each connection wants a task of its own, before TLS if there is any. Refused ones
    /// are counted and traced here.
    ///
    /// # Errors
    ///
    /// The connection has to begin with a header and did not, or not in time. It is closed.
    pub async fn accept<IO: AsyncRead + Unpin>(
        &self,
        io: IO,
        socket: Peer,
    ) -> Result<ProxyStream<IO>, ProxyHeaderError> {
        if !self.expects_header(socket) {
            return Ok(Self::pass(io, socket));
        }
        self.read(io, socket).await
    }

    /// A connection that no header is read of.
    pub(super) fn pass<IO>(io: IO, socket: Peer) -> ProxyStream<IO> {
        ProxyStream::from_parts(io, Bytes::new(), socket)
    }

    /// Reads the header; the future borrows nothing of the gate.
    pub(super) fn read<IO: AsyncRead + Unpin>(
        &self,
        mut io: IO,
        socket: Peer,
    ) -> impl Future<Output = Result<ProxyStream<IO>, ProxyHeaderError>> + use<IO> {
        let after = self.timeout;
        async move {
            let timed = tokio::time::timeout(after, header::read(&mut io)).await;
            match timed.unwrap_or(Err(ProxyHeaderError::TimedOut { after })) {
                Ok((source, unread)) => {
                    let peer = Peer::Proxied { source, by: address(socket) };
                    Ok(ProxyStream::from_parts(io, unread, peer))
                }
                Err(error) => {
                    metrics::counter!(
                        "tollgate_client_ip_proxy_header_refused_total",
                        "reason" => error.as_str()
                    )
                    .increment(1);
                    tracing::debug!(peer = %socket, reason = error.as_str(), "connection refused: {error}");
                    Err(error)
                }
            }
        }
    }
}

/// The address of who holds the socket's other end.
fn address(socket: Peer) -> Option<SocketAddr> {
    match socket.socket() {
        Peer::Tcp(addr) => Some(addr),
        _ => None,
    }
}
