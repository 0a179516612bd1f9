//! Two gateways with one limit, on one Redis, which then dies and comes back empty.
//!
//! It starts a `redis-server` of its own, or takes the one that `REDIS_URL` names, which it leaves alone. Behind the
//! gateways is a sandbox: nothing is sent to anybody.
//!
//! ```text
//! cargo run -p example-two-nodes
//! ```

#![allow(clippy::disallowed_methods, reason = "how long it really takes")]

mod redis;

use std::error::Error;
use std::time::{Duration, Instant};

use reqwest::Client;
use tokio::net::TcpListener;
use tollgate_gateway::{Config, Gateway, Secrets};

use crate::redis::Redis;

const QUOTA: usize = 20;

/// Long enough for the gateways to see that the server is there, or is there again.
const SOON: Duration = Duration::from_secs(2);

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    match std::env::var("REDIS_URL") {
        Ok(url) => Nodes::start(&url).await?.share().await,
        Err(_) => {
            let mut redis = Redis::start().map_err(|error| {
                format!("redis-server: {error}. Install it (apt install redis-server), or name a server in REDIS_URL")
            })?;
            let nodes = Nodes::start(&redis.url()).await?;
            nodes.share().await?;
            nodes.lose(&mut redis).await.map(drop)
        }
    }
}

/// Two gateways in this process; in earnest they are on two machines.
struct Nodes {
    client: Client,
    urls: Vec<String>,
    _sandbox: tollgate_sandbox::Running,
}

/// What passed of one client.
#[derive(Debug, Default)]
struct Passed {
    on: [usize; 2],
    longest: Duration,
}

impl Passed {
    fn in_all(&self) -> usize {
        self.on.iter().sum()
    }
}

impl Nodes {
    async fn start(redis: &str) -> Outcome<Self> {
        let sandbox = tollgate_sandbox::Sandbox::new().start("127.0.0.1:0".parse()?).await?;
        let mut config = Config::parse(&format!(
            r#"
            [[client_ip.rule]]
            peers = ["127.0.0.0/8"]
            header = "X-Forwarded-For"
            [[rate_limit]]
            name = "per-hour"
            requests = {QUOTA}
            per = "1h"
            [pump_guard]
            mode = "off"
            [upstream]
            sms = "{}"
            [state]
            redis = "{redis}"
            nodes = 2
            secret_env = "SECRET"
            "#,
            sandbox.url()
        ))?;
        // The addresses below are documentation's.
        config.injector.documentation = true;
        // Another one each time, so that nothing is left of the time before; in earnest, one for good.
        let secret = uuid::Uuid::new_v4().to_string();
        let mut urls = Vec::new();
        for _ in 0..2 {
            let gateway = Gateway::new(&config, Secrets::of(&config, |_| Some(secret.clone()))?)?;
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            urls.push(format!("http://{}/api/v1/subaccounts/demo/messages", listener.local_addr()?));
            let config = config.clone();
            tokio::spawn(async move {
                tollgate_gateway::serve(listener, gateway, &config, std::future::pending()).await;
            });
        }
        tokio::time::sleep(SOON).await;
        Ok(Self { client: Client::new(), urls, _sandbox: sandbox })
    }

    /// Asks for so many messages, at one gateway and the other in turn.
    async fn ask(&self, who: &str, times: usize) -> Outcome<Passed> {
        let mut passed = Passed::default();
        for (url, node) in self.urls.iter().zip(0..).cycle().take(times) {
            let request =
                self.client.post(url).header("x-forwarded-for", who).header("authorization", "Bearer key");
            let body = r#"{"destination":"+6591234567","text":"Hello"}"#;
            let start = Instant::now();
            let answer = request.header("content-type", "application/json").body(body).send().await?;
            passed.longest = passed.longest.max(start.elapsed());
            match (answer.status().as_u16(), passed.on.get_mut(node)) {
                (200, Some(on)) => *on += 1,
                (429, _) => {}
                (status, _) => return Err(format!("{status}: {}", answer.text().await?).into()),
            }
        }
        let Passed { on: [one, other], longest } = &passed;
        println!(
            "  {who} asked {times} times: {one} + {other} = {} passed, none took longer than {} ms",
            one + other,
            longest.as_millis()
        );
        Ok(passed)
    }

    async fn share(&self) -> Outcome<()> {
        println!("Two gateways, one limit of {QUOTA} an hour. Somebody asks both in turn:");
        self.ask("203.0.113.7", 60).await.map(drop)
    }

    async fn lose(&self, redis: &mut Redis) -> Outcome<[usize; 5]> {
        println!("Somebody else uses up half of it,");
        let half = self.ask("203.0.113.8", QUOTA / 2).await?;
        println!("and Redis is killed. Each gateway goes on with its part of what is left, for");
        redis.kill()?;
        println!("who had used up all of it:");
        let nothing = self.ask("203.0.113.7", 60).await?;
        println!("who had used up half:");
        let left = self.ask("203.0.113.8", 60).await?;
        println!("who is new:");
        let new = self.ask("203.0.113.9", 60).await?;
        println!("Redis comes back, empty. The gateways tell it what they know, and what they let through.");
        println!("One of them may have known of one request less:");
        redis.start_again()?;
        tokio::time::sleep(SOON).await;
        let mut again = 0;
        for who in ["203.0.113.7", "203.0.113.8", "203.0.113.9"] {
            again += self.ask(who, 60).await?.in_all();
        }
        Ok([half.in_all(), nothing.in_all(), left.in_all(), new.in_all(), again])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_it_says_is_so() {
        let Ok(mut redis) = Redis::start() else {
            eprintln!("redis-server is not here: not tested");
            return;
        };
        let nodes = Nodes::start(&redis.url()).await.unwrap();
        nodes.share().await.unwrap();
        let [half, nothing, left, new, again] = nodes.lose(&mut redis).await.unwrap();
        assert_eq!((half, nothing, left, new), (10, 0, 10, 20));
        assert!(again <= 1, "{again}");
    }
}
