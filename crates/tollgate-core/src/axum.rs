//! What the orphan rule keeps other crates from writing.

use std::convert::Infallible;

use axum::body::Body as AxumBody;
use axum::extract::connect_info::Connected;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use http::HeaderMap;
use http::request::Parts;

use crate::{ClientIp, Origin, Peer, Refusal, RefusalFormat, RefusalKind};

/// Rejects (500, with the remedy) where no resolver ran: a route without `TrustedClientIp` in front of it.
impl<S: Sync> FromRequestParts<S> for ClientIp {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        match Origin::of(&parts.extensions) {
            Some(Origin::Client(client)) => Ok(client),
            Some(_) => Err(Refusal::new(RefusalKind::ClientIpUndetermined, "this request has no client IP")),
            None => Err(Refusal::new(
                RefusalKind::ClientIpMissing,
                "no client IP was resolved: put TrustedClientIpLayer in front of this route",
            )),
        }
    }
}

/// `None` where the client IP is not known; never rejects.
impl<S: Sync> OptionalFromRequestParts<S> for ClientIp {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Self::Rejection> {
        Ok(match Origin::of(&parts.extensions) {
            Some(Origin::Client(client)) => Some(client),
            _ => None,
        })
    }
}

/// As problem+json; a layer that knows the request uses its own format instead.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        RefusalFormat::problem_json().render::<AxumBody>(self, &HeaderMap::new()).map(AxumBody::new)
    }
}

/// A listener of axum whose connections have a [`Peer`], which is then their connect info:
/// `into_make_service_with_connect_info::<Peer>()`.
///
/// It is a trait of its own because axum already says what the connect info of its `TapIo` is, for every address type:
/// that listener's own address. So `tap_io` over a listener whose address is `Peer` gives `Peer` too, and over
/// tokio's `TcpListener` it gives `SocketAddr`.
pub trait PeerListener: Listener {
    /// The peer at this address.
    fn peer(addr: &Self::Addr) -> Peer;
}

impl PeerListener for tokio::net::TcpListener {
    fn peer(addr: &Self::Addr) -> Peer {
        Peer::Tcp(*addr)
    }
}

#[cfg(unix)]
impl PeerListener for tokio::net::UnixListener {
    fn peer(_: &Self::Addr) -> Peer {
        Peer::Unix
    }
}

impl<L: PeerListener> Connected<IncomingStream<'_, L>> for Peer {
    fn connect_info(stream: IncomingStream<'_, L>) -> Self {
        L::peer(stream.remote_addr())
    }
}
