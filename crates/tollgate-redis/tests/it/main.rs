//! What shared limits promise, against real servers. Those that are not installed are skipped, with a note.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
#![allow(clippy::disallowed_methods, reason = "how long it really takes")]

mod awake;
mod cluster;
mod faults;
mod guard;
mod guard_apart;
mod guard_faults;
mod hang_up;
mod late;
mod log;
mod proxy;
mod sentinel;
mod server;
mod sharing;
mod tls;
mod together;

use std::time::Duration;

use http::Request;
use tollgate_core::ClientIp;
use tollgate_rate_limit::{Limit, Limiter, Quota};
use tollgate_redis::rate_limit::{RedisStore, Sharing};
use tollgate_redis::{Connection, Server};

const DAY: Duration = Duration::from_secs(86_400);
const DEADLINE: Duration = Duration::from_millis(25);

/// Long enough for a busy machine.
const SOON: Duration = Duration::from_secs(10);

fn client(last: u8) -> ClientIp {
    ClientIp::asserted([203, 0, 113, last].into())
}

fn of_day(name: &'static str, requests: u32) -> Limit {
    Limit::new(name, Quota::requests(requests).per(DAY))
}

async fn connect(url: &str) -> Connection {
    let server: Server = url.parse().unwrap();
    let connection = Connection::open(server).unwrap();
    assert!(connection.up_within(SOON).await, "{url} does not answer");
    connection
}

/// A node with these limits, and a deadline that no busy machine misses.
async fn node(
    url: &str,
    limits: Vec<Limit>,
    sharing: impl FnOnce(Sharing) -> Sharing,
) -> Limiter<RedisStore> {
    node_within(2 * SOON, url, limits, sharing).await
}

async fn node_within(
    deadline: Duration,
    url: &str,
    limits: Vec<Limit>,
    sharing: impl FnOnce(Sharing) -> Sharing,
) -> Limiter<RedisStore> {
    let connection = Connection::open_with(url.parse().unwrap(), deadline).unwrap();
    assert!(connection.up_within(SOON).await, "{url} does not answer");
    sharing(Sharing::insecure_without_secret(connection)).share(Limiter::new(limits).unwrap())
}

/// At least so long, and all of it awake.
async fn rest(ms: u64) {
    let start = awake::Awake::now();
    while start.elapsed() < Duration::from_millis(ms) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn passes(limiter: &Limiter<RedisStore>, client: ClientIp) -> bool {
    limiter.ask(client, &(&Request::new(())).into()).await.is_pass()
}

/// How many of so many requests pass.
async fn passing(limiter: &Limiter<RedisStore>, client: ClientIp, attempts: usize) -> usize {
    let mut passed = 0;
    for _ in 0..attempts {
        passed += usize::from(passes(limiter, client).await);
    }
    passed
}
