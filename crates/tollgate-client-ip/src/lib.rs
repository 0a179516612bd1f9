//! Finds the client IP no header can fake: [`TrustedClientIpLayer`].
//!
//! Behind a proxy the connection's other end is the proxy, and who really asks is in a header that anybody can send.
//! This layer believes a header only where the configuration says who wrote it, and where the chain does not say who
//! asks, it says that instead of guessing.
//!
//! # Rules
//!
//! 1. **The peer** is [`Peer`](tollgate_core::Peer) in the request's extensions, else axum's `ConnectInfo<Peer>` or
//!    `ConnectInfo<SocketAddr>` (feature `axum`), else tonic's `TcpConnectInfo` or `UdsConnectInfo`, also over TLS
//!    (feature `tonic`). Without a peer the client is undetermined; no header stands in for it.
//! 2. **The first [`Rule`] whose peers match applies, and no other.** Where none matches, the peer is the client, and
//!    headers change nothing. Nobody is trusted by default. A Unix socket has no address: it matches rules that name
//!    `unix:`, and without one the client is undetermined.
//! 3. **A rule reads one header.** If it is missing or empty, no other is tried. A rule may want a second header as a
//!    proof that the peer is yours ([`Rule::with_required_header`]); without it the client is undetermined.
//! 4. **The PROXY protocol is the first link** ([`Strategy::ProxyProtocol`]): whom its header names is the peer of the
//!    rules behind, else the client. Only a listener that read the header says so, and only a rule believes it
//!    (`proxy_protocol`, feature `proxy-protocol`).
//! 5. **A list is read from the right**, over all lines of the header as one list, as bytes, and no further than to
//!    the answer: what stands left of it is the attacker's and changes nothing. At most 64 elements are looked at.
//!    * [`Strategy::Ranges`]: the first entry outside the trusted ranges is the client.
//!    * [`Strategy::Count`]: the `n`-th entry is the client; a shorter list has none.
//! 6. **[`Strategy::Single`]** wants the header once, with one address.
//! 7. **An entry that has to be read is an address or the client is undetermined**: it is never skipped, and nothing
//!    stands in for it. Entries are `v4`, `v4:port`, `v6`, `[v6]`, `[v6]:port`, also in quotes; [`Format`] has others.
//!    Leading zeros, ports over 65535 or of more than five digits, `0.0.0.0`, `::`, multicast, broadcast, `unknown` and `_hidden` name nobody. Only
//!    an empty list element is passed over, for it claims nothing.
//! 8. **`Forwarded` is read by the grammar of RFC 7239.** A line that has to be read is read whole, and a line that
//!    breaks the grammar anywhere names nobody: white space around `;` or `=`, a quote left open, a parameter twice,
//!    `for=1.2.3.4:80` without quotes. Lines stay apart, so a line of the attacker's own cannot reach into the proxy's.
//!    Reading whole takes time in proportion to the line, however short the answer.
//! 9. **Addresses are canonical** on all sides: IPv4-mapped is IPv4, a zone is dropped. 6to4, NAT64 and
//!    IPv4-compatible addresses stay IPv6, because any IPv6 host can write them. (A limiter may count NAT64's by their
//!    IPv4: `PrefixLengths::with_nat64_as_ipv4` in `tollgate-core`.)
//! 10. **Headers that nobody vouched for are removed** before the request goes on: all that some rule reads or requires,
//!     but for the one of the rule that applies; and whatever CGI and its kind take for one of them
//!     (`X_Forwarded_For`, `x.forwarded.for`). The [`Resolution`] keeps what was there.
//! 11. **An undetermined client is refused** ([`RefusalKind::ClientIpUndetermined`]); or passed on as nobody
//!     ([`pass_without`]); or taken for the peer ([`insecure_use_peer`]).
//!
//! The inner service finds a [`ClientIp`] in the request's extensions (what was there before is replaced), a
//! [`Resolution`] that says how it was found (both are extractors with the feature `axum`), and both its `call` and every
//! poll of its future are within the ambient scope ([`Origin::scope`]). A refusal's response has the `Resolution` in its
//! extensions.
//!
//! # Where the rules come from
//!
//! * [`Preset`]: sixteen providers and proxies, with their header, their published ranges, and what to look out for.
//! * [`Ranges`]: a rule's lists, replaced while it is in use.
//! * `Config` (feature `serde`): the whole layer as data.
//! * A [`Resolver`] in a request's extensions is used in place of the layer's: so each listener, or each route that a
//!   layer stands in front of, may have rules of its own.
//! * [`TrustedClientIpLayer::with_dry_run`] tries other rules beside these, and counts where they differ.
//! * [`MockClientIpLayer`] is for tests of what stands behind.
//!
//! # Default: the peer is the client
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use tollgate_client_ip::{Resolver, TrustedClientIpLayer};
//! use tollgate_core::{ClientIp, Peer};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let app = service_fn(|request: Request<()>| async move {
//!     let client = request.extensions().get::<ClientIp>().copied();
//!     assert_eq!(client, ClientIp::current());
//!     Ok::<_, std::convert::Infallible>(Response::new(client.map(|c| c.to_string()).unwrap_or_default()))
//! });
//! let app = TrustedClientIpLayer::new(Resolver::new()).layer(app);
//!
//! let request = Request::builder()
//!     .header("x-forwarded-for", "198.51.100.66")
//!     .extension(Peer::Tcp("203.0.113.7:50000".parse()?)) // by the server; see rule 1
//!     .body(())?;
//! let response = app.oneshot(request).await?;
//! # use http_body_util::BodyExt;
//! assert_eq!(response.into_body().collect().await?.to_bytes(), Bytes::from("203.0.113.7"));
//! # Ok(())
//! # }
//! ```
//!
//! # Configured: behind a load balancer that appends to `X-Forwarded-For`
//!
//! ```
//! use http::{Request, Response};
//! use tollgate_client_ip::{Resolution, Resolver, Rule, Strategy, TrustedClientIpLayer};
//! use tollgate_core::{ClientIp, Peer, RefusalFormat};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rule = Rule::new(["10.0.0.0/24", "unix:"], "X-Forwarded-For", Strategy::Ranges)?
//!     .with_trusted(["10.0.0.0/24", "192.0.2.0/28"])?; // the CDN in front of the load balancer
//! let layer = TrustedClientIpLayer::new(Resolver::new().with_rule(rule))
//!     .with_refusal_format(RefusalFormat::problem_json());
//!
//! let app = layer.layer(service_fn(|request: Request<()>| async move {
//!     let client = request.extensions().get::<ClientIp>().map(ToString::to_string);
//!     assert_eq!(client.as_deref(), Some("203.0.113.7"));
//!     Ok::<_, std::convert::Infallible>(Response::new(String::new()))
//! }));
//! let request = |header| {
//!     Request::builder()
//!         .header("x-forwarded-for", header)
//!         .extension(Peer::Unix)
//!         .body(())
//! };
//! // Left of the client stands what the client sent.
//! let answered = app.clone().oneshot(request("198.51.100.66, 203.0.113.7, 192.0.2.3")?).await?;
//! assert_eq!(answered.status(), 200);
//!
//! let refused = app.oneshot(request("198.51.100.66, garbage, 192.0.2.3")?).await?;
//! assert_eq!(refused.status(), 400);
//! assert_eq!(refused.headers()["tollgate-refusal"], "client_ip_undetermined");
//! let reason = refused.extensions().get::<Resolution>().and_then(Resolution::reason);
//! assert_eq!(reason.map(|reason| reason.as_str()), Some("malformed_entry"));
//! # Ok(())
//! # }
//! ```
//!
//! # Metrics
//!
//! * `tollgate_client_ip_resolved_total` (`outcome`: `client`, `direct_peer`, `undetermined`; `reason`: a
//!   [`Reason::as_str`], else `none`);
//! * `tollgate_client_ip_spoof_suspected_total` (`kind`: a [`Spoof::as_str`]): a header was removed;
//! * `tollgate_client_ip_dry_run_total` (`answer`: `same`, `different`);
//! * `tollgate_client_ip_ranges_age_seconds` (`rule`, `list`), set by [`Resolver::record_ages`];
//! * `tollgate_client_ip_proxy_header_refused_total` (`reason`): a connection was closed.
//!
//! Undetermined clients, suspected spoofs and differences are traced at `debug`, one of each kind a second, with the
//! evidence cut and escaped. Only the first request without a peer, or without the PROXY protocol header that a rule
//! expects, is logged higher (`error`): the server is set up wrongly.
//!
//! # What a deployment must see to
//!
//! * **Trust proxies, not networks.** In Kubernetes and Docker every neighbour is in `10.0.0.0/8`, and with
//!   `externalTrafficPolicy: Cluster` or Docker's userland proxy the internet comes from there too. A CDN's published
//!   ranges are also those of its other customers: add mutual TLS or a secret header.
//! * **The proxy must append or overwrite always.** HAProxy's `option forwardfor if-none` and the AWS ALB's
//!   `preserve` mode let the client's own header stand. So does Fastly on plain HTTP.
//! * **Count what is appended.** Google Cloud's and Fly's proxies append the client and then themselves, so their
//!   count is 2. Too small a count makes everybody the proxy; too large a count believes the client.
//! * **Empty elements are passed over**, so a proxy must not append an empty element for a client it does not know.
//! * **Put this layer before anything that edits headers**, and before hop-by-hop removal: `Connection:
//!   X-Forwarded-For` must not take the header away.
//! * **Other readers** of the same request may read headers that no rule reads (`X-Real-IP`): they see them as they came.
//!   The header that the rule reads keeps what the client put in front; [`with_rewritten_header`] leaves the client
//!   alone in it.
//! * **Response bodies, spawned tasks and `tower::Buffer`** are outside the ambient scope; carry it with
//!   [`ClientIp::scope`].
//!
//! [`ClientIp`]: tollgate_core::ClientIp
//! [`ClientIp::scope`]: tollgate_core::ClientIp::scope
//! [`Origin::scope`]: tollgate_core::Origin::scope
//! [`RefusalKind::ClientIpUndetermined`]: tollgate_core::RefusalKind::ClientIpUndetermined
//! [`pass_without`]: TrustedClientIpLayer::pass_without
//! [`with_rewritten_header`]: TrustedClientIpLayer::with_rewritten_header
//! [`insecure_use_peer`]: TrustedClientIpLayer::insecure_use_peer

mod addr;
#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "serde")]
mod config;
mod entry;
mod error;
mod explain;
mod format;
mod forwarded;
mod layer;
mod managed;
mod mock;
mod peer;
mod preset;
#[cfg(feature = "proxy-protocol")]
pub mod proxy_protocol;
mod ranges;
mod reading;
mod reason;
mod received;
mod record;
mod required;
mod resolution;
mod resolver;
mod rule;
mod sanitize;
mod service;
mod source;
mod walk;

#[cfg(feature = "serde")]
pub use config::{Config, ConfigError, RequiredConfig, RuleConfig, StrategyName, Undetermined};
pub use error::RuleError;
pub use explain::{Explanation, Hop, Role};
pub use format::Format;
pub use layer::TrustedClientIpLayer;
pub use mock::{MockClientIp, MockClientIpLayer};
pub use preset::Preset;
pub use ranges::Ranges;
pub use reason::{Evidence, Reason};
pub use resolution::{Outcome, Resolution, Spoof};
pub use resolver::Resolver;
pub use rule::{Rule, Strategy};
pub use service::{ResponseFuture, TrustedClientIp};
