//! An axum app that sends one-time codes, with the four layers as a library.
//!
//! `POST /otp/send {"phone":"+65…"}` starts a verification, `POST /otp/check {"session":"…","code":"…"}` checks a code.
//! It runs against a sandbox of its own; nothing is sent to anybody:
//!
//! ```text
//! cargo run -p example-axum-otp
//! ```

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tollgate::injector::ClientIpInjector;
use tollgate::prelude::*;
use tollgate::pump_guard::SmsPumpGuard;
use tower::{Service, ServiceBuilder, ServiceExt};

/// Outbound: the guard around the injector around a reqwest client.
type EightByEight = SmsPumpGuard<ClientIpInjector<ReqwestService>>;

#[derive(Clone)]
struct App {
    client: EightByEight,
    /// Up to the sub-account: `http://127.0.0.1:9001/api/v2/subaccounts/demo`.
    base: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = tollgate_sandbox::Sandbox::new().start("127.0.0.1:0".parse()?).await?;
    let app =
        App { client: outbound(sandbox.addr())?, base: format!("{}/api/v2/subaccounts/demo", sandbox.url()) };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("Ask for a code, as a proxy would pass it on:\n");
    println!(
        "curl -s http://127.0.0.1:3000/otp/send -H 'Content-Type: application/json' \
         -H 'X-Forwarded-For: 203.0.113.7' -d '{{\"phone\":\"+6591234567\"}}'\n"
    );
    println!(
        "What the sandbox received, with the client IP in it:\n\ncurl -s {}/_sandbox/requests",
        sandbox.url()
    );
    // Without the connect info no layer knows who is connected, and every request is refused.
    axum::serve(listener, router(app)?.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}

fn router(app: App) -> Result<Router, Box<dyn Error>> {
    // The proxy in front of this app is on this host.
    let proxy = Rule::new(["127.0.0.0/8", "::1"], "X-Forwarded-For", Strategy::Ranges)?;
    let minute = Duration::from_secs(60);
    // Sending costs money, checking invites guessing: each has its own limits.
    let send = IpRateLimitLayer::new([
        Limit::new("send-per-minute", Quota::requests(3).per(minute)),
        Limit::new("send-per-day", Quota::requests(20).per(minute * 60 * 24)),
    ])?;
    let check = IpRateLimitLayer::new([Limit::new("check-per-minute", Quota::requests(10).per(minute))])?;
    Ok(Router::new()
        .route("/otp/send", post(otp_send).layer(send))
        .route("/otp/check", post(otp_check).layer(check))
        // The outermost layer: it says who asks before anything else looks.
        .layer(TrustedClientIpLayer::new(Resolver::new().with_rule(proxy)))
        .with_state(app))
}

fn outbound(sandbox: SocketAddr) -> Result<EightByEight, Box<dyn Error>> {
    let hosts = Hosts::new().with_host(&sandbox.to_string())?;
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10))
        .build()?;
    Ok(ServiceBuilder::new()
        .layer(SmsPumpGuardLayer::new(PumpGuard::new(Policy::default())?).with_hosts(hosts.clone()))
        // Documentation addresses are for trying it out; leave this out in earnest.
        .layer(ClientIpInjectorLayer::new().with_hosts(hosts).with_documentation_addresses())
        .service(ReqwestService::new(client)))
}

#[derive(Deserialize)]
struct SendCode {
    phone: String,
}

/// The handler knows nothing of client IPs: the ambient scope carries it to the injector.
async fn otp_send(State(app): State<App>, Json(send): Json<SendCode>) -> Response {
    let body = json!({ "destination": send.phone, "brand": "Example", "codeLength": 6 }).to_string();
    let request = Request::post(format!("{}/sessions", app.base))
        .header("content-type", "application/json")
        .body(body.into());
    match ask(app.client, request).await {
        Ok((StatusCode::OK, answer)) => {
            Json(json!({ "session": answer["sessionId"], "retry_after": answer["retryAfter"] }))
                .into_response()
        }
        other => failed(other),
    }
}

#[derive(Deserialize)]
struct CheckCode {
    session: String,
    code: String,
}

async fn otp_check(State(app): State<App>, Json(check): Json<CheckCode>) -> Response {
    // Both go into a URL: nothing that could be more than a segment or a value may get there.
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !plain(&check.session) || !plain(&check.code) {
        return (StatusCode::BAD_REQUEST, "session and code are letters, digits and dashes").into_response();
    }
    let uri = format!("{}/sessions/{}?code={}", app.base, check.session, check.code);
    match ask(app.client, Request::get(uri).body(reqwest::Body::default())).await {
        Ok((StatusCode::OK, answer)) => {
            Json(json!({ "verified": answer["status"] == "VERIFIED", "status": answer["status"] }))
                .into_response()
        }
        other => failed(other),
    }
}

type Answer = Result<(StatusCode, Value), Box<dyn Error + Send + Sync>>;

async fn ask(mut client: EightByEight, request: Result<Request<reqwest::Body>, axum::http::Error>) -> Answer {
    let mut request = request?;
    request.headers_mut().insert("authorization", "Bearer sandbox".parse()?);
    let response = client.ready().await?.call(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, serde_json::from_slice(&body)?))
}

/// What 8x8 or a layer in front of it refused is told with its own status; the rest is this app's fault.
fn failed(answer: Answer) -> Response {
    match answer {
        Ok((status, answer)) => (status, Json(json!({ "error": answer["message"] }))).into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}
