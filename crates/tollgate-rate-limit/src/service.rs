use std::task::{Context, Poll};

use http::{Request, Response};
use tollgate_core::{Body, ClientIp, Origin, Refusal, RefusalKind, ResponseFuture};
use tower_service::Service;

use crate::{Decision, IpRateLimitLayer, Mode, RequestHead, metrics};

/// Passes on the requests of clients that do not ask too often; made by [`IpRateLimitLayer`].
#[derive(Clone, Debug)]
pub struct IpRateLimit<S> {
    inner: S,
    layer: IpRateLimitLayer,
}

impl<S> IpRateLimit<S> {
    /// `inner` behind `layer`, and counting together with all other services behind it.
    pub fn new(inner: S, layer: IpRateLimitLayer) -> Self {
        Self { inner, layer }
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

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for IpRateLimit<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<Body<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        match self.layer.decide(&(&request).into()) {
            Ok(()) => ResponseFuture::inner(self.inner.call(request)),
            Err(refusal) => {
                let format = self.layer.refusal_format;
                ResponseFuture::refused(format.render_bytes(refusal, request.headers()))
            }
        }
    }
}

impl IpRateLimitLayer {
    fn decide(&self, head: &RequestHead<'_>) -> Result<(), Refusal> {
        match Origin::resolve(head.extensions) {
            Origin::Client(client) => self.decide_for(client, head),
            origin => self.decide_without_client(origin, head),
        }
    }

    fn decide_for(&self, client: ClientIp, head: &RequestHead<'_>) -> Result<(), Refusal> {
        let decision = self.limiter.check(client, head);
        match &decision {
            Decision::Pass { monitored } if monitored.is_empty() => {}
            Decision::Pass { monitored } => {
                tracing::debug!(%client, limits = ?monitored, "over a monitored rate limit");
            }
            Decision::Refuse { violated, wait } => {
                tracing::debug!(%client, limits = ?violated, ?wait, "refused: over the rate limit");
            }
        }
        decision.refusal().map_or(Ok(()), Err)
    }

    /// A limit that cannot tell clients apart cannot hold; a request that none applies to needs no client.
    fn decide_without_client(&self, origin: Origin, head: &RequestHead<'_>) -> Result<(), Refusal> {
        let mode = self.limiter.strictest_mode(head);
        if mode == Mode::Off {
            return Ok(());
        }
        let passes = mode == Mode::Monitor || self.pass_without_client_ip;
        metrics::without_client_ip(passes);
        tracing::debug!(?origin, passes, "no client IP to count by");
        if passes {
            return Ok(());
        }
        Err(Refusal::new(
            RefusalKind::ClientIpMissing,
            "no client IP to count this request by: put TrustedClientIpLayer in front of IpRateLimitLayer",
        ))
    }
}
