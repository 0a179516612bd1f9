//! Limits how often a client IP may ask.
//!
//! [`IpRateLimitLayer`] takes any number of [`Limit`]s, each a named [`Quota`], and answers for the service behind it
//! when a client has used up one of them. What it decides:
//!
//! 1. **Who asks** is the [`ClientIp`](tollgate_core::ClientIp) of the request or of the ambient scope, and nothing
//!    else: no header is read. `TrustedClientIpLayer` goes in front. Without a client IP (also for
//!    [`Origin::System`](tollgate_core::Origin::System)) a request that an enforced limit applies to is refused as
//!    `client_ip_missing`; [`insecure_pass_without_client_ip`](IpRateLimitLayer::insecure_pass_without_client_ip) lets
//!    it pass.
//! 2. **A client** is an IPv4 address or an IPv6 /64. The /56 around a /64 has four times the quota, and the /48 sixteen
//!    times; a request has to be within all three ([`IpLevels`]). An IPv4-mapped address is the IPv4 address. A limit
//!    can count by anything else, too: a user, an API key ([`Limit::with_key`]).
//! 3. **How often** is the generic cell rate algorithm: no span of length `t` holds more than
//!    `burst + t × requests / period` of a client's requests, give or take one tick of 16 µs.
//! 4. **All or nothing**: a request passes when every enforced limit that applies lets it, and is then charged to each
//!    of them; what one refuses is charged to none. Asking again too early costs nothing.
//! 5. **A monitored limit** lets through, counts and reports. It is charged as if it alone were enforced: what it would
//!    refuse is not charged to it.
//! 6. **A refusal** is a response (429, or gRPC's `RESOURCE_EXHAUSTED`; see
//!    [`RefusalFormat`](tollgate_core::RefusalFormat)), never an error. It names all limits that are used up
//!    (`violated-policies`) and the longest wait (`retry-after`, in whole seconds rounded up). It costs the server less
//!    than passing the request on would.
//! 7. **What a request costs** is 1, or what [`Limit::with_cost_of`] says of it. Once it is answered, a limit can give
//!    back what was charged, or charge more ([`Limit::settled_by`]).
//! 8. **Answers tell of limits** in `RateLimit-Policy` and `RateLimit`: never, when it refuses, near its end, or always
//!    ([`Limit::with_headers`]).
//! 9. **A CORS preflight** is not counted (lists and bans hold for it): `OPTIONS` with `Origin` and `Access-Control-Request-Method`. Any other
//!    `OPTIONS` is a request.
//! 10. **Memory is fixed** when the limiter is built: 1 MiB for all limits if not said, 8 bytes a client in each limit and
//!     prefix length. When a table is full, the client closest to being idle is forgotten, so a flood of fresh addresses
//!     does not free one that used up its quota (of more than one at once). See [`Limiter::with_table_bytes`].
//! 11. **While it runs** quotas and modes can be changed, and nobody who is limited is forgotten ([`Limiter::limit`]);
//!     clients can be penalized, banned ([`Bans`]), allowed and denied ([`Limiter::set_denied`]).
//! 12. **Waiting** for one's turn instead of being refused is bounded in time and number
//!     ([`IpRateLimitLayer::with_waiting`]).
//! 13. **Twice** on the way of one request, the same limiter charges twice, and says so in the log.
//!
//! # Examples
//!
//! ```
//! use std::convert::Infallible;
//! use std::time::Duration;
//!
//! use bytes::Bytes;
//! use http::{Request, Response, StatusCode};
//! use http_body_util::Full;
//! use tollgate_core::ClientIp;
//! use tollgate_rate_limit::{IpRateLimitLayer, Limit, Quota};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let app = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) });
//! let layer = IpRateLimitLayer::new([Limit::new("per-minute", Quota::requests(2).per(Duration::from_secs(60)))])?;
//! let app = layer.layer(app);
//!
//! let request = || {
//!     let mut request = Request::new(());
//!     // In a server, this is what TrustedClientIpLayer does.
//!     request.extensions_mut().insert(ClientIp::asserted([203, 0, 113, 7].into()));
//!     request
//! };
//! assert_eq!(app.clone().oneshot(request()).await?.status(), StatusCode::OK);
//! assert_eq!(app.clone().oneshot(request()).await?.status(), StatusCode::OK);
//!
//! let refused = app.oneshot(request()).await?;
//! assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
//! assert_eq!(refused.headers()["retry-after"], "30");
//! # Ok(())
//! # }
//! ```
//!
//! Configured: a tight limit on what sends messages, a wide one on everything that is only watched for now, and 4 MiB
//! of memory.
//!
//! ```
//! use std::time::Duration;
//!
//! use http::Method;
//! use tollgate_core::{PrefixLengths, RefusalFormat};
//! use tollgate_rate_limit::{IpRateLimitLayer, Limit, Limiter, Mode, Quota};
//!
//! const MINUTE: Duration = Duration::from_secs(60);
//!
//! let limiter = Limiter::new([
//!     Limit::new("sign-ups", Quota::requests(5).per(10 * MINUTE).burst(2))
//!         .only(|request| request.method == Method::POST && request.uri.path() == "/sign-up"),
//!     Limit::new("everything", Quota::requests(600).per(MINUTE).burst(100))
//!         .with_prefix_lengths(PrefixLengths::new(32, 56)?)
//!         .with_mode(Mode::Monitor),
//! ])?
//! .with_table_bytes(4 << 20)?;
//! let layer = IpRateLimitLayer::from(limiter).with_refusal_format(RefusalFormat::problem_json());
//! assert_eq!(layer.limiter().table_bytes(), 4 << 20);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A handler that can ask only by itself (a gRPC method whose body decides) uses [`Limiter::check`].
//!
//! # What it cannot do
//!
//! * **Tell apart who shares an address.** Behind a carrier's NAT (CGNAT, RFC 6888) thousands ask from one IPv4 address,
//!   and are one client here. Watch a quota with [`Mode::Monitor`] before enforcing it, and limit by account as well
//!   where there is one.
//! * **Count across processes.** Each process counts for itself, and from nothing when it starts, as long as its
//!   [`Store`](store::Store) is [`Memory`](store::Memory).
//! * **Limit what is in progress.** It counts requests as they come, not those that are being answered: use
//!   `tower::limit::ConcurrencyLimit` for that.
//! * **Trust a predicate more than its input.** [`Limit::only`] sees headers that anybody can write.
//!
//! # Metrics
//!
//! | counter | labels | counts |
//! |---|---|---|
//! | `tollgate_rate_limit_total` | `limit`; `verdict`: `pass`, `refuse`, `monitor` | requests charged to the limit, refused by it, or let through though it is used up |
//! | `tollgate_rate_limit_evicted_live_total` | `limit` | clients forgotten while they still owed something: the limit's table is too small, or is under attack |
//! | `tollgate_rate_limit_banned_total` | | requests of banned clients, refused |
//! | `tollgate_rate_limit_denied_total` | | requests of clients on the deny list, refused |
//! | `tollgate_rate_limit_without_client_ip_total` | `verdict`: `pass`, `refuse` | requests that a limit applies to, without a client IP |
//!
//! Refusals and monitored violations are also `tracing` events at `debug`, one a second of each, the only place where an
//! address is written. Who is limited now says [`Limiter::snapshot`].
//!
//! # Features
//!
//! * `governor`: `GovernorStore`, our table for a governor limiter, and `Quota::from(governor::Quota)`.
//! * `store-suite`: what a [`Store`](store::Store) of your own has to pass.

mod admission;
mod bans;
mod decision;
mod error;
mod future;
mod gcra;
#[cfg(feature = "governor")]
mod governor;
mod handle;
mod headers;
mod key;
mod layer;
mod levels;
mod limit;
mod limiter;
mod lists;
mod memory;
mod metrics;
mod nested;
mod quota;
mod rule;
mod service;
mod settle;
mod snapshot;
pub mod store;
mod table;
mod talkers;
mod waiting;

pub use bans::Bans;
pub use decision::{Decision, Ticket};
pub use error::{ConfigError, QuotaError};
pub use future::ResponseFuture;
#[cfg(feature = "governor")]
pub use governor::GovernorStore;
pub use handle::{Left, LimitHandle, Who};
pub use headers::{HeaderForm, HeadersOn};
pub use key::{Key, KeyExtractor};
pub use layer::IpRateLimitLayer;
pub use levels::IpLevels;
pub use limit::{AnswerHead, Limit, Mode, RequestHead};
pub use limiter::Limiter;
pub use quota::{Quota, Requests};
pub use service::IpRateLimit;
pub use snapshot::{LimitSnapshot, Snapshot, Talker};
