//! Connections that begin with a PROXY protocol header: the client's address from a proxy that passes on bytes and
//! cannot write an HTTP header.
//!
//! The [PROXY protocol], version 1 (a line of text) and version 2 (binary), by HAProxy; AWS's NLB, nginx, Envoy and
//! Traefik send it too.
//!
//! # Rules
//!
//! 1. **The rules say whose connections begin with a header**, by the socket's own peer: those of the first rule whose
//!    peers match, if that is [`Rule::proxy_protocol`](crate::Rule::proxy_protocol).
//! 2. **Theirs must, and nobody else's may.** Without a header, or with one that is malformed, a trusted proxy's
//!    connection is closed. Of others nothing is read: a header they send is a bad HTTP request. There is no "use it
//!    if it is there": that would be anybody's word.
//! 3. **Bytes and time are limited**: 107 bytes in version 1, 16 + 4096 in version 2, and 5 seconds for all of it. What
//!    was read behind the header is the first that the connection gives.
//! 4. **The source** is that of `TCP4` and `TCP6`. A connection of the proxy's own (`LOCAL`, whatever addresses stand
//!    behind it) is the proxy's, and no header of it is read. One that the proxy cannot name (`UNKNOWN`, `AF_UNSPEC`,
//!    `AF_UNIX`) is nobody's: the client is undetermined, for strangers must not share the proxy's address. Datagrams, and sources that are unspecified, multicast or broadcast, are malformed.
//! 5. **TLVs** have to be well-formed and are not looked at further; the checksum TLV is not verified.
//!
//! # Served by axum (feature `axum`)
//!
//! ```no_run
//! # #[cfg(feature = "axum")]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, routing::get};
//! use tollgate_client_ip::proxy_protocol::{ProxyListener, ProxyProtocol};
//! use tollgate_client_ip::{Resolver, Rule, TrustedClientIpLayer};
//! use tollgate_core::{ClientIp, Peer};
//!
//! let resolver = Resolver::new().with_rule(Rule::proxy_protocol(["10.0.0.0/28"])?);
//! let listener = tokio::net::TcpListener::bind("0.0.0.0:8080").await?;
//! let listener = ProxyListener::new(listener, ProxyProtocol::of(&resolver));
//!
//! let app = Router::new()
//!     .route("/", get(|client: ClientIp| async move { client.to_string() }))
//!     .layer(TrustedClientIpLayer::new(resolver));
//! axum::serve(listener, app.into_make_service_with_connect_info::<Peer>()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # In an accept loop of one's own, with less time
//!
//! ```
//! use std::time::Duration;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tollgate_client_ip::proxy_protocol::ProxyProtocol;
//! use tollgate_client_ip::{Resolver, Rule};
//! use tollgate_core::Peer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let resolver = Resolver::new().with_rule(Rule::proxy_protocol(["10.0.0.0/28"])?);
//! let gate = ProxyProtocol::of(&resolver).with_timeout(Duration::from_secs(1));
//!
//! let (mut proxy, connection) = tokio::io::duplex(1024);
//! proxy.write_all(b"PROXY TCP4 203.0.113.7 198.51.100.1 50000 443\r\nGET / HTTP/1.1\r\n").await?;
//!
//! let mut stream = gate.accept(connection, Peer::Tcp("10.0.0.1:40000".parse()?)).await?;
//! assert_eq!(stream.peer().to_string(), "203.0.113.7:50000 (PROXY by 10.0.0.1:40000)");
//! let mut request = [0; 16];
//! stream.read_exact(&mut request).await?;
//! assert_eq!(&request, b"GET / HTTP/1.1\r\n");
//! # Ok(())
//! # }
//! ```
//!
//! # Metrics
//!
//! `tollgate_client_ip_proxy_header_refused_total` (`reason`: a [`ProxyHeaderError::as_str`]). Each is traced at
//! `debug`, with the proxy's address.
//!
//! # What a deployment must see to
//!
//! * **Health checks** of the load balancer must send the header too (HAProxy: `check-send-proxy`); a bare TCP check
//!   is counted as `missing`.
//! * **Nobody else may connect from the proxies' addresses**: whoever shares one (a NAT, a neighbour pod) can name any
//!   client.
//! * **The proxy must send the header at once**, not with the client's first byte: else idle clients use up the time.
//!
//! [PROXY protocol]: https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt

mod accept;
mod error;
mod gate;
mod header;
mod listener;
mod stream;

pub use accept::Accept;
pub use error::ProxyHeaderError;
pub use gate::ProxyProtocol;
pub use listener::{ProxyIncoming, ProxyListener};
pub use stream::ProxyStream;
