//! Whole layers around a service that answers at once, and the same service bare.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum_governor::PeerIp;
use governor::clock::QuantaInstant;
use governor::middleware::{NoOpMiddleware, RateLimitingMiddleware};
use http::{Request, Response, StatusCode};
use tollgate_benches::{Allocations, AtOnce, Contender, allocations};
use tollgate_core::ClientIp;
use tollgate_rate_limit::{HeadersOn, IpRateLimitLayer, Limit, Quota};
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::PeerIpKeyExtractor;
use tower_layer::Layer;
use tower_service::Service;

use crate::rivals::WIDE;

const PEER: ([u8; 4], u16) = ([203, 0, 113, 7], 50_000);
const DAY: Duration = Duration::from_secs(86_400);

/// The names, in the order of [`contenders`].
pub(crate) const BARE: &str = "bare";
pub(crate) const OURS: &str = "ours, allowed";
pub(crate) const OURS_HEADERS: &str = "ours, allowed, headers";
pub(crate) const OURS_REFUSED: &str = "ours, refused";
pub(crate) const THEIRS: &str = "tower_governor, allowed";
pub(crate) const THEIRS_HEADERS: &str = "tower_governor, allowed, headers";
pub(crate) const THEIRS_REFUSED: &str = "tower_governor, refused";
pub(crate) const THEIRS_REFUSED_HEADERS: &str = "tower_governor, refused, headers";
pub(crate) const AXUM_HEADERS: &str = "axum-governor, allowed, headers";
pub(crate) const AXUM_REFUSED_HEADERS: &str = "axum-governor, refused, headers";

/// The bare service first. Making the request is not timed, dropping it is; all get the same one, with what ours and
/// what theirs reads. Our refusals always tell of the limit that refuses, and axum-governor always writes headers.
pub(crate) fn contenders() -> Vec<Contender<'static>> {
    let (ok, refused) = (StatusCode::OK, StatusCode::TOO_MANY_REQUESTS);
    vec![
        contender(BARE, ok, AtOnce),
        contender(OURS, ok, wide(HeadersOn::Never).layer(AtOnce)),
        contender(THEIRS, ok, governed(open())),
        contender(OURS_HEADERS, ok, wide(HeadersOn::Always).layer(AtOnce)),
        contender(THEIRS_HEADERS, ok, governed(open().use_headers())),
        contender(AXUM_HEADERS, ok, axum_governed(open_quota())),
        contender(OURS_REFUSED, refused, narrow().layer(AtOnce)),
        contender(THEIRS_REFUSED, refused, governed(closed())),
        contender(THEIRS_REFUSED_HEADERS, refused, governed(closed().use_headers())),
        contender(AXUM_REFUSED_HEADERS, refused, axum_governed(closed_quota())),
    ]
}

pub(crate) fn wide(on: HeadersOn) -> IpRateLimitLayer {
    IpRateLimitLayer::new([Limit::new("wide", WIDE).with_headers(on)]).unwrap()
}

/// One request a day.
pub(crate) fn narrow() -> IpRateLimitLayer {
    IpRateLimitLayer::new([Limit::new("narrow", Quota::requests(1).per(DAY))]).unwrap()
}

/// tower_governor by the peer's address, with headers where its configuration says so.
fn governed<M>(mut config: GovernorConfigBuilder<PeerIpKeyExtractor, M>) -> impl Answers
where
    M: RateLimitingMiddleware<QuantaInstant> + 'static,
    GovernorLayer<PeerIpKeyExtractor, M, Body>: Layer<AtOnce, Service: Answers>,
{
    GovernorLayer::new(config.finish().unwrap()).layer(AtOnce)
}

fn open() -> GovernorConfigBuilder<PeerIpKeyExtractor, NoOpMiddleware<QuantaInstant>> {
    let mut config = GovernorConfigBuilder::default();
    config.per_nanosecond(1).burst_size(u32::MAX);
    config
}

/// One request a day.
fn closed() -> GovernorConfigBuilder<PeerIpKeyExtractor, NoOpMiddleware<QuantaInstant>> {
    let mut config = GovernorConfigBuilder::default();
    config.per_second(DAY.as_secs()).burst_size(1);
    config
}

/// axum-governor by the peer's address. It needs no router, only a service that answers with axum's body.
pub(crate) fn axum_governed(quota: governor::Quota) -> impl Answers {
    let config = axum_governor::GovernorConfigBuilder::default()
        .with_extractor(PeerIp::default())
        .expect_connect_info()
        .quota_default(quota.into())
        .finish()
        .unwrap();
    axum_governor::GovernorLayer::new(config).layer(AtOnce)
}

/// What tower_governor's [`open`] says.
pub(crate) fn open_quota() -> governor::Quota {
    governor::Quota::with_period(Duration::from_nanos(1)).unwrap().allow_burst(NonZeroU32::MAX)
}

/// One request a day.
pub(crate) fn closed_quota() -> governor::Quota {
    governor::Quota::with_period(DAY).unwrap()
}

/// What all these services are.
pub(crate) trait Answers: Service<Request<Body>, Response: HasStatus, Error = Infallible> {}

impl<S: Service<Request<Body>, Response: HasStatus, Error = Infallible>> Answers for S {}

/// A response of whatever body.
pub(crate) trait HasStatus {
    fn status(&self) -> StatusCode;
}

impl<B> HasStatus for Response<B> {
    fn status(&self) -> StatusCode {
        Response::status(self)
    }
}

/// The service, which answers everything but perhaps its first request so.
fn contender<'a>(name: &'static str, status: StatusCode, mut service: impl Answers + 'a) -> Contender<'a> {
    answer(&mut service, request());
    assert_eq!(answer(&mut service, request()).status(), status, "{name}");
    Contender::with_setup(name, request, move |request| answer(&mut service, request))
}

/// The request as it comes from the server and from the layers in front.
fn request() -> Request<Body> {
    let mut request = Request::new(Body::empty());
    request.extensions_mut().insert(ConnectInfo::<SocketAddr>(PEER.into()));
    request.extensions_mut().insert(ClientIp::asserted(PEER.0.into()));
    request
}

fn answer<S: Answers>(service: &mut S, request: Request<Body>) -> S::Response {
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_ready());
    match pin!(service.call(request)).poll(&mut context) {
        Poll::Ready(Ok(response)) => response,
        Poll::Ready(Err(never)) => match never {},
        Poll::Pending => unreachable!("nothing waits here"),
    }
}

/// What a later request allocates, itself not counted. The answer is dropped within the count, as it frees only.
pub(crate) fn allocations_of(mut service: impl Answers) -> Allocations {
    answer(&mut service, request());
    let asked = request();
    allocations(|| answer(&mut service, asked))
}

/// What a refusal of tower_governor's allocates.
pub(crate) fn allocations_of_their_refusal() -> Allocations {
    allocations_of(governed(closed()))
}
