//! The admin page: what the gateway counted.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Html;
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tollgate::client_ip::Resolver;
use tollgate::core::{Clock, SystemClock};
use tollgate::rate_limit::Limiter;

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
pub async fn serve(listener: TcpListener, resolver: Resolver, limiter: Arc<Limiter>) -> io::Result<()> {
    let clock = SystemClock::new();
    let text = move || {
        resolver.record_ages(clock.wall());
        let text = metrics().map(PrometheusHandle::render).unwrap_or_default();
        async { ([(CONTENT_TYPE, "text/plain; version=0.0.4"), (CACHE_CONTROL, "no-store")], text) }
    };
    let router = Router::new()
        .route("/", get(|| async { Html(include_str!("admin.html")) }))
        .route("/metrics", get(text))
        .route("/limits", get(move || async move { ([(CACHE_CONTROL, "no-store")], Json(limits(&limiter))) }))
        .route("/healthz", get(|| async { "ok\n" }));
    axum::serve(listener, router).await
}

/// How many clients are shown of each limit.
const TOP: usize = 20;

fn limits(limiter: &Limiter) -> Value {
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
