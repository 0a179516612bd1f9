//! The state that many nodes share, on Redis or Valkey.
//!
//! [`Server`] says where it is, [`Connection`] asks it, [`rate_limit`] keeps the limiter's counts there, and [`pump_guard`]
//! tells other nodes what a guard knows.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use tollgate_rate_limit::{IpRateLimitLayer, Limit, Limiter, Quota};
//! use tollgate_redis::{Connection, rate_limit::Sharing};
//!
//! # async fn run(secret: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! let limiter = Limiter::new([Limit::new("per-minute", Quota::requests(100).per(Duration::from_secs(60)))])?;
//! let connection = Connection::open("redis://redis.example:6379/0".parse()?)?;
//! // Three nodes with the same secret, one quota.
//! let limiter = Sharing::over(connection, secret)?.with_nodes(3)?.share(limiter);
//! let layer = IpRateLimitLayer::from(limiter);
//! # let _ = layer;
//! # Ok(())
//! # }
//! ```
//!
//! # When the server is away
//!
//! No request waits longer than the connection's [deadline](Connection::deadline), 25 ms if not said. After five in a row
//! that failed, or when the connection is lost, none is made, until the server has proved in the background that it
//! answers and writes. What is decided meanwhile, and how that is made good, is for each user of a connection to say:
//! see [`rate_limit`] and [`pump_guard`].
//!
//! # Metrics
//!
//! | metric | labels | says |
//! |---|---|---|
//! | `tollgate_redis_calls_total` | `of`: `limits`, `guard`; `result`: `answered`, `late`, `lost`, `refused`, `garbage`, `away` | questions, some of which share a call; `away` were not asked |
//! | `tollgate_redis_up` | `of` | 1 while it is asked |
//! | `tollgate_redis_breaker_opened_total` | `of` | how often the server was given up |
//! | `tollgate_redis_decisions_total` | `by`: `redis`, `lease`, `refusal`, `fallback` | requests, and by what they were decided |
//! | `tollgate_redis_merged_total` | `what`: `sent`, `dropped` | counts told to the server after the fact, or not for lack of room |
//! | `tollgate_redis_guard_events_total` | `what`: `sent`, `applied`, `known`, `missed`, `refused`, `old`, `dropped`, `unreadable` | what guards told each other |
//! | `tollgate_redis_guard_listening` | | 1 while what other guards tell is heard |
//!
//! # Features
//!
//! * `rate-limit` (default): the limiter's store.
//! * `pump-guard`: the guard's memory.

mod asking;
mod breaker;
mod call;
mod connect;
mod fault;
mod metrics;
#[cfg(feature = "pump-guard")]
pub mod pump_guard;
#[cfg(feature = "rate-limit")]
pub mod rate_limit;
mod said;
mod script;
mod server;

pub use asking::Asking;
pub use call::Call;
pub use connect::Connection;
pub use fault::Fault;
pub use script::Script;
pub use server::{Server, ServerError};
