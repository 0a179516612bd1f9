//! Servers that die, hang, dawdle, fill up, forget, and lie: under load, and counted.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tollgate_rate_limit::Limiter;
use tollgate_redis::Connection;
use tollgate_redis::rate_limit::{RedisStore, Sharing};

use crate::awake::Awake;
use crate::proxy::{Slow, impostor};
use crate::server::{TestServer, free_port, program};
use crate::{DEADLINE, SOON, client, connect, node, node_within, of_day, passes, passing, rest};

const QUOTA: usize = 300;

/// What a busy machine may add to a deadline.
const SMALL: Duration = Duration::from_millis(100);

/// Requests of eight clients at once, without a pause.
struct Load {
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<(usize, Duration)>>,
}

impl Load {
    fn on(limiter: &Arc<Limiter<RedisStore>>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..8).map(|last| {
            let (limiter, stop) = (Arc::clone(limiter), Arc::clone(&stop));
            tokio::spawn(async move {
                let (mut passed, mut longest) = (0, Duration::ZERO);
                while !stop.load(Relaxed) {
                    let start = Awake::now();
                    passed += usize::from(passes(&limiter, client(last)).await);
                    longest = longest.max(start.elapsed());
                    // A hundred a second, so that there is some quota left for after the fault.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                (passed, longest)
            })
        });
        Self { tasks: tasks.collect(), stop }
    }

    /// How many passed of each client; none waited longer than the deadline.
    async fn end(self) -> Vec<usize> {
        self.stop.store(true, Relaxed);
        let mut passed = Vec::new();
        for task in self.tasks {
            let (of_client, longest) = task.await.unwrap();
            assert!(longest < DEADLINE + SMALL, "{longest:?}");
            passed.push(of_client);
        }
        passed
    }
}

async fn is_soon(what: &str, is: impl Fn() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < SOON, "not {what}");
        rest(10).await;
    }
}

