//! The layers as a library: axum in front, reqwest behind, the client IP carried from one to the other.

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::post;
use http::Request;
use tollgate::injector::ClientIpInjector;
use tollgate::prelude::*;
use tollgate::pump_guard::SmsPumpGuard;
use tower::{ServiceBuilder, ServiceExt};

use super::*;

type Outbound = SmsPumpGuard<ClientIpInjector<ReqwestService>>;

#[derive(Clone)]
struct App {
    client: Outbound,
    url: String,
}

impl App {
    fn new(running: &Running) -> Self {
        let hosts = Hosts::new().with_host(&running.addr().to_string()).unwrap();
        let guard = PumpGuard::new(Policy::default()).unwrap();
        let client = ServiceBuilder::new()
            .layer(SmsPumpGuardLayer::new(guard).with_hosts(hosts.clone()))
            .layer(ClientIpInjectorLayer::new().with_hosts(hosts).with_documentation_addresses())
            .service(ReqwestService::new(reqwest::Client::new()));
        Self { client, url: running.url() }
    }

    async fn dispatch(self, number: &str) -> u16 {
        let request = Request::post(format!("{}{SINGLE}", self.url))
            .header("content-type", "application/json")
            .header("authorization", "Bearer key")
            .body(reqwest::Body::from(to(number)))
            .unwrap();
        self.client.oneshot(request).await.unwrap().status().as_u16()
    }
}

/// Serves routes that send, on a real socket; loopback is the trusted proxy.
async fn serve(app: App) -> SocketAddr {
    let rule = Rule::new(["127.0.0.1"], "X-Forwarded-For", Strategy::Ranges).unwrap();
    let direct = |State(app): State<App>| async move { app.dispatch("+6591234561").await.to_string() };
    let spawned = |State(app): State<App>| async move {
        tokio::spawn(app.dispatch("+6591234562")).await.unwrap().to_string()
    };
    let carried = |client: ClientIp, State(app): State<App>| async move {
        tokio::spawn(client.scope(app.dispatch("+6591234563"))).await.unwrap().to_string()
    };
    let shown = |client: ClientIp| async move { client.to_string() };
    let router = Router::new()
        .route("/direct", post(direct))
        .route("/spawned", post(spawned))
        .route("/carried", post(carried))
        .route("/shown", post(shown))
        .layer(TrustedClientIpLayer::new(Resolver::new().with_rule(rule)))
        .route("/bare", post(|client: ClientIp| async move { client.to_string().into_response() }))
        .with_state(app);
    let listener = TcpListener::bind(local()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await.unwrap();
    });
    addr
}

async fn post_to(addr: SocketAddr, path: &str) -> (u16, String) {
    let request = reqwest::Client::new()
        .post(format!("http://{addr}{path}"))
        .header("x-forwarded-for", "8.8.8.8, 203.0.113.7");
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn the_ambient_scope_carries_the_client_ip_from_the_server_to_the_client() {
    let sandbox = Sandbox::new();
    let running = sandbox.start(local()).await.unwrap();
    let addr = serve(App::new(&running)).await;
    assert_eq!(post_to(addr, "/shown").await, (200, "203.0.113.7".into()));
    assert_eq!(post_to(addr, "/direct").await, (200, "200".into()));
    assert_eq!(sandbox.requests().last().unwrap().body.json()["clientIp"], "203.0.113.7");
    // A spawned task is outside: refused, not sent with nobody's address.
    assert_eq!(post_to(addr, "/spawned").await, (200, "500".into()));
    assert_eq!(sandbox.requests().len(), 1);
    assert_eq!(post_to(addr, "/carried").await, (200, "200".into()));
    assert_eq!(sandbox.requests().last().unwrap().body.json()["clientIp"], "203.0.113.7");
}

#[tokio::test]
async fn an_extractor_without_a_resolver_in_front_says_so() {
    let running = Sandbox::new().start(local()).await.unwrap();
    let (status, body) = post_to(serve(App::new(&running)).await, "/bare").await;
    assert_eq!(status, 500);
    assert!(body.contains("TrustedClientIpLayer"), "{body}");
}
