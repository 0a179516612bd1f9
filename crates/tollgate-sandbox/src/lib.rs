//! A server that behaves like 8x8's SMS, Verification and Number Lookup APIs, for tests and trials.
//!
//! Nothing is sent. What arrives is validated as 8x8's published schemas say, answered as they say, and recorded, so that
//! a test can ask what 8x8 would have seen and which code a person would have received.
//!
//! ```
//! use http::Request;
//! use tollgate_sandbox::Sandbox;
//! # use axum::body::Body;
//! # use http_body_util::BodyExt;
//! # use tower::ServiceExt;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!
//! let sandbox = Sandbox::new();
//!
//! let start = Request::post("/api/v2/subaccounts/acme/sessions")
//!     .header("authorization", "Bearer any-key")
//!     .body(Body::from(r#"{"destination":"+65 9123 4567","clientIp":"203.0.113.7"}"#))?;
//! let response = sandbox.router().oneshot(start).await?;
//! let body = response.into_body().collect().await?.to_bytes();
//! let session: serde_json::Value = serde_json::from_slice(&body)?;
//! assert_eq!(session["status"], "WAITING");
//!
//! // The person reads the code, and enters it.
//! let code = sandbox.last_code("+6591234567").ok_or("no code was sent")?;
//! let uri = format!("{}?code={code}", session["verifyUri"].as_str().unwrap_or_default());
//! let check = Request::get(uri).header("authorization", "Bearer any-key").body(Body::empty())?;
//! let response = sandbox.router().oneshot(check).await?;
//! let body = response.into_body().collect().await?.to_bytes();
//! let session: serde_json::Value = serde_json::from_slice(&body)?;
//! assert_eq!(session["status"], "VERIFIED");
//!
//! // What 8x8 would have seen.
//! assert_eq!(sandbox.requests()[0].body.json()["clientIp"], "203.0.113.7");
//! # Ok(())
//! # }
//! ```
//!
//! Over the wire, with limits and a clock that moves when told to:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use tollgate_core::FakeClock;
//! use tollgate_sandbox::Sandbox;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clock = FakeClock::new();
//! let sandbox = Sandbox::new()
//!     .with_clock(Arc::new(clock.clone()))
//!     .with_number_limit(10, Duration::from_secs(30 * 60))
//!     .with_api_key("the-key".to_owned());
//!
//! let running = sandbox.start("127.0.0.1:0".parse()?).await?;
//! println!("8x8 is at {}", running.url());
//! clock.advance(Duration::from_secs(300)); // every session expires
//! # Ok(())
//! # }
//! ```
//!
//! # What it does where 8x8 leaves it open
//!
//! 1. **A member that is null counts as left out**; a member that no schema declares is ignored; names are
//!    case-sensitive. Each fault has the code of its member (`clientIp` 1012, `source` 1005, …), and 1000 where there is
//!    none; numbers out of range are 1010.
//! 2. **A single message** is refused with HTTP 400 for a bad number, a missing text or too long a source. In **a batch**
//!    these reject the message alone, as does an expiry that is over; anything else wrong refuses the batch.
//! 3. **A rejection can be asked for**: a message to a number that ends in exactly four zeros (`+6591230000`) is answered
//!    with HTTP 200 and the status `REJECTED`.
//! 4. **A limit that trips** is HTTP 429 with code 429: see [`Sandbox::with_ip_limit`].
//! 5. **Verifications**: `resendingInterval` is the new request's, and holds whatever became of the last session
//!    (HTTP 403, code 1400). A reset ends the session before it as `EXPIRED`. With `NUMERIC_WITH_DASH` the dash counts in
//!    `codeLength`. The `verificationUrl` of channel `sma` verifies when it is opened.
//! 6. **Numbers** are read by their shape. A national number gets its country's calling code, if it is one of some thirty
//!    that are known here; other countries leave the digits as they are.
//! 7. **Messages arrive** at once, or when they were scheduled. There are no delivery receipts: webhooks are kept and
//!    shown, never called. An export of logs is empty, and the platform's own limits are not enforced.
//! 8. **Prices** have the shape of the schema (`outbound` is an array); 8x8's examples beside it show an object.
//!
//! # The sandbox itself
//!
//! | call | answer |
//! |---|---|
//! | `GET /_sandbox/requests` | `[{"method","path","headers":[[name,value]],"body":…}]`, newest last; the body as JSON with its spelling kept, else as a string, or null |
//! | `DELETE /_sandbox/requests` | forgets them |
//! | `GET /_sandbox/sessions/{id}/code` | `{"code":"1234"}`, to play the person |
//! | `GET /_sandbox/sma/{id}` | the device of a silent verification |
//!
//! These are neither recorded nor in need of a key, and recorded headers hold the API keys of whoever called: keep a
//! sandbox on loopback. Its memory is bounded (100,000 messages and as many sessions, of which the oldest go; a session
//! that is over is forgotten after a day), but it is no gateway: it defends itself against nobody.

mod account;
mod batch;
mod bounded;
mod call;
mod code;
mod control;
mod error;
mod exports;
mod lookup;
mod message;
mod number;
mod outbox;
mod record;
mod router;
mod rules;
mod running;
mod sandbox;
mod session;
mod sms;
mod state;
mod survey;
mod time;
mod validate;
mod verify;
mod webhooks;

#[cfg(test)]
mod tests;

pub use record::{Recorded, RecordedBody};
pub use running::Running;
pub use sandbox::Sandbox;
