//! What the crate promises, seen from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod attacks;
#[cfg(any(feature = "axum", feature = "tonic"))]
mod connect_info;
mod forwarded;
mod layer;
mod property;
#[cfg(feature = "proxy-protocol")]
mod proxy_protocol;
mod rules;
mod sanitize;
mod wire;
