//! The guard on the app's own route and around its client: one guard, and each attempt counted once.
//!
//! `POST /sign-up {"phone":"+65…"}` starts a verification. The route's layer judges before the handler sees the request;
//! what it let through is not judged again on the way to 8x8. It runs against a sandbox of its own; nothing is sent to
//! anybody:
//!
//! ```text
//! cargo run -p example-route-guard
//! ```

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Json, Router};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tollgate::injector::ClientIpInjector;
use tollgate::prelude::*;
use tollgate::pump_guard::{SmsPumpGuard, Verdict};
use tower::{Service, ServiceBuilder, ServiceExt};

/// Outbound: the guard around the injector around a reqwest client.
type EightByEight = SmsPumpGuard<ClientIpInjector<ReqwestService>>;

#[derive(Clone)]
struct App {
    client: EightByEight,
    /// Where verifications start.
    sessions: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = tollgate_sandbox::Sandbox::new().start("127.0.0.1:0".parse()?).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("Ask for a code, as a proxy would pass it on:\n");
    println!(
        "curl -s http://127.0.0.1:3000/sign-up -H 'Content-Type: application/json' \
         -H 'X-Forwarded-For: 203.0.113.7' -d '{{\"phone\":\"+6591234567\"}}'"
    );
    let app = router(PumpGuard::new(Policy::default())?, sandbox.addr())?;
    // Without the connect info no layer knows who is connected, and every request is refused.
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}

fn router(guard: PumpGuard, sandbox: SocketAddr) -> Result<Router, Box<dyn Error>> {
    let hosts = Hosts::new().with_host(&sandbox.to_string())?;
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10))
        .build()?;
    let client = ServiceBuilder::new()
        .layer(SmsPumpGuardLayer::new(guard.clone()).with_hosts(hosts.clone()))
        // Documentation addresses are for trying it out; leave this out in earnest.
        .layer(ClientIpInjectorLayer::new().with_hosts(hosts).with_documentation_addresses())
        .service(ReqwestService::new(client));
    // The proxy in front of this app is on this host.
    let proxy = Rule::new(["127.0.0.0/8", "::1"], "X-Forwarded-For", Strategy::Ranges)?;
    Ok(Router::new()
        .route("/sign-up", post(sign_up))
        // Everything the route sends goes through the guard above: what the handler turns down is forgotten.
        .layer(RouteGuardLayer::new(guard, JsonField::new("phone")).with_outbound_guard())
        .layer(TrustedClientIpLayer::new(Resolver::new().with_rule(proxy)))
        .with_state(App { client, sessions: format!("http://{sandbox}/api/v2/subaccounts/demo/sessions") }))
}

#[derive(Deserialize)]
struct SignUp {
    phone: String,
}

/// The handler knows nothing of passes: the ambient scope carries it to the outbound guard.
async fn sign_up(
    State(app): State<App>,
    Extension(verdict): Extension<Verdict>,
    Json(sign_up): Json<SignUp>,
) -> Response {
    match start(app, &sign_up.phone).await {
        Ok((StatusCode::OK, answer)) => {
            Json(json!({ "session": answer["sessionId"], "score": verdict.score })).into_response()
        }
        Ok((status, answer)) => (status, Json(json!({ "error": answer["message"] }))).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn start(mut app: App, phone: &str) -> Result<(StatusCode, Value), Box<dyn Error + Send + Sync>> {
    let request = Request::post(app.sessions)
        .header("content-type", "application/json")
        .header("authorization", "Bearer sandbox")
        .body(json!({ "destination": phone, "brand": "Example" }).to_string().into())?;
    let response = app.client.ready().await?.call(request).await?;
    let status = response.status();
    Ok((status, serde_json::from_slice(&response.into_body().collect().await?.to_bytes())?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[tokio::test]
    async fn an_attempt_is_counted_once_and_a_pumped_range_does_not_reach_the_handler() {
        let sandbox = tollgate_sandbox::Sandbox::new().start("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let app = router(PumpGuard::new(Policy::default()).unwrap(), sandbox.addr()).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/sign-up", listener.local_addr().unwrap());
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });

        let client = reqwest::Client::new();
        let ask = async |phone: &str| {
            let request = client.post(&url).header("x-forwarded-for", "203.0.113.7");
            let request = request.header("content-type", "application/json");
            request.body(json!({ "phone": phone }).to_string()).send().await.unwrap()
        };
        // Counted twice, the first would meet its own cool-down.
        assert_eq!(ask("+6591234567").await.status(), 200);
        assert_eq!(ask("+19002345678").await.status(), 403);
        let mut last = None;
        for n in 0..20 {
            last = Some(ask(&format!("+62812345670{n:02}")).await);
        }
        let last = last.unwrap();
        assert_eq!(last.status(), 403);
        assert_eq!(last.headers()["content-type"], "application/problem+json");
    }
}
