//! A master that Sentinels know, and another one after it.

use std::process::{Child, Command, Stdio};

use tollgate_core::FakeClock;
use tollgate_rate_limit::Limiter;
use tollgate_redis::Connection;
use tollgate_redis::rate_limit::Sharing;

use crate::guard::Node;
use crate::server::{TestServer, cli, free_port, program};
use crate::{SOON, client, of_day, passing, rest};

struct Sentinel {
    child: Child,
    port: u16,
    dir: std::path::PathBuf,
}

impl Sentinel {
    fn over(program: &'static str, master: u16, more: &str) -> Self {
        let port = free_port();
        let dir = std::env::temp_dir().join(format!("tollgate-sentinel-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let config = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor primary 127.0.0.1 {master} 1\n\
             sentinel down-after-milliseconds primary 500\nsentinel failover-timeout primary 3000\n{more}"
        );
        let file = dir.join("sentinel.conf");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new(program);
        let child = command.arg(&file).arg("--sentinel").stdout(Stdio::null()).spawn().unwrap();
        let sentinel = Self { child, port, dir };
        while cli(program, port, &["-a", "hunter2", "ping"]).trim() != "PONG" {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        sentinel
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_resets_no_limit() {
    let Some(program) = program() else { return };
    let mut master = TestServer::start(program, &[]);
    let replica = TestServer::start(program, &["--replicaof", "127.0.0.1", &master.port.to_string()]);
    let sentinel = Sentinel::over(program, master.port, "");
    let is_known = || {
        cli(program, sentinel.port, &["sentinel", "replicas", "primary"]).contains("master-link-status\nok")
    };
    let start = std::time::Instant::now();
    while !is_known() && start.elapsed() < 2 * SOON {
        rest(100).await;
    }
    let url = format!("redis+sentinel://127.0.0.1:{}/primary", sentinel.port);
    let connection = Connection::open(url.parse().unwrap()).unwrap();
    assert!(connection.up_within(SOON).await);
    let limiter =
        Sharing::insecure_without_secret(connection.clone()).share(Limiter::new([of_day("a", 10)]).unwrap());
    assert_eq!(passing(&limiter, client(1), 4).await, 4);
    let clock = FakeClock::new();
    let (here, there) = (Node::start(&url, &clock).await, Node::start(&url, &clock).await);
    assert!(here.send("+6591234567", 1).await);
    there.knows_soon("+6591234567").await;
    master.kill();
    assert!(here.send("+6581234567", 2).await);
    assert_eq!(passing(&limiter, client(1), 2).await, 2);
    assert!(connection.up_within(3 * SOON).await, "{}", replica.cli(&["role"]));
    assert!(replica.cli(&["role"]).starts_with("master"));
    rest(200).await;
    assert_eq!(passing(&limiter, client(1), 20).await, 4);
    there.knows_soon("+6581234567").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_and_servers_with_a_password_are_asked_with_it_by_a_user_who_may_do_what_is_needed() {
    let Some(program) = program() else { return };
    let master = TestServer::start(program, &[]);
    let rules = ["acl", "setuser", "limits", "on", ">hunter2", "~tollgate1:*", "resetchannels", "-@all"];
    let commands = ["+evalsha", "+eval", "+mget", "+set", "+pttl", "+time", "+role", "+select"];
    assert_eq!(master.cli(&[&rules[..], &commands[..]].concat()).trim(), "OK");
    for sentinels in ["", "requirepass hunter2\nuser limits on >hunter2 +@all\n"] {
        let sentinel = Sentinel::over(program, master.port, sentinels);
        let url = format!("redis+sentinel://limits:hunter2@127.0.0.1:{}/primary/3", sentinel.port);
        let connection = Connection::open(url.parse().unwrap()).unwrap();
        assert!(connection.up_within(SOON).await, "{sentinels:?}");
    }
}
