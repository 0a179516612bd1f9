//! The admin page: what the gateway counted.

use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Html;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tollgate::client_ip::Resolver;
use tollgate::core::{Clock, SystemClock};

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

/// Serves the page at `/`, Prometheus text at `/metrics`, and `ok` at `/healthz`. The ages of the resolver's lists are
/// among the metrics.
///
/// # Errors
///
/// The listener failed.
pub async fn serve(listener: TcpListener, resolver: Resolver) -> io::Result<()> {
    let clock = SystemClock::new();
    let text = move || {
        resolver.record_ages(clock.wall());
        let text = metrics().map(PrometheusHandle::render).unwrap_or_default();
        async { ([(CONTENT_TYPE, "text/plain; version=0.0.4"), (CACHE_CONTROL, "no-store")], text) }
    };
    let router = Router::new()
        .route("/", get(|| async { Html(include_str!("admin.html")) }))
        .route("/metrics", get(text))
        .route("/healthz", get(|| async { "ok\n" }));
    axum::serve(listener, router).await
}
