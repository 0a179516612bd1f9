//! The admin page: what the gateway counted.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tollgate::client_ip::Resolver;
use tollgate::core::{Clock, SystemClock};
use tollgate::rate_limit::Limiter;
use tollgate::rate_limit::store::Store;

static METRICS: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// The process's metrics, collected from the first call on. `None` where somebody else collects them.
fn metrics() -> Option<&'static PrometheusHandle> {
    METRICS.get_or_init(|| PrometheusBuilder::new().install_recorder().ok()).as_ref()
}

/// How often samples are drained into their histograms.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts collecting metrics; needs a runtime, which also keeps them small.
pub fn collect() {
    if let Some(metrics) = metrics() {
        tokio::spawn(async {
            loop {
                tokio::time::sleep(UPKEEP).await;
                metrics.run_upkeep();
            }
        });
    }
}

/// Serves the page at `/`, Prometheus text at `/metrics`, who is limited at `/limits` (JSON), and `ok` at `/healthz`. The
/// ages of the resolver's lists are among the metrics.
///
/// # Errors
///
/// The listener failed.
pub async fn serve<S: Store>(
    listener: TcpListener,
    resolver: Resolver,
    limiter: Arc<Limiter<S>>,
) -> io::Result<()> {
    let clock = SystemClock::new();
    let text = move || {
        resolver.record_ages(clock.wall());
        let text = metrics().map(PrometheusHandle::render).unwrap_or_default();
        async { ([(CONTENT_TYPE, "text/plain; version=0.0.4"), (CACHE_CONTROL, "no-store")], text) }
    };
    let router = Router::new()
        .route("/", get(|| async { Html(include_str!("admin.html")) }))
        .route("/metrics", get(text))
        .route("/limits", get(move |headers: HeaderMap| async move { limited(&headers, &limiter) }))
        .route("/healthz", get(|| async { "ok\n" }));
    axum::serve(listener, router).await
}

/// Addresses of people, which are for whoever may see the log. A web page that rebinds its own name to this host's address
/// gets here too, but shows that name.
fn limited<S: Store>(headers: &HeaderMap, limiter: &Limiter<S>) -> Response {
    let host = headers.get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let by_address = host.is_some_and(|host| {
        let name = host.host().trim_start_matches('[').trim_end_matches(']');
        name.parse::<IpAddr>().is_ok() || name.eq_ignore_ascii_case("localhost")
    });
    if by_address {
        ([(CACHE_CONTROL, "no-store")], Json(limits(limiter))).into_response()
    } else {
        let remedy = "who is limited is told to those who call this page by its address or as localhost\n";
        (StatusCode::FORBIDDEN, remedy).into_response()
    }
}

/// How many clients are shown of each limit.
const TOP: usize = 20;

fn limits<S: Store>(limiter: &Limiter<S>) -> Value {
    let snapshot = limiter.snapshot(TOP);
    let limits = snapshot.limits.into_iter().map(|limit| {
        let top = limit.top.iter().map(|talker| {
            json!({
                "client_ip": talker.client.to_string(),
                "remaining": talker.left.remaining,
                "wait_s": talker.left.wait.as_secs_f64(),
            })
        });
        json!({
            "name": limit.name,
            "quota": limit.quota.to_string(),
            "mode": format!("{:?}", limit.mode).to_lowercase(),
            "clients": limit.clients,
            "limited": limit.limited,
            "top": top.collect::<Vec<_>>(),
        })
    });
    json!({ "limits": limits.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tollgate::core::ClientIp;
    use tollgate::rate_limit::{Limit, Quota};

    use super::*;

    #[test]
    fn who_is_limited_is_told_to_those_who_name_no_other_host() {
        let limiter =
            Limiter::new([Limit::new("a", Quota::requests(1).per(Duration::from_secs(60)))]).unwrap();
        let status = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            limited(&headers, &limiter).status()
        };
        for host in ["127.0.0.1:8081", "[::1]:8081", "localhost", "10.0.0.5:8081"] {
            assert_eq!(status(host), StatusCode::OK, "{host}");
        }
        for host in ["evil.example:8081", "localhost.evil.example", ""] {
            assert_eq!(status(host), StatusCode::FORBIDDEN, "{host}");
        }
        assert_eq!(limited(&HeaderMap::new(), &limiter).status(), StatusCode::FORBIDDEN);
    }

    #[test]
    fn a_limited_client_is_shown_with_its_wait() {
        let limiter =
            Limiter::new([Limit::new("a", Quota::requests(1).per(Duration::from_secs(60)))]).unwrap();
        let client = ClientIp::asserted([203, 0, 113, 7].into());
        for _ in 0..2 {
            let _ = limiter.check(client, &(&http::Request::new(())).into());
        }
        let shown = limits(&limiter);
        let limit = &shown["limits"][0];
        assert_eq!((&limit["clients"], &limit["limited"]), (&json!(1), &json!(1)));
        assert_eq!(limit["top"][0]["client_ip"], "203.0.113.7");
        assert!(limit["top"][0]["wait_s"].as_f64().is_some_and(|wait| wait > 59.0), "{shown}");
    }
}
