//! What the limiter promises, seen from outside.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod bans;
mod flood;
mod headers;
mod levels;
mod limits;
mod operate;
mod quota;
mod service;
mod settle;
mod store;
mod twice;
mod waiting;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use tollgate_core::{ClientIp, FakeClock};
use tollgate_rate_limit::{Limit, Limiter, Quota};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_micros(16);

fn client(text: &str) -> ClientIp {
    ClientIp::asserted(text.parse::<IpAddr>().unwrap())
}

fn limiter(limits: impl IntoIterator<Item = Limit>) -> (Limiter, FakeClock) {
    let clock = FakeClock::new();
    let limiter = Limiter::new(limits).unwrap().with_clock(Arc::new(clock.clone()));
    (limiter, clock)
}

fn limiter_of(quota: Quota) -> (Limiter, FakeClock) {
    limiter([Limit::new("only", quota)])
}

fn passes(limiter: &Limiter, client: ClientIp) -> bool {
    wait(limiter, client).is_none()
}

/// How long the client is told to wait; `None` when it may pass.
fn wait(limiter: &Limiter, client: ClientIp) -> Option<Duration> {
    limiter.check(client, &(&Request::new(())).into()).wait()
}

/// How many of `attempts` pass.
fn passing(limiter: &Limiter, client: ClientIp, attempts: usize) -> usize {
    (0..attempts).filter(|_| passes(limiter, client)).count()
}
