//! Three nodes of one Cluster.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tollgate_core::{ClientIp, FakeClock};
use tollgate_rate_limit::store::suite;
use tollgate_rate_limit::{Key, Limit, Mode, RequestHead};
use tollgate_redis::rate_limit::Sharing;

use crate::awake::Awake;
use crate::guard::Node;
use crate::server::{TestServer, program};
use crate::{client, node, node_within, of_day, passing, rest};

struct Cluster {
    servers: Vec<TestServer>,
}

impl Cluster {
    fn start(program: &'static str) -> Option<Self> {
        let args = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
        let servers: Vec<_> = (0..3).map(|_| TestServer::start(program, &args)).collect();
        let addrs = servers.iter().map(|server| format!("127.0.0.1:{}", server.port));
        let tool = program.replace("server", "cli");
        let mut create = Command::new(tool);
        create.args(["--cluster", "create"]).args(addrs).args(["--cluster-replicas", "0", "--cluster-yes"]);
        let created = create.stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !created.is_ok_and(|status| status.success()) {
            eprintln!("no Cluster can be made here: not tested against one");
            return None;
        }
        let cluster = Self { servers };
        let start = Instant::now();
        let is_ok = |server: &TestServer| server.cli(&["cluster", "info"]).contains("cluster_state:ok");
        while !cluster.servers.iter().all(is_ok) {
            assert!(start.elapsed() < Duration::from_secs(20), "the Cluster does not come up");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(cluster)
    }

    fn url(&self) -> String {
        let hosts: Vec<_> = self.servers.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    fn clear(&self) {
        for server in &self.servers {
            server.cli(&["flushall"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_passes_the_suite_on_a_cluster() {
    let Some(cluster) = program().and_then(Cluster::start) else { return };
    suite::run(async |limits| {
        cluster.clear();
        node(&cluster.url(), limits, |sharing| sharing).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_cluster_limits_by_address_and_by_key_are_all_or_nothing() {
    let Some(cluster) = program().and_then(Cluster::start) else { return };
    let by_key = |name, most, bits| {
        of_day(name, most).with_key(move |_: ClientIp, _: &RequestHead<'_>| Some(Key::from_bits(bits)))
    };
    let limits: Vec<Limit> = vec![of_day("address", 5), by_key("user", 3, 77), by_key("other", 4, 78)];
    let limiter = node(&cluster.url(), limits, Sharing::without_leases).await;
    assert_eq!(passing(&limiter, client(1), 10).await, 3);
    let of_user = limiter.limit("user").unwrap();
    of_user.forget(Key::from_bits(77)).unwrap();
    rest(200).await;
    assert_eq!(passing(&limiter, client(1), 10).await, 1, "what one refuses is charged to none");
    let of_other = limiter.limit("other").unwrap();
    of_other.forget(Key::from_bits(78)).unwrap();
    rest(200).await;
    assert_eq!(passing(&limiter, client(1), 10).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_cluster_whom_one_limit_refuses_no_other_is_charged_for() {
    let Some(cluster) = program().and_then(Cluster::start) else { return };
    let user = |_: ClientIp, _: &RequestHead<'_>| Some(Key::from_bits(77));
    for by_address_first in [true, false] {
        cluster.clear();
        let (address, of_user) = (of_day("address", 2), of_day("user", 20).with_key(user));
        let limits = if by_address_first { vec![address, of_user] } else { vec![of_user, address] };
        // Each time a node that remembers no refusal.
        let mut nodes = Vec::new();
        for _ in 0..10 {
            let fresh = node(&cluster.url(), limits.clone(), Sharing::without_leases).await;
            passing(&fresh, client(1), 3).await;
            nodes.push(fresh);
        }
        rest(200).await;
        let last = node(&cluster.url(), limits, Sharing::without_leases).await;
        let mut passed = 0;
        for other in 2..30 {
            passed += passing(&last, client(other), 2).await;
        }
        assert_eq!(passed, 18, "by address first: {by_address_first}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_cluster_what_was_to_be_told_is_not_lost_where_nobody_is_asked() {
    let Some(cluster) = program().and_then(Cluster::start) else { return };
    let user = |_: ClientIp, _: &RequestHead<'_>| Some(Key::from_bits(77));
    let limits = || vec![of_day("address", 1), of_day("user", 10).with_key(user)];
    let limiter = node(&cluster.url(), limits(), Sharing::without_leases).await;
    assert_eq!(passing(&limiter, client(1), 1).await, 1);
    let fresh = node(&cluster.url(), limits(), Sharing::without_leases).await;
    fresh.limit("user").unwrap().penalize(Key::from_bits(77), 5).unwrap();
    // Refused for its address, with the penalty of the user to be taken along.
    assert_eq!(passing(&fresh, client(1), 1).await, 0);
    rest(200).await;
    let other = node(&cluster.url(), limits(), Sharing::without_leases).await;
    let mut passed = 0;
    for last in 2..30 {
        passed += passing(&other, client(last), 1).await;
    }
    assert_eq!(passed, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_cluster_a_limit_that_only_looks_on_stops_no_other() {
    let Some(cluster) = program().and_then(Cluster::start) else { return };
    let user = |_: ClientIp, _: &RequestHead<'_>| Some(Key::from_bits(77));
    let looks_on = of_day("user", 3).with_key(user).with_mode(Mode::Monitor);
    for limits in [vec![of_day("address", 9), looks_on.clone()], vec![looks_on, of_day("address", 9)]] {
        cluster.clear();
        let limiter = node(&cluster.url(), limits, Sharing::without_leases).await;
        assert_eq!(passing(&limiter, client(1), 30).await, 9);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_of_ours_share_a_quota_on_a_cluster_and_one_server_less_stops_nobody() {
    const DEADLINE: Duration = Duration::from_millis(500);
    let Some(mut cluster) = program().and_then(Cluster::start) else { return };
    let (url, limits) = (cluster.url(), || vec![of_day("a", 20)]);
    let nodes = |sharing: Sharing| sharing.with_nodes(2).unwrap();
    let start = || node_within(DEADLINE, &url, limits(), nodes);
    let (one, other) = (start().await, start().await);
    for last in 0..20 {
        let passed = passing(&one, client(last), 12).await + passing(&other, client(last), 12).await;
        assert_eq!(passed, 20);
    }
    cluster.servers[0].kill();
    let start = Awake::now();
    for last in 0..20 {
        assert_eq!(passing(&other, client(last), 2).await, 0);
        assert!(passing(&one, client(100 + last), 2).await >= 1);
    }
    // Of each node five calls are too late, and one that is on its way then.
    assert!(start.elapsed() < 15 * DEADLINE, "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guards_share_what_they_know_on_a_cluster() {
    let Some(cluster) = program().and_then(Cluster::start) else { return };
    let clock = FakeClock::new();
    let (here, there) =
        (Node::start(&cluster.url(), &clock).await, Node::start(&cluster.url(), &clock).await);
    for (n, number) in (0..).zip(["+6591234567", "+6581234567", "+6592345678"]) {
        assert!(here.send(number, n).await);
        there.knows_soon(number).await;
        // Longer than a read waits.
        rest(600).await;
    }
}
