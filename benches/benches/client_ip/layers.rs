//! Whole layers around a service that answers at once, and the same service bare.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, Response};
use tollgate_benches::{Allocations, AtOnce, Contender, allocations};
use tollgate_client_ip::{Resolution, TrustedClientIpLayer};
use tollgate_core::{ClientIp, Peer};
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::SmartIpKeyExtractor;
use tower_layer::Layer;
use tower_real_ip::{RealIpLayer, TrustedProxyConfig};
use tower_service::Service;

use crate::cases::{Header, Scene, Visit};
use crate::rivals::resolver;

/// How the server says who is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Our own [`Peer`].
    Peer,
    /// axum's `ConnectInfo<SocketAddr>`.
    ConnectInfo,
}

/// The contenders in the order of [`layers`], each with the one to subtract.
pub(crate) const BARE: [usize; 6] = [0, 0, 2, 2, 2, 2];

/// Ours and theirs, and before each kind of request the bare service. Making the request is not timed, dropping it is.
pub(crate) fn layers(scene: &Scene) -> Vec<Contender<'_>> {
    let visit = &scene.visits[0];
    let ours = TrustedClientIpLayer::new(resolver(Header::XForwardedFor, scene));
    let real_ip = RealIpLayer::new(TrustedProxyConfig::parse_str(&scene.trusted.join(";")).unwrap());
    vec![
        contender("bare, with Peer", visit, Told::Peer, AtOnce),
        contender("ours, with Peer", visit, Told::Peer, ours.layer(AtOnce)),
        contender("bare, with ConnectInfo", visit, Told::ConnectInfo, AtOnce),
        contender("ours, with ConnectInfo", visit, Told::ConnectInfo, ours.layer(AtOnce)),
        contender("tower-real-ip", visit, Told::ConnectInfo, real_ip.layer(AtOnce)),
        contender("tower_governor (and limits)", visit, Told::ConnectInfo, governed()),
    ]
}

/// tower_governor finds the client in order to limit it, so its figure holds a limiter too, which never says no here.
fn governed() -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible> {
    let config = GovernorConfigBuilder::default()
        .per_nanosecond(1)
        .burst_size(u32::MAX)
        .key_extractor(SmartIpKeyExtractor)
        .finish()
        .unwrap();
    GovernorLayer::new(config).layer(AtOnce)
}

fn contender<'a, S>(name: &'static str, visit: &'a Visit, told: Told, mut service: S) -> Contender<'a>
where
    S: Service<Request<Body>, Error = Infallible> + 'a,
{
    let setup = move || request(visit, told);
    Contender::with_setup(name, setup, move |request| answer(&mut service, request))
}

/// The visit's request as it comes from the server.
fn request(visit: &Visit, told: Told) -> Request<Body> {
    let mut request = visit.request.clone().map(|()| Body::empty());
    match told {
        Told::Peer => drop(request.extensions_mut().insert(Peer::Tcp(visit.peer))),
        Told::ConnectInfo => drop(request.extensions_mut().insert(ConnectInfo::<SocketAddr>(visit.peer))),
    }
    request
}

fn answer<S>(service: &mut S, request: Request<Body>) -> S::Response
where
    S: Service<Request<Body>, Error = Infallible>,
{
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_ready());
    match pin!(service.call(request)).poll(&mut context) {
        Poll::Ready(Ok(response)) => response,
        Poll::Ready(Err(never)) => match never {},
        Poll::Pending => unreachable!("nothing waits here"),
    }
}

/// What our layer allocates for a request, and what putting its two entries into the extensions does by itself.
pub(crate) fn layer_allocations(scene: &Scene) -> (Allocations, Allocations) {
    let visit = &scene.visits[0];
    let mut service = TrustedClientIpLayer::new(resolver(Header::XForwardedFor, scene)).layer(AtOnce);
    let asked = request(visit, Told::Peer);
    let layer = allocations(|| answer(&mut service, asked));

    let resolution: Resolution =
        resolver(Header::XForwardedFor, scene).resolve(Some(Peer::Tcp(visit.peer)), visit.request.headers());
    let client: ClientIp = resolution.client_ip().unwrap();
    let mut asked = request(visit, Told::Peer);
    let entries = allocations(|| {
        asked.extensions_mut().insert(client);
        asked.extensions_mut().insert(resolution);
    });
    (layer, entries)
}
