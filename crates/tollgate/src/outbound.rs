//! The way out as one layer: guard, injector, retries, a limit on how many at once, and a time for each try.
//!
//! ```text
//! request ─▶ SmsPumpGuard ─▶ ClientIpInjector ─▶ Replay ─▶ Retry ─▶ ConcurrencyLimit ─▶ OneTry ─▶ client
//!            judged once     clientIp written    as bytes  429 only  shared              in time
//! ```
//!
//! # What it does
//!
//! 1. Guard and injector are the layers that they are alone. Both see a request once, however often it is tried.
//! 2. Where 8x8 answers 429 and says in `Retry-After` (in seconds) when to come back, the request waits and is tried
//!    again: 3 tries in all, none of which waits longer than 5 s ([`OutboundLayer::with_tries`],
//!    [`OutboundLayer::with_longest_wait`]). Where 8x8 asks for longer, its answer is given back at once.
//! 3. Nothing else is tried again: after anything but a 429 a message may be on its way. Nor is a 429 that is a
//!    [refusal](tollgate_core::Refusal), which somebody in between gave: a cool-down is not over for being asked twice.
//! 4. Dispatches are tried again, and calls to 8x8 without a body. Other bodies are passed on as they come.
//! 5. At most 256 requests are on their way at once ([`OutboundLayer::with_concurrency`]), those of all services made
//!    from the layer together. A request that waits for its next try is not on its way.
//! 6. Each try has 10 s to be answered ([`OutboundLayer::with_timeout`]). After that it is dropped, and the answer is the
//!    refusal [`UpstreamTimeout`](tollgate_core::RefusalKind::UpstreamTimeout) (504): whether the message goes out is not
//!    known then, and the guard goes on counting it.
//!
//! # Caveats
//!
//! * The time is for the head of an answer. Its body is the caller's to wait for, and counts as being on its way no more.
//! * A service that was made ready has its place among those on their way, and keeps it while the guard judges.
//! * How many requests wait, for their turn or for their next try, is not bounded here.
//! * What the client itself fails with stays an error, a time limit of its own too. Give it none, or a longer one.
//! * Switch the client's redirects off, and its own retries.
//!
//! # Examples
//!
//! By default:
//!
#![cfg_attr(feature = "reqwest", doc = "```")]
#![cfg_attr(not(feature = "reqwest"), doc = "```ignore")]
//! use tollgate::prelude::*;
//! use tower::Layer;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
//! let guard = SmsPumpGuardLayer::new(PumpGuard::new(Policy::default())?);
//! let eight: Outbound<ReqwestService> =
//!     OutboundLayer::new(guard, ClientIpInjectorLayer::new()).layer(ReqwestService::new(client));
//! # Ok(())
//! # }
//! ```
//!
//! Configured, and sending (here to a client that 8x8 would first have wait):
//!
//! ```
//! use std::convert::Infallible;
//! use std::sync::atomic::{AtomicBool, Ordering};
//! use std::time::Duration;
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use tollgate::outbound::OutboundLayer;
//! use tollgate::prelude::*;
//! use tower::{Layer, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! static ASKED: AtomicBool = AtomicBool::new(false);
//! let client = tower::service_fn(|_: Request<Full<Bytes>>| async {
//!     let mut response = Response::new(Full::<Bytes>::default());
//!     if !ASKED.swap(true, Ordering::Relaxed) {
//!         *response.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
//!         response.headers_mut().insert("retry-after", 0.into());
//!     }
//!     Ok::<_, Infallible>(response)
//! });
//! let guard = SmsPumpGuardLayer::new(PumpGuard::new(Policy::default())?);
//! let eight = OutboundLayer::new(guard, ClientIpInjectorLayer::new())
//!     .with_tries(2)
//!     .with_longest_wait(Duration::from_secs(2))
//!     .with_concurrency(64)
//!     .with_timeout(Duration::from_secs(5))
//!     .layer(client);
//!
//! let request = Request::post("https://verify.8x8.com/api/v2/subaccounts/mine/sessions")
//!     .header("content-type", "application/json")
//!     .extension(ClientIp::asserted("8.8.4.4".parse()?))
//!     .body(Full::from(r#"{"destination":"+6591234567"}"#))?;
//! assert_eq!(eight.oneshot(request).await?.status(), 200);
//! # Ok(())
//! # }
//! ```

mod layer;
mod one_try;
mod replay;
#[cfg(test)]
mod tests;
mod too_many;

use tollgate_core::Refusal;

pub use layer::{Outbound, OutboundLayer};
pub use one_try::{OneTry, ResponseFuture as OneTryFuture};
pub use replay::{Replay, ResponseFuture as ReplayFuture};
pub use too_many::TooManyRequests;

/// Counts a refusal and tells of it.
fn tell(refusal: &Refusal) {
    let kind = refusal.kind().as_str();
    metrics::counter!("tollgate_outbound_refused_total", "kind" => kind).increment(1);
    tracing::warn!(kind, detail = refusal.detail(), "refused");
}
