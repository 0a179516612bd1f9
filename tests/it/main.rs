//! Tests across crates: the whole road over real HTTP, with the sandbox as 8x8.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod bad_input;
mod clients;
mod grpc;
mod library;
mod limits;
mod lookup;
mod outcomes;

mod papers;
mod proxies;
mod road;
mod upstream;
mod wire;

use std::net::SocketAddr;

use serde_json::Value;
use tokio::net::TcpListener;
use tollgate_gateway::{Config, Secrets};
use tollgate_sandbox::{Running, Sandbox};

/// The gateway in front of a sandbox, both on free ports of loopback, which is the one trusted proxy.
struct Road {
    sandbox: Sandbox,
    _running: Running,
    gateway: SocketAddr,
    client: reqwest::Client,
}

const RULE: &str = "
    [[client_ip.rule]]
    peers = [\"127.0.0.0/8\"]
    header = \"X-Forwarded-For\"
    [injector]
    unusable_address = \"pass\"
";

impl Road {
    async fn start() -> Self {
        Self::with(RULE).await
    }

    /// With this configuration; where 8x8 is, is added.
    async fn with(config: &str) -> Self {
        let sandbox = Sandbox::new();
        let running = sandbox.start(local()).await.unwrap();
        let url = running.url();
        let upstream = format!("\n[upstream]\nsms = \"{url}\"\nverify = \"{url}\"\nlookup = \"{url}\"\n");
        let gateway = gateway(&format!("{config}{upstream}")).await;
        Self { sandbox, _running: running, gateway, client: reqwest::Client::new() }
    }

    async fn post(&self, path: &str, forwarded_for: &str, body: impl Into<reqwest::Body>) -> Answer {
        self.send(self.request(path, forwarded_for).body(body)).await
    }

    /// A POST of JSON that a trusted proxy passes on.
    fn request(&self, path: &str, forwarded_for: &str) -> reqwest::RequestBuilder {
        self.client
            .post(format!("http://{}{path}", self.gateway))
            .header("content-type", "application/json")
            .header("authorization", "Bearer key")
            .header("x-forwarded-for", forwarded_for)
    }

    async fn get(&self, path: &str, forwarded_for: &str) -> Answer {
        let request = self.client.get(format!("http://{}{path}", self.gateway));
        self.send(request.header("authorization", "Bearer key").header("x-forwarded-for", forwarded_for))
            .await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        Answer::of(request.send().await.unwrap()).await
    }

    /// What the sandbox received as JSON, and forgets.
    fn received(&self) -> Vec<Value> {
        let bodies = self.sandbox.requests().iter().map(|request| request.body.json()).collect();
        self.sandbox.clear();
        bodies
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    /// The kind of Tollgate's refusal; `None` is 8x8's own answer.
    refusal: Option<String>,
    retry_after: Option<u64>,
    body: Value,
}

impl Answer {
    async fn of(response: reqwest::Response) -> Self {
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (refusal, retry_after) = (header("tollgate-refusal"), header("retry-after"));
        Self {
            status: response.status().as_u16(),
            refusal,
            retry_after: retry_after.map(|seconds| seconds.parse().unwrap()),
            body: serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default(),
        }
    }

    #[track_caller]
    fn is_refused(&self, kind: &str, status: u16) {
        assert_eq!((self.refusal.as_deref(), self.status), (Some(kind), status), "{self:?}");
        // In 8x8's own shape, so that its callers can read it.
        for member in ["code", "message", "errorId", "timestamp"] {
            assert!(!self.body[member].is_null(), "{member} is missing in {self:?}");
        }
    }
}

fn local() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Starts a gateway, which ends with the test's runtime.
async fn gateway(config: &str) -> SocketAddr {
    let config = Config::parse(config).unwrap();
    let app =
        tollgate_gateway::Gateway::new(&config, Secrets::of(&config, |_| Some("secret".into())).unwrap())
            .unwrap();
    let listener = TcpListener::bind(local()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(
        async move { tollgate_gateway::serve(listener, app, &config, std::future::pending()).await },
    );
    addr
}

const SINGLE: &str = "/api/v1/subaccounts/mine/messages";
const BATCH: &str = "/api/v1/subaccounts/mine/messages/batch";
const VERIFY: &str = "/api/v2/subaccounts/mine/sessions";

fn to(number: &str) -> String {
    format!(r#"{{"destination":"{number}","text":"hi"}}"#)
}
