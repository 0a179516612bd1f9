//! What guards that share their memory promise.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tollgate_core::{ClientIp, FakeClock};
use tollgate_pump_guard::{
    Action, Learned, Mode, Outcome, Policy, Profile, PumpGuard, Secret, Signal, SmsPumpGuardLayer, State,
};
use tollgate_redis::pump_guard::{self, ShareError, Shared};
use tollgate_redis::{Connection, Server};
use tower::util::BoxCloneService;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::server::{TestServer, program};
use crate::{SOON, rest};

pub(crate) const SECRET: &[u8] = b"a secret of all nodes";

type Body = Full<Bytes>;

fn memory(clock: &FakeClock) -> PumpGuard {
    memory_by(Policy::default(), clock)
}

fn memory_by(policy: Policy, clock: &FakeClock) -> PumpGuard {
    let memory = State::with_secret(4 << 20, Secret::derived(SECRET));
    PumpGuard::with_state(policy, Arc::new(clock.clone()), memory).unwrap()
}

pub(crate) struct Node {
    pub(crate) guard: PumpGuard,
    pub(crate) connection: Connection,
    pub(crate) sharing: Shared,
}

impl Node {
    pub(crate) async fn start(url: &str, clock: &FakeClock) -> Self {
        Self::start_with(Policy::default(), url, clock).await
    }

    /// One that is not surprised by many.
    pub(crate) async fn start_calm(url: &str, clock: &FakeClock) -> Self {
        let mut policy = Policy::default();
        (policy.surprise.mode, policy.country_surprise.mode) = (Mode::Off, Mode::Off);
        Self::start_with(policy, url, clock).await
    }

    pub(crate) async fn start_with(policy: Policy, url: &str, clock: &FakeClock) -> Self {
        let node = Self::start_deaf(policy, url, clock).await;
        assert!(node.sharing.caught_up_within(SOON).await);
        node
    }

    /// One that may not have heard anything yet.
    pub(crate) async fn start_deaf(policy: Policy, url: &str, clock: &FakeClock) -> Self {
        let guard = memory_by(policy, clock);
        let server: Server = url.parse().unwrap();
        let connection = pump_guard::open(server).unwrap();
        assert!(connection.up_within(SOON).await);
        let sharing = pump_guard::share(&guard, connection.clone(), SECRET, 3).unwrap();
        Self { guard, connection, sharing }
    }

    /// Whether it goes out.
    pub(crate) async fn send(&self, number: &str, client: u32) -> bool {
        send(&self.guard, number, client).await
    }

    /// Whether it knows that the number was sent to just now.
    pub(crate) async fn knows(&self, number: &str) -> bool {
        let verdict = self.guard.check(&self.guard.attempt(number, None, Profile::Otp)).await;
        verdict.reasons.iter().any(|reason| reason.signal == Signal::NumberCooldown)
    }

