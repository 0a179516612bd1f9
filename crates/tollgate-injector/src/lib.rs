//! **ClientIpInjector**: writes the true client IP into 8x8 requests, so that 8x8's own limits work.
//!
//! # What it decides
//!
//! 1. Requests to other hosts, to Messaging Apps, and 8x8 calls known to send nothing pass untouched. From dispatches
//!    without `clientIp` in their schema (surveys) one that a caller put there is removed.
//! 2. Into Send SMS, Send SMS batch, the verification start and SMA coverage, `clientIp` is written at the top level.
//!    Whatever a caller had there, in any spelling, is replaced; inside `messages[*]` it is removed
//!    ([`Placement::Top`](tollgate_8x8::Placement::Top)), or written into each ([`Placement::Each`](tollgate_8x8::Placement::Each)).
//! 3. The address is, in this order, that of the request's extensions ([`ClientIp`](tollgate_core::ClientIp) or
//!    [`Origin`](tollgate_core::Origin)), or that of the ambient scope. With neither, the request is refused.
//!    A batch of several end users has one for each message instead: [`MessageOrigins`].
//! 4. For [`Origin::System`](tollgate_core::Origin::System) it is left out (and removed where it is), and that is
//!    counted. SMA coverage needs one: there it is refused.
//! 5. An address 8x8 cannot use (private, loopback, link-local, documentation, …) is refused, left out, passed, or
//!    replaced by one of your own: [`Unusable`].
//! 6. A body that can be read in two ways, is encoded or signed, or has trailers, is refused: see [`tollgate_8x8`].
//! 7. `Content-Length` is right afterwards. All other bytes are kept.
//!
//! With the feature `reqwest`, `ReqwestService` lets it stand around a `reqwest` client; with `reqwest-middleware` the layer
//! is a middleware of that crate's, too.
//!
//! # Caveats
//!
//! * Put it outside of whatever signs the request, and do not follow redirects: the address would go along.
//! * The ambient scope ends where the task does: see [`ClientIp::scope`](tollgate_core::ClientIp::scope).
//!
//! # Examples
//!
//! By default, around an outbound client:
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::{BodyExt, Full};
//! use tollgate_core::ClientIp;
//! use tollgate_injector::ClientIpInjectorLayer;
//! use tower::{Layer, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A client that echoes what it was given to send.
//! let client = tower::service_fn(|request: Request<Full<Bytes>>| async {
//!     Ok::<_, std::convert::Infallible>(Response::new(request.into_body()))
//! });
//! let service = ClientIpInjectorLayer::new().layer(client);
//!
//! let request = Request::post("https://sms.8x8.com/api/v1/subaccounts/mine/messages")
//!     .header("content-type", "application/json")
//!     .extension(ClientIp::asserted("8.8.4.4".parse()?))
//!     .body(Full::from(r#"{"destination":"+6591234567","text":"hi"}"#))?;
//! let sent = service.oneshot(request).await?.into_body().collect().await?.to_bytes();
//! assert_eq!(sent, r#"{"destination":"+6591234567","text":"hi","clientIp":"8.8.4.4"}"#);
//! # Ok(())
//! # }
//! ```
//!
//! Configured, for a sandbox of one's own:
//!
//! ```
//! use tollgate_8x8::{Hosts, Placement};
//! use tollgate_injector::{ClientIpInjectorLayer, Unusable};
//!
//! let layer = ClientIpInjectorLayer::new()
//!     .with_hosts(Hosts::new().with_host("127.0.0.1:9001")?)
//!     .with_placement(Placement::Each)
//!     .with_unusable(Unusable::Omit)
//!     .with_body_limit(1 << 20);
//! # Ok::<(), tollgate_8x8::HostError>(())
//! ```

mod insecure;
mod layer;
mod message_origins;
#[cfg(feature = "reqwest-middleware")]
mod middleware;
#[cfg(feature = "reqwest")]
mod reqwest;
mod service;
mod usable;
mod writing;

pub use layer::{ClientIpInjectorLayer, Unusable};
pub use message_origins::MessageOrigins;
#[cfg(feature = "reqwest")]
pub use reqwest::{ReqwestFuture, ReqwestService};
pub use service::{ClientIpInjector, ResponseFuture};
pub use usable::why_unusable;
pub use writing::Writing;
