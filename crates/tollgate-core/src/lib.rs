//! The words every Tollgate layer shares.
//!
//! A layer imports this crate and no other layer. What meets here:
//!
//! * [`Peer`]: the connection's other end.
//! * [`ClientIp`]: the address the trusted chain vouches for, canonical, with its [`Provenance`]. The only address
//!   any rule may use.
//! * [`Origin`]: on whose behalf a request is made: a client, the system itself, or nobody known. It travels in
//!   [`http::Extensions`], or as the *ambient scope* of a task ([`Origin::scope`], [`ClientIp::scope`]).
//! * [`IpKey`]: an address cut to a prefix, which is what limits are counted by.
//! * [`CidrSet`]: addresses by CIDRs, looked up fast.
//! * [`Refusal`], [`RefusalKind`], [`RefusalFormat`]: the response a layer gives instead of calling on.
//! * [`Body`]: an inner body, or bytes of ours in its place. [`ResponseFuture`]: the same for responses.
//! * [`Clock`]: monotonic and wall time; the only place where time is read. [`Sampler`]: one trace event a second.
//!
//! # Example
//!
//! ```
//! use tollgate_core::{ClientIp, IpKey, PrefixLengths};
//!
//! // IPv4-mapped addresses are IPv4, by bits.
//! let client = ClientIp::asserted("::ffff:203.0.113.7".parse()?);
//! assert_eq!(client.to_string(), "203.0.113.7");
//!
//! // A host owns its /64, so limits are counted by it.
//! let key = IpKey::new("2001:db8:1:2:3:4:5:6".parse()?, PrefixLengths::default());
//! assert_eq!(key.to_string(), "2001:db8:1:2::/64");
//! # Ok::<(), std::net::AddrParseError>(())
//! ```
//!
//! With the feature `axum`, [`ClientIp`] is an extractor, [`Refusal`] is a response, and [`Peer`] is connect info.

#[cfg(feature = "axum")]
mod axum;
mod body;
pub mod cidr;
mod client_ip;
mod clock;
mod future;
mod key;
mod origin;
mod peer;
pub mod refusal;
mod sampler;

#[cfg(feature = "axum")]
pub use axum::PeerListener;
pub use body::Body;
pub use cidr::{CidrSet, parse_cidr};
pub use client_ip::{ClientIp, Provenance};
pub use clock::{Clock, FakeClock, SharedClock, SystemClock};
pub use future::ResponseFuture;
pub use key::{IpKey, PrefixLengths, PrefixLengthsError};
pub use origin::{Origin, Scoped};
pub use peer::{Peer, ProxySource};
pub use refusal::{Refusal, RefusalFormat, RefusalKind};
pub use sampler::Sampler;
