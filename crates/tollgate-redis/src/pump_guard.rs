//! The guard's memory, shared by many nodes: what one of them sends, stops and learns counts on all.
//!
//! Each node tells the others what happened ([`Deltas`](tollgate_pump_guard::Deltas)), a few milliseconds later and in
//! the order in which it happened, by a stream on the server, and takes in what they tell. All of them then know the same,
//! and each judges by itself: no request waits for the server, whether it is there or not.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use tollgate_core::SystemClock;
//! use tollgate_pump_guard::{Policy, PumpGuard, Secret, State};
//! use tollgate_redis::pump_guard;
//!
//! # async fn run(secret: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! // The same secret on all nodes.
//! let memory = State::with_secret(PumpGuard::MEMORY, Secret::derived(secret));
//! let guard = PumpGuard::with_state(Policy::default(), SystemClock::shared(), memory)?;
//! let server = "redis://redis.example:6379/0".parse()?;
//! let connection = pump_guard::open(server)?;
//! let sharing = pump_guard::share(&guard, connection, secret, 3)?;
//! // Serve; and at the end tell what is left to be told.
//! sharing.finish(std::time::Duration::from_secs(1)).await;
//! # Ok(())
//! # }
//! ```
//!
//! What is stored is sealed under the secret: whoever reads it learns how much is told, and whoever writes there is not
//! believed. While the server is away, each node goes on with what it knows and keeps what is to be told, 65,536 events at
//! the most; when it is back, they are told.

mod crowd;
mod hearing;
mod listen;
mod place;
mod seal;
mod sharing;
mod tell;

pub use sharing::{ShareError, Shared, open, share};

/// The stream. The number is the schema's version.
const KEY: &str = "tollgate1:{guard}events";
