//! Whole layers around a service that answers at once, and the same service bare.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, Response};
use tollgate_benches::{Allocations, Contender, Effort, Table, allocations, nanoseconds, race};
use tollgate_core::ClientIp;
use tollgate_rate_limit::{HeadersOn, IpRateLimitLayer, Limit, Quota};
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::PeerIpKeyExtractor;
use tower_layer::Layer;
use tower_service::Service;

use crate::Targets;

const PEER: ([u8; 4], u16) = ([203, 0, 113, 7], 50_000);

#[derive(Clone, Copy, Debug)]
struct AtOnce;

impl Service<Request<Body>> for AtOnce {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        ready(Ok(Response::new(Body::empty())))
    }
}

fn request() -> Request<Body> {
    let mut request = Request::new(Body::empty());
    request.extensions_mut().insert(ConnectInfo::<SocketAddr>(PEER.into()));
    request.extensions_mut().insert(ClientIp::asserted(PEER.0.into()));
    request
}

fn answer<S: Service<Request<Body>, Error = Infallible>>(
    service: &mut S,
    request: Request<Body>,
) -> S::Response {
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_ready());
    match pin!(service.call(request)).poll(&mut context) {
        Poll::Ready(Ok(response)) => response,
        Poll::Ready(Err(never)) => match never {},
        Poll::Pending => unreachable!("nothing waits here"),
    }
}

fn contender<'a, S, B>(name: &'static str, mut service: S) -> Contender<'a>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + 'a,
{
    Contender::with_setup(name, request, move |request| answer(&mut service, request))
}

fn wide(on: HeadersOn) -> IpRateLimitLayer {
    let quota = Quota::requests(62_500).per(Duration::from_secs(1)).burst(u32::MAX);
    IpRateLimitLayer::new([Limit::new("wide", quota).with_headers(on)]).unwrap()
}

/// Used up.
fn narrow() -> IpRateLimitLayer {
    let quota = Quota::requests(1).per(Duration::from_secs(86_400));
    let layer = IpRateLimitLayer::new([Limit::new("narrow", quota)]).unwrap();
    answer(&mut layer.layer(AtOnce), request());
    layer
}

pub(crate) fn print(targets: &mut Targets, effort: Effort) {
    let open = || {
        let mut config = GovernorConfigBuilder::default();
        config.per_nanosecond(1).burst_size(u32::MAX);
        config.key_extractor(PeerIpKeyExtractor)
    };
    let closed = || {
        let mut config = GovernorConfigBuilder::default();
        config.per_second(86_400).burst_size(1);
        let mut service =
            GovernorLayer::new(config.key_extractor(PeerIpKeyExtractor).finish().unwrap()).layer(AtOnce);
        answer(&mut service, request());
        service
    };
    let mut contenders = vec![
        contender("bare", AtOnce),
        contender("ours, allowed", wide(HeadersOn::Never).layer(AtOnce)),
        contender("tower_governor, allowed", GovernorLayer::new(open().finish().unwrap()).layer(AtOnce)),
        contender("ours, allowed, headers", wide(HeadersOn::Always).layer(AtOnce)),
        contender(
            "tower_governor, allowed, headers",
            GovernorLayer::new(open().use_headers().finish().unwrap()).layer(AtOnce),
        ),
        contender("ours, refused", narrow().layer(AtOnce)),
        contender("tower_governor, refused", closed()),
    ];
    let laps = race(&mut contenders, effort);
    println!("The whole layer, one key, in ns a request\n");
    let mut table = Table::new(["", "ns", "5 %", "99 %", "over bare"]);
    for lap in &laps {
        let figures = [0.5, 0.05, 0.99].map(|share| nanoseconds(lap.quantile(share)));
        table
            .row([lap.name().to_owned()].into_iter().chain(figures).chain([nanoseconds(lap.over(&laps[0]))]));
    }
    println!("{table}");
    let over = |index: usize| laps[index].over(&laps[0]);
    targets.at_most("layer over bare over tower_governor's, allowed", 0.7, over(1) / over(2));
    targets.at_most("the same with headers", 0.5, over(3) / over(4));
    targets.at_most("the same refused", 0.1, over(5) / over(6));

    let count = |layer: IpRateLimitLayer| -> Allocations {
        let (mut service, asked) = (layer.layer(AtOnce), request());
        allocations(move || answer(&mut service, asked))
    };
    let bare = allocations(|| answer(&mut AtOnce, request())).calls;
    let (allowed, refused) = (count(wide(HeadersOn::Never)), count(narrow()));
    println!("A refusal allocates {} times, {} bytes.", refused.calls, refused.bytes);
    targets.at_most("allocations allowed, without headers", 0.0, allowed.calls.saturating_sub(bare) as f64);
}