    pub(crate) async fn knows_soon(&self, number: &str) -> Duration {
        let start = Instant::now();
        while !self.knows(number).await {
            assert!(start.elapsed() < SOON, "{number} is not known");
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        start.elapsed()
    }
}

async fn send(guard: &PumpGuard, number: &str, client: u32) -> bool {
    let client = std::net::Ipv4Addr::from_bits(0x0b00_0000 + client.wrapping_mul(0x0001_0101));
    let attempt = guard.attempt(number, None, Profile::Otp).from_client(Some(client.into()));
    let verdict = guard.check(&attempt).await;
    verdict.action == Action::Allow && !verdict.repeat
}

fn verified(guard: &PumpGuard, number: &str) {
    guard.observe(&guard.attempt(number, None, Profile::Otp), Outcome::Verified);
}

/// People verify, so that outcomes mean something; then strangers of one range do not, every four seconds. How many of
/// them get a message.
async fn pump(guards: &[PumpGuard], clock: &FakeClock, pause: Duration) -> usize {
    let of = |n: usize| &guards[n % guards.len()];
    for n in 0..40 {
        let number = format!("+659{:07}", 1_000_000 + n * 140_007);
        clock.advance(Duration::from_secs(120));
        assert!(send(of(n), &number, 1000 + n as u32).await);
        tokio::time::sleep(pause).await;
        clock.advance(Duration::from_secs(12));
        verified(of(n + 1), &number);
        tokio::time::sleep(pause).await;
    }
    let mut through = 0;
    for n in 0..200 {
        clock.advance(Duration::from_secs(4));
        let number = format!("+62812345{:04}", 37 * n % 10_000);
        through += usize::from(send(of(n), &number, n as u32).await);
        tokio::time::sleep(pause).await;
    }
    through
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pump_over_three_nodes_is_stopped_within_one_and_a_half_times_what_one_node_needs() {
    let Some(program) = program() else { return };
    let clock = FakeClock::new();
    let alone = pump(&[memory(&clock)], &clock, Duration::ZERO).await;
    let clock = FakeClock::new();
    let strangers = [memory(&clock), memory(&clock), memory(&clock)];
    let apart = pump(&strangers, &clock, Duration::ZERO).await;
    let server = TestServer::start(program, &[]);
    let clock = FakeClock::new();
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(Node::start(&server.url(), &clock).await);
    }
    let guards: Vec<_> = nodes.iter().map(|node| node.guard.clone()).collect();
    let together = pump(&guards, &clock, Duration::from_millis(25)).await;
    eprintln!("through: one node {alone}, three that share {together}, three that do not {apart}");
    assert!(alone > 0 && apart > 2 * alone, "{alone} {apart}");
    assert!(2 * together <= 3 * alone, "{together} of {alone}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_sends_the_others_know_within_milliseconds() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let clock = FakeClock::new();
    let (here, there) = (Node::start(&server.url(), &clock).await, Node::start(&server.url(), &clock).await);
    let mut took = Vec::new();
    for n in 0..50 {
        let number = format!("+659{:07}", 1_000_000 + n * 140_007);
        assert!(here.send(&number, n).await);
        took.push(there.knows_soon(&number).await);
    }
    took.sort_unstable();
    eprintln!("known elsewhere after {:?} (median), {:?} (longest)", took[25], took[49]);
    assert!(took[25] < Duration::from_millis(100), "{took:?}");
}

/// 8x8's Verification API: every session is named like its number, and takes the code 1234.
fn eight(guard: &PumpGuard) -> BoxCloneService<Request<Body>, Response<Bytes>, Infallible> {
    let eight = service_fn(|request: Request<Body>| async move {
        let body = if request.method() == "POST" {
            let body = request.into_body().collect().await?.to_bytes();
            let text = String::from_utf8_lossy(&body).into_owned();
            let id: String = text.chars().filter(char::is_ascii_digit).collect();
            format!(r#"{{"sessionId":"{id}","status":"WAITING","attempt":0}}"#)
        } else if request.uri().query() == Some("code=1234") {
            r#"{"sessionId":"x","status":"VERIFIED"}"#.to_owned()
        } else {
            r#"{"sessionId":"x","status":"WAITING","attempt":1}"#.to_owned()
        };
        Ok::<_, Infallible>(Response::new(Full::from(body)))
    });
    let service = SmsPumpGuardLayer::new(guard.clone()).layer(eight);
    let service = service.and_then(|response: Response<tollgate_core::Body<Learned<Body>>>| async {
        let (parts, body) = response.into_parts();
        Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
    });
    BoxCloneService::new(service)
}

async fn call(guard: &PumpGuard, request: http::request::Builder, body: String) -> u16 {
    let client = ClientIp::asserted([203, 0, 113, 7].into());
    let request = request.extension(client).body(Full::from(body)).unwrap();
    eight(guard).ready().await.unwrap().call(request).await.unwrap().status().as_u16()
}

async fn start(guard: &PumpGuard, number: &str) -> u16 {
    let request = Request::post("https://verify.8x8.com/api/v2/subaccounts/x/sessions")
        .header("content-type", "application/json");
    call(guard, request, format!(r#"{{"destination":"{number}"}}"#)).await
}

async fn check(guard: &PumpGuard, number: &str, code: &str) -> u16 {
    let session = number.trim_start_matches('+');
    let uri = format!("https://verify.8x8.com/api/v2/subaccounts/x/sessions/{session}?code={code}");
    call(guard, Request::get(uri), String::new()).await
}

/// What a guard would keep of numbers that were verified, in bytes.
fn confirmed(guard: &PumpGuard) -> Vec<(u64, Vec<u8>)> {
    const CONFIRMED: u8 = 3;
    let kept = guard.everything();
    let records = kept.iter().filter(|(table, ..)| *table == CONFIRMED);
    records.map(|(_, key, value)| (key, value.to_vec())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_is_given_back_on_another_node_counts_on_all_at_once_or_not() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let clock = FakeClock::new();
    clock.advance(Duration::from_secs(1000));
    let (here, there) = (Node::start(&server.url(), &clock).await, Node::start(&server.url(), &clock).await);
    let third = Node::start(&server.url(), &clock).await;
    // At once: the other node cannot know yet, and the outcome waits for its send.
    for number in ["+6591234567", "+6591234568"] {
        assert_eq!(start(&here.guard, number).await, 200);
        assert_eq!(check(&there.guard, number, "1234").await, 200);
        if number.ends_with('8') {
            rest(100).await;
        }
    }
    // Ten wrong codes on the one node, and the other checks no more.
    let guessed = "+6591234569";
    assert_eq!(start(&here.guard, guessed).await, 200);
    rest(100).await;
    for _ in 0..10 {
        assert_eq!(check(&there.guard, guessed, "0000").await, 200);
    }
    rest(100).await;
    assert_ne!(check(&here.guard, guessed, "1234").await, 200);
    assert_ne!(check(&third.guard, guessed, "1234").await, 200);
    let known = confirmed(&there.guard);
    assert!(known.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > 20, "two of them: {known:?}");
    assert_eq!(confirmed(&here.guard), known);
    assert_eq!(confirmed(&third.guard), known);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_that_comes_to_another_node_counts() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let clock = FakeClock::new();
    clock.advance(Duration::from_secs(1000));
    let (here, there) = (Node::start(&server.url(), &clock).await, Node::start(&server.url(), &clock).await);
    assert_eq!(start(&here.guard, "+6591234567").await, 200);
    there.knows_soon("+6591234567").await;
    rest(50).await;
    assert!(there.guard.observe_id("6591234567", Outcome::Undelivered));
    assert!(!there.guard.observe_id("0000", Outcome::Undelivered));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_starts_later_knows_what_was_told_before() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let clock = FakeClock::new();
    let here = Node::start(&server.url(), &clock).await;
    let numbers: Vec<_> = (0..300).map(|n| format!("+659{:07}", 1_000_000 + n * 14_007)).collect();
    for (n, number) in (0..).zip(&numbers) {
        assert!(here.send(number, n).await);
    }
    // Whoever ends tells what is left.
    assert!(here.sharing.finish(SOON).await);
    let there = Node::start(&server.url(), &clock).await;
    for number in &numbers {
        assert!(there.knows(number).await, "{number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_on_the_server_can_be_read_and_nothing_that_others_put_there_is_believed() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let clock = FakeClock::new();
    let (here, there) = (Node::start(&server.url(), &clock).await, Node::start(&server.url(), &clock).await);
    server.cli(&["xadd", "tollgate1:{guard}events", "*", "d", "garbage"]);
    server.cli(&["xadd", "tollgate1:{guard}events", "*", "a", "b", "c", "d"]);
    assert!(here.send("+6591234567", 1).await);
    there.knows_soon("+6591234567").await;
    let stored = server.cli(&["--no-raw", "xrange", "tollgate1:{guard}events", "-", "+"]);
    assert!(!stored.contains("6591234") && stored.contains("garbage"), "{stored}");
    // Something else in the stream's place.
    server.cli(&["set", "tollgate1:{guard}events", "x"]);
    assert!(here.send("+6591334568", 2).await);
    there.knows_soon("+6591334568").await;
    assert!(here.connection.is_up());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guard_under_another_secret_is_not_shared() {
    let clock = FakeClock::new();
    let connection = Connection::open("redis://127.0.0.1:1".parse().unwrap()).unwrap();
    let share = |secret: &[u8]| pump_guard::share(&memory(&clock), connection.clone(), secret, 3).err();
    assert_eq!(share(b"short"), Some(ShareError::ShortSecret(5)));
    assert_eq!(share(b"another secret of others"), Some(ShareError::OtherSecret));
    assert_eq!(share(SECRET), None);
}
