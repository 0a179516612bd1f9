//! Servers that die, hang, dawdle, fill up, forget and lie, while guards share what they know: no request waits, and
//! nothing is lost.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tollgate_core::FakeClock;

use crate::awake::Awake;
use crate::guard::Node;
use crate::proxy::{Slow, impostor};
use crate::server::{TestServer, program};
use crate::{SOON, rest};

/// What a busy machine may make of microseconds.
const SMALL: Duration = Duration::from_millis(100);

/// Messages to numbers of their own, a few every millisecond.
async fn load(node: Arc<Node>, stop: Arc<AtomicBool>, of: u32) -> (Vec<String>, Duration) {
    let (mut sent, mut longest, mut n) = (Vec::new(), Duration::ZERO, 0);
    while !stop.load(Relaxed) {
        n += 1;
        // Of ranges so far apart that none is surprising.
        let number = format!("+659{:07}", (1_000_000 + of * 3_000_000 + n * 1009) % 10_000_000);
        let start = Awake::now();
        let goes = node.send(&number, 100_000 * of + n).await;
        longest = longest.max(start.elapsed());
        if goes {
            sent.push(number);
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    (sent, longest)
}

/// Two nodes under load, behind these addresses, while this happens to their server: afterwards each knows what the other
/// sent, and a third one that is there all the time what both did.
async fn through(urls: [&str; 3], fault: impl AsyncFnOnce()) {
    let clock = FakeClock::new();
    let mut nodes = Vec::new();
    for url in urls {
        nodes.push(Arc::new(Node::start_calm(url, &clock).await));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let tasks = [0, 1].map(|of| tokio::spawn(load(Arc::clone(&nodes[of]), Arc::clone(&stop), of as u32)));
    rest(200).await;
    fault().await;
    rest(200).await;
    stop.store(true, Relaxed);
    let (mut all, mut waited) = (Vec::new(), Duration::ZERO);
    for task in tasks {
        let (sent, longest) = task.await.unwrap();
        waited = waited.max(longest);
        all.extend(sent);
    }
    let start = Instant::now();
    for node in &nodes {
        assert!(node.connection.up_within(SOON).await);
        for number in &all {
            node.knows_soon(number).await;
        }
    }
    eprintln!(
        "{} sent, longest wait {waited:?}, all known everywhere after {:?}",
        all.len(),
        start.elapsed()
    );
    assert!(waited < SMALL, "{waited:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guards_lose_nothing_by_a_server_that_dies_and_comes_back_empty() {
    let Some(program) = program() else { return };
    let mut server = TestServer::start(program, &[]);
    let url = server.url();
    through([&url; 3], async || {
        server.kill();
        rest(500).await;
        server.start_again();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guards_lose_nothing_by_a_server_that_hangs() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let url = server.url();
    through([&url; 3], async || {
        server.signal("-STOP");
        rest(600).await;
        server.signal("-CONT");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guards_lose_nothing_by_a_server_without_memory() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let url = server.url();
    through([&url; 3], async || {
        server.cli(&["config", "set", "maxmemory-policy", "noeviction"]);
        server.cli(&["config", "set", "maxmemory", "1"]);
        rest(500).await;
        server.cli(&["config", "set", "maxmemory", "0"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guards_lose_nothing_by_a_server_that_is_slow() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let (one, other) = (Slow::in_front_of(server.port).await, Slow::in_front_of(server.port).await);
    let url = server.url();
    through([&one.url, &other.url, &url], async || {
        one.delay(Duration::from_millis(120));
        other.delay(Duration::from_millis(120));
        rest(800).await;
        one.delay(Duration::ZERO);
        other.delay(Duration::ZERO);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guards_lose_nothing_by_answers_that_make_no_sense() {
    let Some(program) = program() else { return };
    let lies = [
        "+OK\r\n",
        ":0\r\n",
        "$-1\r\n",
        "*-1\r\n",
        "*1\r\n:1\r\n",
        "-ERR what\r\n",
        "\u{0}\u{7}garbage\r\n\r\n",
    ];
    for lie in lies {
        let server = TestServer::start(program, &[]);
        let lying = Arc::new(Mutex::new(None));
        let url = impostor(server.port, Arc::clone(&lying)).await;
        through([&url, &url, &server.url()], async || {
            *lying.lock().unwrap() = Some(lie.as_bytes());
            rest(300).await;
            *lying.lock().unwrap() = None;
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guard_whose_server_was_never_there_judges_by_itself_and_tells_when_it_comes() {
    let Some(program) = program() else { return };
    let mut server = TestServer::start(program, &[]);
    let clock = FakeClock::new();
    let (here, there) =
        (Node::start_calm(&server.url(), &clock).await, Node::start_calm(&server.url(), &clock).await);
    server.kill();
    let numbers: Vec<_> = (0..1000).map(|n| format!("+659{:07}", 1_000_000 + n * 7_007)).collect();
    let start = Awake::now();
    for (n, number) in (0..).zip(&numbers) {
        assert!(here.send(number, n).await, "{n}");
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    server.start_again();
    for number in &numbers {
        there.knows_soon(number).await;
    }
}
