//! What the layer does around an inner service.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Extensions, Request, Response};
use http_body_util::{BodyExt, Full};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tollgate_client_ip::{
    Outcome, Resolution, Resolver, Rule, Strategy, TrustedClientIp, TrustedClientIpLayer,
};
use tollgate_core::{Body, ClientIp, Origin, Peer, Provenance, RefusalFormat, RefusalKind};
use tower::{Layer, Service, ServiceExt, service_fn};

/// What the inner service saw.
#[derive(Clone, Debug)]
struct Seen {
    extensions: Extensions,
    in_call: Option<Origin>,
    across_awaits: Option<Origin>,
}

/// Answers with what it saw, in the response's extensions.
async fn watch<B>(
    layer: &TrustedClientIpLayer,
    request: Request<B>,
) -> (Response<Body<Full<Bytes>>>, Option<Seen>) {
    let app = layer.layer(service_fn(|request: Request<B>| {
        let in_call = Origin::current();
        async move {
            tokio::task::yield_now().await;
            let mut response = Response::new(Full::new(Bytes::from_static(b"app")));
            response.extensions_mut().insert(Seen {
                extensions: request.extensions().clone(),
                in_call,
                across_awaits: Origin::current(),
            });
            Ok::<_, Infallible>(response)
        }
    }));
    let response = app.oneshot(request).await.unwrap();
    let seen = response.extensions().get::<Seen>().cloned();
    (response, seen)
}

fn behind_proxy() -> TrustedClientIpLayer {
    let rule = Rule::new(["10.0.0.0/8"], "X-Forwarded-For", Strategy::Ranges).unwrap();
    TrustedClientIpLayer::new(Resolver::new().with_rule(rule))
}

fn request(peer: Option<&str>, header: Option<&str>) -> Request<()> {
    let mut request = Request::new(());
    if let Some(peer) = peer {
        let addr = SocketAddr::new(peer.parse().unwrap(), 50_000);
        request.extensions_mut().insert(Peer::Tcp(addr));
    }
    if let Some(header) = header {
        request.headers_mut().insert("x-forwarded-for", header.parse().unwrap());
    }
    request
}

fn client(text: &str) -> ClientIp {
    ClientIp::asserted(text.parse().unwrap())
}

#[tokio::test]
async fn the_client_is_in_the_extensions_and_in_scope_in_call_and_across_awaits() {
    let (response, seen) =
        watch(&behind_proxy(), request(Some("10.0.0.1"), Some("203.0.113.7, 10.0.0.9"))).await;
    let seen = seen.unwrap();
    let expected = Some(Origin::Client(client("203.0.113.7")));
    assert_eq!(seen.in_call, expected);
    assert_eq!(seen.across_awaits, expected);
    assert_eq!(Origin::of(&seen.extensions), expected);
    let found = seen.extensions.get::<ClientIp>().unwrap();
    assert_eq!(found.provenance(), Provenance::Header);
    let resolution = seen.extensions.get::<Resolution>().unwrap();
    assert_eq!((resolution.rule(), resolution.hops_skipped()), (Some(0), 1));
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "app");
    assert_eq!(Origin::current(), None);
}

#[tokio::test]
async fn what_was_said_of_the_client_before_is_replaced() {
    for said in [Origin::System, Origin::Undetermined, Origin::Client(client("198.51.100.66"))] {
        let mut request = request(Some("10.0.0.1"), Some("203.0.113.7"));
        request.extensions_mut().insert(said);
        request.extensions_mut().insert(client("198.51.100.66"));
        let (_, seen) = watch(&behind_proxy(), request).await;
        let extensions = seen.unwrap().extensions;
        assert_eq!(extensions.get::<ClientIp>(), Some(&client("203.0.113.7")));
        assert_eq!(extensions.get::<Origin>(), None);
    }
}

#[tokio::test]
async fn a_header_from_an_untrusted_peer_changes_nothing() {
    for header in [None, Some("198.51.100.66"), Some("garbage"), Some("10.0.0.1")] {
        let (_, seen) = watch(&behind_proxy(), request(Some("203.0.113.7"), header)).await;
        let seen = seen.unwrap();
        assert_eq!(seen.across_awaits, Some(Origin::Client(client("203.0.113.7"))));
        assert_eq!(seen.extensions.get::<ClientIp>().map(ClientIp::provenance), Some(Provenance::Peer));
    }
}

#[tokio::test]
async fn an_undetermined_client_is_refused_by_default() {
    let request = request(Some("10.0.0.1"), Some("203.0.113.7, gar\"bage"));
    let (response, seen) = watch(&behind_proxy(), request).await;
    assert!(seen.is_none());
    assert_eq!(response.status(), 400);
    assert_eq!(response.headers()["tollgate-refusal"], "client_ip_undetermined");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.extensions().get(), Some(&RefusalKind::ClientIpUndetermined));
    let reason = response.extensions().get::<Resolution>().unwrap().reason().cloned();
    assert_eq!(reason.unwrap().as_str(), "malformed_entry");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body = std::str::from_utf8(&body).unwrap();
    assert!(body.contains("entry 0 from the right"), "{body}");
    // What a proxy may have written is none of the client's business.
    assert!(!body.contains("bage"), "{body}");
    assert!(body.ends_with(",\"reasons\":[\"malformed_entry\"]}"), "{body}");
}

#[tokio::test]
async fn a_refusal_takes_the_form_it_was_given_or_the_callers() {
    let mut grpc = request(None, None);
    grpc.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    let (response, _) = watch(&behind_proxy(), grpc.clone()).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["grpc-status"]),
        (200, &"3".parse().unwrap())
    );
    let layer = behind_proxy().with_refusal_format(RefusalFormat::problem_json());
    assert_eq!(watch(&layer, grpc).await.0.status(), 400);
}

