//! The layer around a service.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use tollgate_core::{Body, FakeClock, Origin, RefusalKind};
use tollgate_rate_limit::{IpRateLimit, IpRateLimitLayer, Limit, Limiter, Mode, Quota};
use tower::{Layer, Service, ServiceExt};

use crate::{MINUTE, client};

/// Panics when a clone is called that was not made ready; cloning loses readiness.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    is_ready: bool,
}

impl Clone for Probe {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Service<Request<()>> for Probe {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called without being ready");
        ready(Ok(Response::new(Full::new(Bytes::from_static(b"passed")))))
    }
}

fn layer() -> IpRateLimitLayer {
    let limit = Limit::new("per-minute", Quota::requests(2).per(MINUTE));
    Limiter::new([limit]).unwrap().with_clock(Arc::new(FakeClock::new())).into()
}

pub(crate) fn request(origin: impl Clone + Send + Sync + 'static) -> Request<()> {
    let mut request = Request::new(());
    request.extensions_mut().insert(origin);
    request
}

async fn ask(service: &IpRateLimit<Probe>, request: Request<()>) -> Response<Body<Full<Bytes>>> {
    service.clone().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn the_third_of_two_is_answered_with_when_and_which() {
    let service = layer().layer(Probe::default());
    for _ in 0..2 {
        let response = ask(&service, request(client("203.0.113.7"))).await;
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "passed");
    }
    let response = ask(&service, request(client("203.0.113.7"))).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "30");
    assert_eq!(response.headers()["tollgate-refusal"], "rate_limited");
    assert_eq!(response.extensions().get(), Some(&RefusalKind::RateLimited));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(
        body,
        "{\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\",\
         \"title\":\"Request cannot be satisfied as assigned quota has been exceeded\",\"status\":429,\
         \"detail\":\"limit per-minute (2 requests a 60 s) is used up; ask again in 30 s\",\
         \"violated-policies\":[\"per-minute\"]}"
    );
}

#[tokio::test]
async fn a_grpc_caller_is_told_resource_exhausted() {
    let service = layer().layer(Probe::default());
    for code in [None, None, Some("8")] {
        let mut request = request(client("203.0.113.7"));
        let content_type = "application/grpc".parse().unwrap();
        request.headers_mut().insert("content-type", content_type);
        let response = ask(&service, request).await;
        let status = response.headers().get("grpc-status");
        assert_eq!(status.map(|status| status.to_str().unwrap()), code);
        assert_eq!(response.body().is_end_stream(), code.is_some());
    }
}

#[tokio::test]
async fn services_of_one_layer_count_together() {
    let layer = layer();
    let services = [layer.layer(Probe::default()), layer.clone().layer(Probe::default())];
    let mut statuses = Vec::new();
    for service in [&services[0], &services[1], &services[0]] {
        statuses.push(ask(service, request(client("203.0.113.7"))).await.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 429]);
    assert!(!layer.limiter().check(client("203.0.113.7"), &(&Request::new(())).into()).is_pass());
}

#[tokio::test]
async fn a_request_without_a_client_ip_is_refused() {
    let service = layer().layer(Probe::default());
    for request in [Request::new(()), request(Origin::System), request(Origin::Undetermined)] {
        let response = ask(&service, request).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.extensions().get(), Some(&RefusalKind::ClientIpMissing));
    }
}

#[tokio::test]
async fn a_request_without_a_client_ip_passes_where_insecure_says_so() {
    let service = layer().insecure_pass_without_client_ip().layer(Probe::default());
    for _ in 0..10 {
        assert_eq!(ask(&service, Request::new(())).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_request_that_no_enforced_limit_applies_to_needs_no_client_ip() {
    let quota = Quota::requests(1).per(MINUTE);
    let limits = [
        Limit::new("watched", quota).with_mode(Mode::Monitor),
        Limit::new("sign-up", quota).only(|request| request.uri.path() == "/sign-up"),
    ];
    let service = IpRateLimitLayer::new(limits).unwrap().layer(Probe::default());
    let ask = async |path: &str| ask(&service, Request::get(path).body(()).unwrap()).await.status();
    assert_eq!(ask("/health").await, StatusCode::OK);
    assert_eq!(ask("/sign-up").await, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn the_client_of_the_ambient_scope_is_limited_too() {
    let service = layer().layer(Probe::default());
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let response = client("203.0.113.7").scope(ask(&service, Request::new(())));
        statuses.push(response.await.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 429]);
}

#[tokio::test]
async fn no_header_makes_another_client_of_it() {
    let service = layer().layer(Probe::default());
    let mut statuses = Vec::new();
    for n in 0..3 {
        let mut request = request(client("203.0.113.7"));
        for name in ["x-forwarded-for", "x-real-ip", "cf-connecting-ip"] {
            request.headers_mut().insert(name, format!("192.0.2.{n}").parse().unwrap());
        }
        statuses.push(ask(&service, request).await.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 429]);
}

#[tokio::test]
async fn the_readied_service_is_the_one_called_also_after_a_refusal() {
    let mut service = layer().layer(Probe::default());
    for _ in 0..5 {
        let response = service.ready().await.unwrap().call(request(client("203.0.113.7")));
        response.await.unwrap();
    }
}

#[tokio::test]
async fn a_refused_request_does_not_reach_the_inner_service() {
    let mut service = layer().layer(Probe::default());
    for _ in 0..2 {
        ask(&service, request(client("203.0.113.7"))).await;
    }
    service.ready().await.unwrap().call(request(client("203.0.113.7"))).await.unwrap();
    assert!(service.get_ref().is_ready);
}

#[test]
fn everything_is_clone_send_sync_and_static() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    fn sent<T: Send + Sync + 'static>(_: &T) {}
    shared(&layer());
    let mut service = layer().layer(Probe { is_ready: true });
    shared(&service);
    sent(&service.call(request(client("203.0.113.7"))));
}
