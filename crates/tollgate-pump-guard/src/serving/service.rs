use std::error::Error as StdError;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response};
use tollgate_core::{Body, Origin};
use tower_service::Service;

use super::future::ResponseFuture;
use super::judging::Judging;
use super::layer::RouteGuardLayer;
use crate::engine::Mode;
use crate::proof::Proof;
use crate::service::client_of;

/// Judges who asks a route of the app's own for a message, before the handler sees it. Made by [`RouteGuardLayer`].
///
/// 1. `OPTIONS` passes untouched: it sends nothing, and a browser's preflight has no number.
/// 2. The body is read, and the number found in it. What cannot be read in one way only is refused, in every mode.
/// 3. What the guard allows goes on, the body byte for byte as it came, with the [`Verdict`](crate::Verdict) and the
///    [`Pass`](crate::Pass) in its extensions; the pass is the ambient one too.
/// 4. So does what it shifts: over which channel the message has to go is in the verdict.
/// 5. What is doubtful is answered 428 with a challenge, whose solution comes back in the header `tollgate-solution`.
/// 6. What is stopped is refused. Whoever asks is told the kind and how long to wait, not what was measured: the verdict
///    is in the response's extensions, the log and the metrics.
/// 7. A second press within ten seconds is refused, or, [with an outbound guard](RouteGuardLayer::with_outbound_guard),
///    goes on and gets 8x8's first answer there.
#[derive(Clone, Debug)]
pub struct RouteGuard<S> {
    inner: S,
    config: Arc<RouteGuardLayer>,
}

impl<S> RouteGuard<S> {
    pub(super) fn new(inner: S, config: RouteGuardLayer) -> Self {
        Self { inner, config: Arc::new(config) }
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, B, ResBody> Service<Request<B>> for RouteGuard<S>
where
    S: Service<Request<B>, Response = Response<ResBody>> + Clone,
    B: http_body::Body<Data = Bytes> + From<Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Response = Response<Body<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if self.config.guard.mode() == Mode::Off || request.method() == Method::OPTIONS {
            return ResponseFuture::pass(self.inner.call(request));
        }
        let proof = Proof::take(request.headers_mut());
        let client = client_of(Origin::of(request.extensions()).or_else(Origin::current));
        // The service that was made ready is the one to call.
        let clone = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, clone);
        ResponseFuture::read(request, ready, Judging::new(Arc::clone(&self.config), client, proof))
    }
}