#[tokio::test]
async fn pass_without_removes_what_was_there_and_hides_the_outer_scope() {
    let layer = behind_proxy().pass_without();
    for (peer, header) in
        [(Some("10.0.0.1"), Some("garbage")), (Some("10.0.0.1"), None), (None, Some("203.0.113.7"))]
    {
        let mut request = request(peer, header);
        request.extensions_mut().insert(client("198.51.100.66"));
        let (response, seen) = client("198.51.100.66").scope(watch(&layer, request)).await;
        assert_eq!(response.status(), 200);
        let seen = seen.unwrap();
        assert_eq!(seen.extensions.get::<ClientIp>(), None);
        assert_eq!(seen.extensions.get::<Origin>(), Some(&Origin::Undetermined));
        assert_eq!(seen.in_call, Some(Origin::Undetermined));
        assert_eq!(seen.across_awaits, Some(Origin::Undetermined));
        assert!(seen.extensions.get::<Resolution>().unwrap().reason().is_some());
    }
}

#[tokio::test]
async fn insecure_use_peer_takes_the_peer_and_still_says_that_the_client_was_undetermined() {
    let layer = behind_proxy().insecure_use_peer();
    let (_, seen) = watch(&layer, request(Some("10.0.0.1"), Some("garbage"))).await;
    let extensions = seen.unwrap().extensions;
    assert_eq!(extensions.get::<ClientIp>(), Some(&client("10.0.0.1")));
    let resolution = extensions.get::<Resolution>().unwrap();
    assert!(matches!(resolution.outcome(), Outcome::Undetermined(_)));
    // There is no peer's address to use.
    assert_eq!(watch(&layer, request(None, None)).await.0.status(), 400);
    assert_eq!(watch(&layer, request(Some("0.0.0.0"), None)).await.0.status(), 400);
    let mut unix = request(None, None);
    unix.extensions_mut().insert(Peer::Unix);
    assert_eq!(watch(&layer, unix).await.0.status(), 400);
    let rule = Rule::proxy_protocol(["10.0.0.0/8"]).unwrap();
    let layer = TrustedClientIpLayer::new(Resolver::new().with_rule(rule)).insecure_use_peer();
    let mut nowhere = request(None, None);
    let source = tollgate_core::ProxySource::Client(([224, 0, 0, 1], 1).into());
    nowhere.extensions_mut().insert(Peer::Proxied { source, by: Some(([10, 0, 0, 1], 1).into()) });
    assert_eq!(watch(&layer, nowhere).await.0.status(), 400);
}

/// Panics when it is called without having been ready: a clone never is.
struct Probe {
    ready: bool,
}

impl Clone for Probe {
    fn clone(&self) -> Self {
        Self { ready: false }
    }
}

impl Service<Request<()>> for Probe {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without having been ready");
        ready(Ok(Response::new(Full::default())))
    }
}

#[tokio::test]
async fn the_service_that_was_ready_is_the_one_that_is_called() {
    let mut service = behind_proxy().layer(Probe { ready: false });
    for _ in 0..2 {
        let response = service.ready().await.unwrap().call(request(Some("192.0.2.1"), None)).await;
        assert_eq!(response.unwrap().status(), 200);
    }
    // A refusal leaves the inner service ready; the next request makes sure of it again.
    let refused = service.ready().await.unwrap().call(request(None, None)).await;
    assert_eq!(refused.unwrap().status(), 400);
    assert!(service.get_ref().ready);
}

#[test]
fn everything_can_be_shared_between_threads() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    fn sent<T: Send + 'static>() {}
    shared::<TrustedClientIpLayer>();
    shared::<TrustedClientIp<Probe>>();
    shared::<Resolver>();
    shared::<Resolution>();
    sent::<tollgate_client_ip::ResponseFuture<Ready<Result<Response<Full<Bytes>>, Infallible>>>>();
}

#[test]
fn every_resolution_and_every_suspected_spoof_is_counted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        for (peer, header) in [
            (Some("10.0.0.1"), Some("203.0.113.7")),
            (Some("10.0.0.1"), None),
            (Some("192.0.2.1"), None),
            (Some("192.0.2.1"), Some("198.51.100.66")),
        ] {
            runtime.block_on(watch(&behind_proxy(), request(peer, header)));
        }
    });
    let mut counters: Vec<String> = snapshotter
        .snapshot()
        .into_vec()
        .into_iter()
        .map(|(key, _, _, value)| {
            let labels: Vec<_> = key.key().labels().map(|label| label.value().to_owned()).collect();
            let DebugValue::Counter(value) = value else { panic!("not a counter") };
            format!("{} {} {value}", key.key().name(), labels.join(" "))
        })
        .collect();
    counters.sort();
    assert_eq!(
        counters,
        [
            "tollgate_client_ip_resolved_total client none 1",
            "tollgate_client_ip_resolved_total direct_peer none 2",
            "tollgate_client_ip_resolved_total undetermined header_missing 1",
            "tollgate_client_ip_spoof_suspected_total untrusted_peer 1",
        ]
    );
}

#[tokio::test]
async fn any_request_body_passes_untouched() {
    struct Opaque(&'static str);
    let app = behind_proxy().layer(service_fn(|request: Request<Opaque>| async move {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(request.into_body().0.as_bytes()))))
    }));
    let request = request(Some("192.0.2.1"), None).map(|()| Opaque("as it was"));
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "as it was");
}
