use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::{Method, Request, Response};
use tollgate_core::{Body, ClientIp, Origin, Refusal, RefusalKind};
use tower_service::Service;

use crate::future::{After, ResponseFuture};
use crate::{Decision, IpRateLimitLayer, Mode, RequestHead, Ticket, metrics};

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
        let layer = &self.layer;
        match layer.decide(&(&request).into()) {
            Decided::Pass(ticket) => {
                let after = ticket.filter(|ticket| layer.limiter.wants_answer(ticket)).map(|ticket| After {
                    limiter: Arc::clone(&layer.limiter),
                    ticket,
                    form: layer.header_form,
                });
                ResponseFuture::passed(self.inner.call(request), after)
            }
            Decided::Refuse(refusal, ticket) => {
                let mut response = layer.refusal_format.render_bytes(refusal, request.headers());
                // Of gRPC these headers are the trailers, where the fields must not be.
                if !response.headers().contains_key("grpc-status") {
                    layer.limiter.tell(&ticket, layer.header_form, response.headers_mut());
                }
                ResponseFuture::refused(response)
            }
        }
    }
}

/// What becomes of a request, with what it was charged.
enum Decided {
    Pass(Option<Ticket>),
    Refuse(Refusal, Ticket),
}

/// A CORS preflight (Fetch §4.8): a browser asks before it asks, and sends nothing of its user's. Any other `OPTIONS`
/// counts as a request.
fn is_preflight(head: &RequestHead<'_>) -> bool {
    head.method == Method::OPTIONS
        && head.headers.contains_key(ORIGIN)
        && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

impl IpRateLimitLayer {
    fn decide(&self, head: &RequestHead<'_>) -> Decided {
        if is_preflight(head) {
            return Decided::Pass(None);
        }
        match Origin::resolve(head.extensions) {
            Origin::Client(client) => self.decide_for(client, head),
            origin => match self.decide_without_client(origin, head) {
                Ok(()) => Decided::Pass(None),
                Err(refusal) => Decided::Refuse(refusal, Ticket::default()),
            },
        }
    }

    fn decide_for(&self, client: ClientIp, head: &RequestHead<'_>) -> Decided {
        let decision = self.limiter.check(client, head);
        match &decision {
            Decision::Pass { monitored, .. } if monitored.is_empty() => {}
            Decision::Pass { monitored, .. } => {
                tracing::debug!(%client, limits = ?monitored, "over a monitored rate limit");
            }
            Decision::Refuse { violated, wait, .. } => {
                tracing::debug!(%client, limits = ?violated, ?wait, "refused: over the rate limit");
            }
        }
        match decision.refusal() {
            Some(refusal) => Decided::Refuse(refusal, decision.into_ticket()),
            None => Decided::Pass(Some(decision.into_ticket())),
        }
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
