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

use axum::extract::{MatchedPath, State};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Json, Router};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tollgate::injector::ClientIpInjector;
use tollgate::prelude::*;
use tollgate::pump_guard::SmsPumpGuard;
use tollgate::rate_limit::{HeadersOn, RequestHead};
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
    // Sending costs money, checking invites guessing: each has its own limits, by the route that the router chose.
    let limits = IpRateLimitLayer::new([
        Limit::new("send-per-minute", Quota::requests(3).per(minute))
            .only(on("/otp/send"))
            .with_headers(HeadersOn::Always),
        Limit::new("send-per-day", Quota::requests(20).per(minute * 60 * 24)).only(on("/otp/send")),
        // A right code is given back: it says that a person asks, who may share the address with many.
        Limit::new("check-per-minute", Quota::requests(10).per(minute))
            .only(on("/otp/check"))
            .settled_by(|answer| answer.extensions.get::<Verified>().map(|_| 0)),
    ])?;
    Ok(Router::new()
        .route("/otp/send", post(otp_send))
        .route("/otp/check", post(otp_check))
        .layer(limits)
        // The outermost layer: it says who asks before anything else looks.
        .layer(TrustedClientIpLayer::new(Resolver::new().with_rule(proxy)))
        .with_state(app))
}

/// Whether axum has chosen this route for a request: layers of a router see that, a layer around all of it would not.
fn on(route: &'static str) -> impl Fn(&RequestHead<'_>) -> bool {
    move |request| request.extensions.get::<MatchedPath>().is_some_and(|chosen| chosen.as_str() == route)
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

/// Put into an answer, for the limits.
#[derive(Clone)]
struct Verified;

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
            let verified = answer["status"] == "VERIFIED";
            let told = Json(json!({ "verified": verified, "status": answer["status"] }));
            if verified { (Extension(Verified), told).into_response() } else { told.into_response() }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use reqwest::Client;

    use super::*;

    #[tokio::test]
    async fn each_route_has_its_own_limits_and_a_right_code_is_given_back() {
        let sandbox = tollgate_sandbox::Sandbox::new();
        let running = sandbox.clone().start("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let base = format!("{}/api/v2/subaccounts/demo", running.url());
        let app = App { client: outbound(running.addr()).unwrap(), base };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = router(app).unwrap().into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });

        let client = Client::new();
        let ask = async |path: &str, addr: &str, body: Value| {
            let request = client.post(format!("{url}{path}")).header("x-forwarded-for", addr);
            let request = request.header("content-type", "application/json").body(body.to_string());
            let answer = request.send().await.unwrap();
            let limit = answer.headers().get("ratelimit").map(|value| value.to_str().unwrap().to_owned());
            (answer.status().as_u16(), limit.unwrap_or_default(), answer.text().await.unwrap())
        };
        let send = async |n: u32, addr: &str| {
            ask("/otp/send", addr, json!({ "phone": format!("+659{n}234567") })).await
        };
        for (n, left) in [(1, 2), (2, 1), (3, 0)] {
            let (status, limit, _) = send(n, "203.0.113.7").await;
            assert_eq!(status, 200);
            assert!(limit.starts_with(&format!("\"send-per-minute\";r={left};t=")), "{limit}");
        }
        assert_eq!(send(4, "203.0.113.7").await.0, 429);
        assert_eq!(send(4, "198.51.100.9").await.0, 200);
        // Another route, another limit. Right codes are given back …
        let sent: Value = serde_json::from_str(&send(5, "198.51.100.9").await.2).unwrap();
        let right = json!({ "session": sent["session"], "code": sandbox.last_code("+6595234567").unwrap() });
        let (status, _, told) = ask("/otp/check", "203.0.113.7", right).await;
        assert!(status == 200 && told.contains("true"), "{status}: {told}");
        // … and a session that is unknown is a wrong guess.
        let check = json!({ "session": "0123", "code": "1234" });
        for guess in 0..12 {
            let status = ask("/otp/check", "203.0.113.7", check.clone()).await.0;
            assert_eq!(status == 429, guess >= 10, "{guess}: {status}");
        }
    }
}
