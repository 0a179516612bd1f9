//! Several gateways and one Redis, all real processes. Where redis-server is not installed they are skipped, with a note.

#![allow(clippy::disallowed_methods, reason = "how long it really takes")]

#[path = "../../../tollgate-redis/tests/it/awake.rs"]
mod awake;
mod faults;
mod guard;
mod nodes;
mod server;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use self::nodes::{Nodes, SECRET, configuration, metrics};
use self::server::{Redis, free_port};
use super::*;

const CLIENT: &str = "8.8.8.8";

#[test]
fn gateways_that_share_a_server_have_one_limit() {
    let Some(redis) = Redis::start() else { return };
    let shared = Nodes::start("shared-one", &redis.url(), 3, 10);
    shared.are_up();
    let mut callers = shared.callers();
    // In turn, then each by itself.
    let mut passed = (0..30).filter(|turn| callers[turn % 3].passes(CLIENT)).count();
    assert_eq!(passed, 10);
    for caller in &mut callers {
        passed += (0..20).filter(|_| caller.passes(CLIENT)).count();
    }
    assert_eq!((passed, shared.sent()), (10, 10));
    assert!(callers[0].passes("8.8.4.4"), "another client has a quota of its own");

    // Nothing that was told says who asked, or what nobody may know.
    let keys = redis.cli(&["keys", "*"]);
    assert!(keys.lines().all(|key| key.starts_with("tollgate1:{")), "{keys}");
    for node in &shared.nodes {
        let counted = metrics(node);
        assert!(counted.contains("tollgate_redis_decisions_total{by=\"redis\"}"), "{counted}");
        let told: Vec<String> = node.lines.try_iter().collect();
        let told = format!("{}\n{}\n{counted}\n{keys}", node.told, told.join("\n"));
        for hidden in [Redis::PASSWORD, SECRET, CLIENT] {
            assert!(!told.contains(hidden), "{hidden} is in {told}");
        }
    }
}

#[test]
fn gateways_under_load_let_through_one_quota_and_leases_take_an_eighth_of_it_at_most() {
    const QUOTA: usize = 320;
    let Some(redis) = Redis::start() else { return };
    let shared = Nodes::start("shared-load", &redis.url(), 3, QUOTA);
    shared.are_up();
    let passed: usize = std::thread::scope(|scope| {
        let load = |mut caller: nodes::Caller| {
            scope.spawn(move || (0..QUOTA).filter(|_| caller.passes(CLIENT)).count())
        };
        let loads: Vec<_> = shared.callers().into_iter().map(load).collect();
        loads.into_iter().map(|load| load.join().unwrap()).sum()
    });
    println!("{passed} of {QUOTA} passed on three gateways");
    assert!((QUOTA - QUOTA / 8..=QUOTA).contains(&passed), "{passed} of {QUOTA}");
    assert_eq!(shared.sent(), passed);
}

