//! Tower layers in front of SMS sending. They answer three questions about every request: *who really asks*, *how often
//! may they*, and *is this message going to a person or to a fraudster's number range*.
//!
//! ```text
//! request ─▶ TrustedClientIp ─▶ IpRateLimit ─▶ your handler ─▶ SmsPumpGuard ─▶ ClientIpInjector ─▶ client ─▶ 8x8
//!            who is asking      how often                      a person?       clientIp written
//! ```
//!
//! Each module's first page has its layer's rules:
//!
//! * [`client_ip`]: the client IP no header can fake.
//! * [`rate_limit`]: how often a client IP may ask.
//! * [`pump_guard`]: whether a message goes to a person.
//! * [`injector`]: 8x8's `clientIp`, and adapters for `reqwest`.
//! * [`outbound`]: both of them, retries, and limits, as one layer around a client.
//! * `redis` (with its feature): limits that many nodes share.
//! * [`core`]: the words they share. [`eight`]: what is known of the 8x8 wire.
//!
//! # Features
//!
//! `client-ip`, `rate-limit`, `pump-guard`, `injector`: a layer each, all by default. `axum`: extractors, and the peer
//! from axum's `ConnectInfo`. `tonic`: the peer from tonic's connect info. `reqwest`, `reqwest-middleware`: the adapters.
//! `outbound`: the way out as one layer. `number-lookup`: what 8x8 knows of doubtful numbers. `feedback`: 8x8's feedback
//! call. `redis`: limits that many nodes share, on Redis or Valkey. `full`: everything.
//!
//! # Example
//!
//! Serving side and outbound side of an app that sends codes:
//!
#![cfg_attr(feature = "full", doc = "```")]
#![cfg_attr(not(feature = "full"), doc = "```ignore")]
//! use std::time::Duration;
//! use tollgate::prelude::*;
//! use tower::ServiceBuilder;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In front of the app: nginx on this host is the one trusted proxy.
//! let nginx = Rule::new(["127.0.0.1/32"], "X-Forwarded-For", Strategy::Ranges)?;
//! let inbound = ServiceBuilder::new()
//!     .layer(TrustedClientIpLayer::new(Resolver::new().with_rule(nginx)))
//!     .layer(IpRateLimitLayer::new([
//!         Limit::new("per-minute", Quota::requests(3).per(Duration::from_secs(60))),
//!         Limit::new("per-day", Quota::requests(20).per(Duration::from_secs(86_400))),
//!     ])?);
//!
//! let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
//! // Between the app and 8x8: the client IP goes along by the ambient scope.
//! let outbound = ServiceBuilder::new()
//!     .layer(SmsPumpGuardLayer::new(PumpGuard::new(Policy::default())?))
//!     .layer(ClientIpInjectorLayer::new())
//!     .service(ReqwestService::new(client));
//! # let _ = (inbound, outbound);
//! # Ok(())
//! # }
//! ```

pub use tollgate_8x8 as eight;
#[cfg(feature = "client-ip")]
pub use tollgate_client_ip as client_ip;
pub use tollgate_core as core;
#[cfg(feature = "injector")]
pub use tollgate_injector as injector;
#[cfg(feature = "outbound")]
pub mod outbound;
#[cfg(feature = "pump-guard")]
pub use tollgate_pump_guard as pump_guard;
#[cfg(feature = "rate-limit")]
pub use tollgate_rate_limit as rate_limit;
#[cfg(feature = "redis")]
pub use tollgate_redis as redis;

/// What most programs need.
pub mod prelude {
    #[cfg(feature = "outbound")]
    pub use crate::outbound::{Outbound, OutboundLayer};
    pub use tollgate_8x8::Hosts;
    #[cfg(feature = "client-ip")]
    pub use tollgate_client_ip::{Resolver, Rule, Strategy, TrustedClientIpLayer};
    pub use tollgate_core::{ClientIp, Origin, Peer, Refusal, RefusalFormat, RefusalKind};
    #[cfg(feature = "injector")]
    pub use tollgate_injector::ClientIpInjectorLayer;
    #[cfg(feature = "reqwest")]
    pub use tollgate_injector::ReqwestService;
    #[cfg(feature = "pump-guard")]
    pub use tollgate_pump_guard::{
        JsonField, Policy, Profile, PumpGuard, RouteGuardLayer, SmsPumpGuardLayer,
    };
    #[cfg(feature = "rate-limit")]
    pub use tollgate_rate_limit::{IpRateLimitLayer, Limit, Limiter, Quota};
}