/// One node under load, with and without leases, through a fault and back: each client gets its quota exactly, but for
/// calls of which nobody knows whether the server did what they asked.
async fn through(fault: impl AsyncFn(&mut TestServer)) {
    let Some(program) = program() else { return };
    for leases in [false, true] {
        let mut server = TestServer::start(program, &[]);
        let connection = connect(&server.url()).await;
        let sharing = Sharing::insecure_without_secret(connection.clone());
        let sharing = if leases { sharing } else { sharing.without_leases() };
        let limiter = sharing.share(Limiter::new([of_day("a", QUOTA as u32)]).unwrap());
        let limiter = Arc::new(limiter);
        let load = Load::on(&limiter);
        rest(500).await;
        fault(&mut server).await;
        assert!(connection.up_within(SOON).await);
        rest(300).await;
        let first = load.end().await;
        for (last, first) in (0..8).zip(first) {
            let passed = first + passing(&limiter, client(last), 2 * QUOTA).await;
            assert!(passed <= QUOTA, "{passed} of {QUOTA} passed, leases: {leases}");
            // What was asked and not answered, and what was leased meanwhile, may be lost.
            assert!(passed >= QUOTA - QUOTA / 8 - 20, "{passed} of {QUOTA} passed, leases: {leases}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_and_comes_back_empty_costs_no_limit_and_no_time() {
    through(async |server| {
        server.kill();
        rest(400).await;
        server.start_again();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_costs_no_limit_and_no_time() {
    through(async |server| {
        server.signal("-STOP");
        rest(600).await;
        server.signal("-CONT");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_emptied_costs_no_limit() {
    through(async |server| {
        server.cli(&["flushall"]);
        server.cli(&["script", "flush"]);
        rest(100).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_memory_costs_no_limit_and_no_time() {
    through(async |server| {
        server.cli(&["config", "set", "maxmemory-policy", "noeviction"]);
        server.cli(&["config", "set", "maxmemory", "1"]);
        rest(400).await;
        assert_eq!(server.cli(&["set", "x", "y"]).trim().split(' ').next(), Some("OOM"));
        server.cli(&["config", "set", "maxmemory", "0"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_evicts_everything_costs_no_limit() {
    through(async |server| {
        server.cli(&["config", "set", "maxmemory-policy", "allkeys-random"]);
        server.cli(&["config", "set", "maxmemory", "1"]);
        rest(400).await;
        server.cli(&["config", "set", "maxmemory", "0"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_slow_costs_no_limit_and_no_time() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let slow = Slow::in_front_of(server.port).await;
    let connection = connect(&slow.url).await;
    let sharing = Sharing::insecure_without_secret(connection.clone()).without_leases();
    let limiter = Arc::new(sharing.share(Limiter::new([of_day("a", QUOTA as u32)]).unwrap()));
    let load = Load::on(&limiter);
    rest(300).await;
    slow.delay(Duration::from_millis(60));
    is_soon("given up", || !connection.is_up()).await;
    rest(500).await;
    slow.delay(Duration::ZERO);
    assert!(connection.up_within(SOON).await);
    for (last, first) in (0..8).zip(load.end().await) {
        let passed = first + passing(&limiter, client(last), 2 * QUOTA).await;
        assert!((QUOTA - 30..=QUOTA).contains(&passed), "{passed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_make_no_sense_let_nobody_through() {
    let Some(program) = program() else { return };
    for lie in [
        "+OK\r\n",
        ":0\r\n",
        "$-1\r\n",
        "*-1\r\n",
        "*0\r\n",
        "*3\r\n:0\r\n:0\r\n:0\r\n",
        "*1\r\n$1\r\n0\r\n",
        "*1\r\n:9223372036854775807\r\n",
        "*1\r\n:-9223372036854775808\r\n",
        "-ERR what\r\n",
        "-MOVED 0 127.0.0.1:1\r\n",
        "\u{0}\u{7}garbage\r\n\r\n",
        "*1000000000\r\n",
    ] {
        let server = TestServer::start(program, &[]);
        let lies = Arc::new(Mutex::new(None));
        let url = impostor(server.port, Arc::clone(&lies)).await;
        let connection = connect(&url).await;
        let sharing = Sharing::insecure_without_secret(connection.clone()).without_leases();
        let limiter = sharing.share(Limiter::new([of_day("a", 20)]).unwrap());
        let first = passing(&limiter, client(1), 5).await;
        // What is late by then is answered.
        rest(100).await;
        *lies.lock().unwrap() = Some(lie.as_bytes());
        let start = Awake::now();
        let then = passing(&limiter, client(1), 10).await;
        assert!(start.elapsed() < 10 * (DEADLINE + SMALL), "{lie:?}");
        assert_eq!((first, then), (5, 10), "{lie:?}");
        assert!(!connection.is_up(), "{lie:?}");
        *lies.lock().unwrap() = None;
        assert!(connection.up_within(SOON).await, "{lie:?}");
        assert_eq!(passing(&limiter, client(1), 30).await, 5, "{lie:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_do_what_it_is_asked_is_given_up_once() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let rules = ["acl", "setuser", "limits", "on", ">pw", "~tollgate1:*", "-@all"];
    let commands = ["+evalsha", "+eval", "+mget", "+set", "+pttl", "+time"];
    server.cli(&[&rules[..], &commands[..]].concat());
    let url = format!("redis://limits:pw@127.0.0.1:{}", server.port);
    let connection = connect(&url).await;
    let limiter = Sharing::insecure_without_secret(connection.clone()).without_leases();
    let limiter = limiter.share(Limiter::new([of_day("a", 10)]).unwrap());
    assert_eq!(passing(&limiter, client(1), 3).await, 3);
    let mut changes = connection.watch();
    server.cli(&["acl", "setuser", "limits", "-mget"]);
    let mut given_up = 0;
    for last in 0..200 {
        passes(&limiter, client(last)).await;
        rest(10).await;
        if changes.has_changed().unwrap() {
            given_up += usize::from(!*changes.borrow_and_update());
        }
    }
    assert_eq!(given_up, 1);
    server.cli(&["acl", "setuser", "limits", "+mget"]);
    assert!(connection.up_within(SOON).await);
    assert_eq!(passing(&limiter, client(1), 20).await, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_takes_something_along_needs_no_more_time_than_others() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let slow = Slow::in_front_of(server.port).await;
    let limits = || vec![of_day("a", 10), of_day("b", 10)];
    let limiter = node_within(Duration::from_millis(800), &slow.url, limits(), Sharing::without_leases).await;
    assert!(passes(&limiter, client(1)).await);
    slow.delay(Duration::from_millis(500));
    for name in ["a", "b"] {
        limiter.limit(name).unwrap().penalize(client(1), 3).unwrap();
    }
    assert!(passes(&limiter, client(1)).await);
    slow.delay(Duration::ZERO);
    rest(100).await;
    let other = node(&server.url(), limits(), Sharing::without_leases).await;
    assert_eq!(passing(&other, client(1), 10).await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_no_fault() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let connection = connect(&server.url()).await;
    let limiter =
        Sharing::insecure_without_secret(connection.clone()).share(Limiter::new([of_day("a", 1)]).unwrap());
    for last in 0..100 {
        assert_eq!(passing(&limiter, client(last), 3).await, 1);
    }
    assert!(connection.is_up());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_let_through_by_itself_the_others_learn_when_the_server_is_back() {
    let Some(program) = program() else { return };
    let mut server = TestServer::start(program, &[]);
    let url = server.url();
    let connection = connect(&url).await;
    let limits = || vec![of_day("a", 100)];
    let limiter = Sharing::insecure_without_secret(connection.clone())
        .without_leases()
        .share(Limiter::new(limits()).unwrap());
    assert_eq!(passing(&limiter, client(1), 10).await, 10);
    server.kill();
    assert_eq!(passing(&limiter, client(1), 20).await, 20);
    assert_eq!(passing(&limiter, client(2), 5).await, 5);
    server.start_again();
    assert!(connection.up_within(SOON).await);
    rest(300).await;
    let other = node(&url, limits(), |sharing| sharing).await;
    assert_eq!(passing(&other, client(1), 200).await, 70);
    assert_eq!(passing(&other, client(2), 200).await, 95);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_server_nodes_let_through_their_part_of_what_is_left() {
    let Some(program) = program() else { return };
    let mut server = TestServer::start(program, &[]);
    let mut nodes = Vec::new();
    for _ in 0..4 {
        nodes.push(
            node(&server.url(), vec![of_day("a", 100)], |sharing| sharing.with_nodes(4).unwrap()).await,
        );
    }
    // All have seen the first client, and none the second.
    let mut first = 0;
    for turn in 0..40 {
        first += passing(&nodes[turn % 4], client(1), 1).await;
    }
    assert_eq!(first, 40);
    server.kill();
    let mut second = 0;
    for node in &nodes {
        first += passing(node, client(1), 200).await;
        second += passing(node, client(2), 200).await;
    }
    // What each knows is a little old.
    assert!((90..=104).contains(&first), "{first}");
    assert_eq!(second, 100);
    server.start_again();
    rest(1500).await;
    for node in &nodes {
        first += passing(node, client(1), 200).await;
        second += passing(node, client(2), 200).await;
    }
    assert!(first <= 106, "{first}");
    assert!(second <= 102, "{second}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_never_there_keeps_nobody_waiting() {
    let url = format!("redis://127.0.0.1:{}", free_port());
    let connection = Connection::open(url.parse().unwrap()).unwrap();
    let limiter = Sharing::insecure_without_secret(connection).share(Limiter::new([of_day("a", 3)]).unwrap());
    let start = Awake::now();
    assert_eq!(passing(&limiter, client(1), 100).await, 3);
    assert!(start.elapsed() < DEADLINE, "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_given_up_gives_back_what_it_was_paid() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    // The narrow limit is not leased; the wide one is.
    let limits = vec![of_day("narrow", 12), of_day("wide", 10_000)];
    let limiter = node(&server.url(), limits, |sharing| sharing).await;
    assert_eq!(passing(&limiter, client(1), 4).await, 4);
    server.signal("-STOP");
    let request = http::Request::new(());
    let head = (&request).into();
    for _ in 0..3 {
        let asked = limiter.ask(client(1), &head);
        assert!(tokio::time::timeout(Duration::from_millis(2), asked).await.is_err());
    }
    server.signal("-CONT");
    let passed = passing(&limiter, client(1), 50).await;
    assert!((5..=8).contains(&passed), "{passed}");
}