#[test]
fn a_gateway_starts_and_limits_without_the_server_and_asks_it_as_soon_as_it_is_there() {
    let Some(mut redis) = Redis::start() else { return };
    redis.kill();
    let start = Instant::now();
    let shared = Nodes::start("shared-late", &redis.url(), 2, 10);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    let mut callers = shared.callers();
    for (node, caller) in shared.nodes.iter().zip(&mut callers) {
        assert!(metrics(node).contains("tollgate_redis_up{of=\"limits\"} 0\n"));
        assert_eq!((0..20).filter(|_| caller.passes(CLIENT)).count(), 5, "its part of the quota");
    }
    redis.start_again();
    shared.are_up();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(
        (0..20).filter(|turn| callers[turn % 2].passes(CLIENT)).count(),
        0,
        "both have told what they let through"
    );
    for node in &shared.nodes {
        let told: Vec<String> = node.lines.try_iter().collect();
        let told = node.told.clone() + &told.join("\n");
        assert!(told.contains("is away: this node decides"), "{told}");
    }
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let Some(redis) = Redis::start() else { return };
    let shared = Nodes::start("shared-password", &redis.url().replace(Redis::PASSWORD, "swordfish"), 1, 10);
    let mut told = shared.nodes[0].told.clone();
    while !told.contains("is away: this node decides") {
        told += &shared.nodes[0].lines.recv_timeout(Duration::from_secs(20)).expect("it tells");
    }
    assert!(told.contains("it answered WRONGPASS") && !told.contains("swordfish"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_quota_that_is_read_again_counts_on() {
    let Some(redis) = Redis::start() else { return };
    let shared = Nodes::start("shared-reload", &redis.url(), 2, 4);
    shared.are_up();
    let mut callers = shared.callers();
    assert_eq!((0..9).filter(|turn| callers[turn % 2].passes(CLIENT)).count(), 4);
    let text = std::fs::read_to_string(shared.config.path()).unwrap();
    std::fs::write(shared.config.path(), text.replace("requests = 4", "requests = 6")).unwrap();
    for node in &shared.nodes {
        assert!(
            Command::new("kill").args(["-HUP", &node.child.id().to_string()]).status().unwrap().success()
        );
        let next = || node.lines.recv_timeout(Duration::from_secs(20)).expect("it tells");
        while !next().contains("6 requests a 86400 s in place of 4") {}
    }
    assert_eq!((0..9).filter(|turn| callers[turn % 2].passes(CLIENT)).count(), 2);
}

#[test]
fn only_serve_opens_the_server_and_check_says_what_it_means() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("redis://limits:hunter2@{}/3", listener.local_addr().unwrap());
    let config = TempFile::new("shared-check", &configuration(&url, "127.0.0.1:9", 3, 10));
    let log = TempFile::new("shared-log", "");
    let file = ["--config", config.path()];
    let checked = tollgate(&[&["check"][..], &file].concat(), b"");
    let shown =
        format!("counted on redis://{}/3; while it is away, each of 3", listener.local_addr().unwrap());
    assert!(checked.status == 0 && checked.out.contains(&shown), "{checked:?}");
    assert!(!format!("{checked:?}").contains("hunter2"), "{checked:?}");
    for arguments in [
        [&["resolve"][..], &file].concat(),
        [&["replay"][..], &file, &[log.path()]].concat(),
        [&["simulate"][..], &file, &["--scenario", "burst", "--days", "4", "--per-day", "400"]].concat(),
    ] {
        let ran = tollgate(&arguments, b"");
        assert!(ran.status == 0 && !format!("{ran:?}").contains("hunter2"), "{arguments:?}: {ran:?}");
    }
    assert!(listener.accept().is_err(), "nobody asked it");

    // What is printed is the same configuration again.
    let printed = tollgate(&[&["check", "--print"][..], &file].concat(), b"").out;
    let again = TempFile::new("shared-again", &printed);
    assert_eq!(tollgate(&["check", "--print", "--config", again.path()], b"").out, printed);
    assert!(printed.contains(&url));
}

#[test]
fn without_a_secret_that_nobody_guesses_nothing_is_served() {
    let url = format!("redis://127.0.0.1:{}", free_port());
    let config = TempFile::new("shared-secret", &configuration(&url, "127.0.0.1:9", 2, 10));
    for secret in [None, Some("short-and-secret")].map(|secret| secret.map(|secret: &str| &secret[..15])) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command.args(["serve", "--config", config.path()]).env_remove("TOLLGATE_TEST_SECRET");
        let output = command.envs(secret.map(|secret| ("TOLLGATE_TEST_SECRET", secret))).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("state.secret_env") && told.contains("\"TOLLGATE_TEST_SECRET\""), "{told}");
        assert!(!told.contains("short-and"), "{told}");
    }
}

#[test]
fn the_configuration_for_docker_is_valid_and_shares_its_limits() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/tollgate.toml");
    let checked = tollgate(&["check", "--config", path], b"");
    assert!(
        checked.out.contains("counted on redis://valkey:6379; while it is away, each of 2"),
        "{checked:?}"
    );
}
