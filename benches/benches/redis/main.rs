//! Limits on Redis beside the least that a limit on Redis can be: a minimal script, called by the same client.
//!
//! ```sh
//! cargo bench --bench redis                # half a minute; a `redis-server` of its own, on a free port
//! cargo bench --bench redis -- --quick     # a third of that
//! ```

mod drive;
mod server;

use std::sync::Arc;
use std::time::Duration;

use http::Request;
use tollgate_benches::{Table, Targets};
use tollgate_core::ClientIp;
use tollgate_rate_limit::{Limit, Limiter, Quota};
use tollgate_redis::Connection;
use tollgate_redis::rate_limit::{RedisStore, Sharing};

use drive::{Driven, Effort, Zipf, drive};
use server::Server;

/// A key's worth of GCRA, as short as it can be said with the server's clock.
const MINIMAL: &str = "local t=redis.call('TIME') local now=(t[1]-1500000000)*62500+(t[2]-t[2]%16)/16 \
    local v=redis.call('GET',KEYS[1]) local d=0 if v then d=v-now if d<0 then d=0 end end \
    d=d+ARGV[1] if d>ARGV[2]+0 then return ARGV[2]-d end \
    redis.call('SET',KEYS[1],now+d,'PX',math.ceil(d*0.016)) return d";

const KEYS: usize = 10_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let Some(server) = Server::start() else {
        println!("redis-server is not here");
        return;
    };
    let effort =
        if std::env::args().any(|argument| argument == "--quick") { Effort::Quick } else { Effort::Full };
    let mut targets = Targets::new();
    let raw = server.client().await;
    let script = redis::Script::new(MINIMAL);
    let load: String =
        redis::cmd("SCRIPT").arg("LOAD").arg(MINIMAL).query_async(&mut raw.clone()).await.unwrap();
    assert_eq!(load, script.get_hash());

    // Fixed turns, so that whatever else the machine does hits all alike; the best turn of each counts.
    let hour = Quota::requests(100_000).per(Duration::from_secs(3600));
    let limiter = |leases: bool| node(&server, hour, leases);
    let (without, with) = (limiter(false).await, limiter(true).await);
    let zipf = Arc::new(Zipf::new(KEYS, 1.1));
    let mut table = Table::new(["", "in flight", "checks/s", "p50 µs", "p99 µs", "calls/request"]);
    let mut best: Vec<(String, usize, Driven)> = Vec::new();
    for _ in 0..effort.rounds() {
        for in_flight in [1, 64] {
            for what in
                ["PING", "EVALSHA, minimal", "ours, one quota", "ours, Zipf, no leases", "ours, Zipf, leases"]
            {
                let before = server.calls().await;
                let zipf = Arc::clone(&zipf);
                let driven = match what {
                    "PING" => {
                        let raw = raw.clone();
                        drive(effort, in_flight, move |_, _| {
                            let mut raw = raw.clone();
                            async move { redis::cmd("PING").query_async::<String>(&mut raw).await.is_ok() }
                        })
                        .await
                    }
                    "EVALSHA, minimal" => {
                        let (raw, hash) = (raw.clone(), script.get_hash().to_owned());
                        drive(effort, in_flight, move |task, turn| {
                            let (mut raw, key) = (raw.clone(), even(task, turn));
                            let mut call = redis::cmd("EVALSHA");
                            call.arg(&hash)
                                .arg(1)
                                .arg(format!("tollgate1:{{AAAAAAAAAAAAAAAA}}a:0:{key:016}"));
                            call.arg(2250).arg(225_000_000);
                            async move { call.query_async::<i64>(&mut raw).await.unwrap() >= 0 }
                        })
                        .await
                    }
                    "ours, one quota" => {
                        let limiter = Arc::clone(&without);
                        drive(effort, in_flight, move |task, turn| {
                            check(Arc::clone(&limiter), address(even(task, turn)))
                        })
                        .await
                    }
                    name => {
                        let limiter = Arc::clone(if name.ends_with("no leases") { &without } else { &with });
                        drive(effort, in_flight, move |task, turn| {
                            check(Arc::clone(&limiter), address(1_000_000 + zipf.at(task, turn)))
                        })
                        .await
                    }
                };
                let calls = server.calls().await - before;
                let driven = Driven { calls_each: calls as f64 / driven.done as f64, ..driven };
                match best.iter_mut().find(|(name, flying, _)| *name == what && *flying == in_flight) {
                    Some((.., known)) if known.per_second >= driven.per_second => {}
                    Some((.., known)) => *known = driven,
                    None => best.push((what.to_owned(), in_flight, driven)),
                }
            }
        }
    }
    for (what, in_flight, driven) in &best {
        table.row([
            what.clone(),
            in_flight.to_string(),
            format!("{:.0}", driven.per_second),
            format!("{:.0}", driven.p50),
            format!("{:.0}", driven.p99),
            format!("{:.3}", driven.calls_each),
        ]);
    }
    println!("{table}");

    let of =
        |name: &str| &best.iter().find(|(what, flying, _)| what == name && *flying == 64).expect("driven").2;
    let (minimal, one) = (of("EVALSHA, minimal"), of("ours, one quota"));
    targets.ratio(
        "minimal script's checks/s, 64 in flight, of ours without leases",
        1.0 / 0.9,
        minimal.per_second / one.per_second,
    );
    let (off, on) = (of("ours, Zipf, no leases"), of("ours, Zipf, leases"));
    let in_1000 = |calls_each: f64| (calls_each * 1000.0).ceil() as u64;
    targets.count("calls in 1000 requests, 64 in flight, Zipf, with leases", 100, in_1000(on.calls_each));
    let alone =
        |name: &str| &best.iter().find(|(what, flying, _)| what == name && *flying == 1).expect("driven").2;
    let on_alone = in_1000(alone("ours, Zipf, leases").calls_each);
    targets.count("calls in 1000 requests, one in flight, Zipf, with leases", 100, on_alone);
    targets.ratio("checks/s without leases, of those with, Zipf", 0.2, off.per_second / on.per_second);

    let few = node(&server, Quota::requests(5).per(Duration::from_secs(60)), true).await;
    let before = server.calls().await;
    let hammered = {
        let few = Arc::clone(&few);
        drive(effort, 64, move |_, _| check(Arc::clone(&few), address(0))).await
    };
    let each = (server.calls().await - before) as f64 / hammered.done as f64;
    println!("one client that hammers: {:.0} checks/s, {each:.6} calls a request", hammered.per_second);
    targets.count("calls in 1000 requests of a client that hammers", 10, in_1000(each));
    targets.print();
}

async fn node(server: &Server, quota: Quota, leases: bool) -> Arc<Limiter<RedisStore>> {
    let connection =
        Connection::open_with(server.url().parse().unwrap(), Duration::from_millis(500)).unwrap();
    assert!(connection.up_within(Duration::from_secs(10)).await);
    let sharing = Sharing::insecure_without_secret(connection);
    let sharing = if leases { sharing } else { sharing.without_leases() };
    let limiter = Limiter::new([Limit::new("a", quota)]).unwrap().with_table_bytes(4 << 20).unwrap();
    Arc::new(sharing.share(limiter))
}

fn even(task: usize, turn: usize) -> usize {
    (task * 7919 + turn) % KEYS
}

fn address(number: usize) -> ClientIp {
    ClientIp::asserted(std::net::Ipv4Addr::from(0x0a00_0000 + number as u32).into())
}

async fn check(limiter: Arc<Limiter<RedisStore>>, client: ClientIp) -> bool {
    limiter.ask(client, &(&Request::new(())).into()).await.is_pass()
}
