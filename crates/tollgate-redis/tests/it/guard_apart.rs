//! Guards that do not hear each other, for whatever reason: none takes more than its part of the day's money, and somebody
//! is told.

use tollgate_core::FakeClock;
use tollgate_pump_guard::{Mode, Money, Policy, Prices};

use crate::guard::Node;
use crate::log::Log;
use crate::rest;
use crate::server::{TestServer, program};

/// Twelve messages a day.
fn capped() -> Policy {
    let mut prices = Prices::new("EUR");
    prices.sms.default = Money::of(0.05);
    let mut policy = Policy::default();
    policy.prices = Some(prices);
    policy.spend.per_day = Money::of(0.6).unwrap();
    (policy.surprise.mode, policy.country_surprise.mode) = (Mode::Off, Mode::Off);
    policy
}

/// How many of twenty messages to different places go out.
async fn through(node: &Node, of: u32) -> usize {
    let mut through = 0;
    for n in 0..20 {
        let number = format!("+659{:07}", 1_000_000 + (100 * of + n) * 14_007);
        through += usize::from(node.send(&number, 100 * of + n).await);
    }
    through
}

/// Time enough for a node to find that it and others hear each other.
async fn together() {
    rest(1500).await;
}

/// A server with a user `guard` that may do what a guard needs, but for this.
fn server_without(command: &str) -> Option<(TestServer, String)> {
    let server = TestServer::start(program()?, &[]);
    let mut rights = vec!["acl", "setuser", "guard", "on", ">password", "~tollgate1:*"];
    let needed =
        ["+evalsha", "+eval", "+mget", "+set", "+pttl", "+time", "+xadd", "+xread", "+pexpire", "+del"];
    rights.extend(needed.into_iter().filter(|right| *right != command));
    assert_eq!(server.cli(&rights).trim(), "OK");
    let url = server.url().replace("redis://", "redis://guard:password@");
    Some((server, url))
}

#[tokio::test]
async fn a_node_that_hears_the_others_may_spend_what_is_left_and_one_that_only_tells_its_part() {
    let Some((server, deaf)) = server_without("+xread") else { return };
    let (log, _logs) = Log::start();
    let clock = FakeClock::new();
    let node = Node::start_deaf(capped(), &deaf, &clock).await;
    together().await;
    assert_eq!(through(&node, 1).await, 4, "a third of twelve");
    let warns = || log.lines("is not heard");
    rest(4000).await;
    assert_eq!(warns().len(), 1, "{:?}", warns());
    let warning = warns().remove(0);
    for part in ["WARN", "redis://127.0.0.1", "NOPERM", "+xread on ~tollgate1:*"] {
        assert!(warning.contains(part), "{warning}");
    }
    assert!(!warning.contains("password"), "{warning}");
    // Somebody allows it.
    server.cli(&["acl", "setuser", "guard", "+xread"]);
    assert!(node.sharing.caught_up_within(crate::SOON).await);
    together().await;
    assert_eq!(through(&node, 2).await, 8, "the rest");
    assert_eq!(log.lines("what other guards tell is heard").len(), 1);
    assert_eq!(warns().len(), 1, "{:?}", warns());
}

#[tokio::test]
async fn a_node_among_others_of_another_secret_spends_its_part_only_and_says_so_once_a_minute() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let (log, _logs) = Log::start();
    let node = Node::start_with(capped(), &server.url(), &FakeClock::new()).await;
    together().await;
    for _ in 0..3 {
        server.cli(&["xadd", "tollgate1:{guard}events", "*", "d", "sealed by somebody else"]);
        rest(50).await;
    }
    assert_eq!(through(&node, 1).await, 4);
    assert_eq!(log.lines("cannot be read").len(), 1);
}

#[tokio::test]
async fn a_node_that_refuses_what_another_tells_spends_its_part_only_and_says_so_once_a_minute() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let (log, _logs) = Log::start();
    let (clock, fast) = (FakeClock::new(), FakeClock::new());
    fast.advance(std::time::Duration::from_secs(7200));
    let here = Node::start_with(capped(), &server.url(), &clock).await;
    let there = Node::start_with(capped(), &server.url(), &fast).await;
    together().await;
    assert_eq!(through(&there, 1).await, 12, "it hears all there is");
    rest(100).await;
    assert_eq!(through(&here, 2).await, 4);
    assert_eq!(log.lines("does not count, so that").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_reads_hang_is_apart_until_they_do_not() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let node = Node::start_with(capped(), &server.url(), &FakeClock::new()).await;
    together().await;
    server.signal("-STOP");
    rest(1800).await;
    assert_eq!(through(&node, 1).await, 4);
    server.signal("-CONT");
    rest(1000).await;
    together().await;
    assert_eq!(through(&node, 2).await, 8);
}

#[tokio::test]
async fn a_node_whose_time_is_not_that_of_the_server_says_so_once_a_minute() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let (log, _logs) = Log::start();
    // A fake clock begins with the year 2026.
    let clock = FakeClock::new();
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    clock.advance(since.saturating_sub(FakeClock::EPOCH) + std::time::Duration::from_secs(5));
    let node = Node::start_with(Policy::default(), &server.url(), &clock).await;
    assert!(node.send("+6591234567", 1).await);
    rest(100).await;
    assert_eq!(log.lines("this guard's time").len(), 0, "seconds do no harm");
    clock.advance(std::time::Duration::from_secs(20));
    for n in 0..3 {
        assert!(node.send(&format!("+659133456{n}"), n).await);
        rest(50).await;
    }
    let lines = log.lines("this guard's time");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains("ahead of") && lines[0].contains("seconds=2") && lines[0].contains("NTP"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_node_whose_machine_slept_takes_in_what_others_tell() {
    let Some(program) = program() else { return };
    let server = TestServer::start(program, &[]);
    let (slept, awake) = (FakeClock::new(), FakeClock::new());
    slept.jump_back(std::time::Duration::from_secs(120));
    let here = Node::start_calm(&server.url(), &slept).await;
    let there = Node::start_calm(&server.url(), &awake).await;
    // Its wall clock is set; monotonic time has not noticed anything.
    slept.jump_on(std::time::Duration::from_secs(120));
    assert!(there.send("+6591234567", 1).await);
    here.knows_soon("+6591234567").await;
}
