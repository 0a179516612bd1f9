use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::{Method, Request, Response};
use tollgate_core::{Body, Origin, Refusal, RefusalKind};
use tower_service::Service;

use crate::admission::{Admission, Next};
use crate::decision::Outcome;
use crate::future::{After, Kept, ResponseFuture, Until};
use crate::store::{Count, Memory, Store};
use crate::{IpRateLimitLayer, Mode, RequestHead, Ticket, metrics};

/// Passes on the requests of clients that do not ask too often; made by [`IpRateLimitLayer`].
#[derive(Debug)]
pub struct IpRateLimit<S, St: Store = Memory> {
    inner: S,
    layer: IpRateLimitLayer<St>,
}

impl<S: Clone, St: Store> Clone for IpRateLimit<S, St> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, St: Store> IpRateLimit<S, St> {
    /// `inner` behind `layer`, and counting together with all other services behind it.
    pub fn new(inner: S, layer: IpRateLimitLayer<St>) -> Self {
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

/// `Clone`, for the requests that wait: they take the service along that was ready.
impl<S, ReqBody, ResBody, St> Service<Request<ReqBody>> for IpRateLimit<S, St>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone,
    St: Store,
{
    type Response = Response<Body<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqBody, St>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let Self { inner, layer } = self;
        let head = RequestHead::from(&request);
        layer.notice_twice();
        let client = match Origin::resolve(head.extensions) {
            Origin::Client(client) => client,
            origin => {
                if is_preflight(&head) {
                    return layer.pass(inner, request, &mut Ticket::default());
                }
                return match layer.decide_without_client(origin, &head) {
                    Ok(()) => layer.pass(inner, request, &mut Ticket::default()),
                    Err(refusal) => layer.refuse(refusal, &request, &Ticket::default()),
                };
            }
        };
        let mut admission = Admission::new(&*layer.limiter, client);
        let next = match admission.admit(&layer.limiter) {
            Some(outcome) => Next::Answer(outcome),
            // Not counted; but lists and bans hold for it too.
            None if is_preflight(&head) => Next::Answer(Outcome::Pass),
            None => admission.begin(&layer.limiter, layer.waiting.as_ref(), &head),
        };
        if let Next::Answer(outcome) = next {
            return layer.answer(inner, request, &mut admission, outcome);
        }
        match Until::of(next) {
            Err(outcome) => layer.answer(inner, request, &mut admission, outcome),
            Ok(until) => {
                let clone = inner.clone();
                let service = mem::replace(inner, clone);
                let kept = Kept { service, request, layer: layer.clone(), admission };
                ResponseFuture::held(until, kept, layer.limiter.mark)
            }
        }
    }
}

/// A CORS preflight (Fetch §4.8): a browser asks before it asks, and sends nothing of its user's. Any other `OPTIONS`
/// counts as a request.
fn is_preflight(head: &RequestHead<'_>) -> bool {
    head.method == Method::OPTIONS
        && head.headers.contains_key(ORIGIN)
        && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

impl<St: Store> IpRateLimitLayer<St> {
    /// Passes a decided request on, or refuses it.
    #[inline]
    pub(crate) fn answer<S, B>(
        &self,
        service: &mut S,
        request: Request<B>,
        admission: &mut Admission,
        outcome: Outcome,
    ) -> ResponseFuture<S, B, St>
    where
        S: Service<Request<B>>,
    {
        let limiter = &*self.limiter;
        self.say(admission, outcome);
        match limiter.refusal(outcome, &admission.ticket) {
            None => self.pass(service, request, &mut admission.ticket),
            Some(refusal) => self.refuse(refusal, &request, &admission.ticket),
        }
    }

    #[inline]
    fn pass<S, B>(
        &self,
        service: &mut S,
        request: Request<B>,
        ticket: &mut Ticket,
    ) -> ResponseFuture<S, B, St>
    where
        S: Service<Request<B>>,
    {
        let after = self.limiter.wants_answer(ticket).then(|| {
            let (limiter, ticket) = (Arc::clone(&self.limiter), mem::take(ticket));
            Box::new(After { limiter, ticket, form: self.header_form })
        });
        let mark = self.limiter.mark;
        let _inside = mark.enter();
        ResponseFuture::called(service.call(request), after, mark)
    }

    fn refuse<S, B>(
        &self,
        refusal: Refusal,
        request: &Request<B>,
        ticket: &Ticket,
    ) -> ResponseFuture<S, B, St>
    where
        S: Service<Request<B>>,
    {
        let mut response = self.refusal_format.render_bytes(refusal, request.headers());
        // Of gRPC these headers are the trailers, where the fields must not be.
        if !response.headers().contains_key("grpc-status") {
            self.limiter.tell(ticket, self.header_form, response.headers_mut());
        }
        ResponseFuture::refused(response, self.limiter.mark)
    }

    /// Events that no flood of requests turns into a flood of lines.
    #[inline]
    fn say(&self, admission: &Admission, outcome: Outcome) {
        let ticket = &admission.ticket;
        if outcome == Outcome::Pass && !ticket.counts.iter().any(Count::is_violated) {
            return;
        }
        if tracing::enabled!(tracing::Level::DEBUG) {
            self.say_what_is_wrong(admission, outcome);
        }
    }

    #[cold]
    fn say_what_is_wrong(&self, admission: &Admission, outcome: Outcome) {
        let ticket = &admission.ticket;
        let sampler = if outcome == Outcome::Pass { &self.monitored } else { &self.refused };
        let Some(unsaid) = sampler.take(self.limiter.moment().monotonic) else { return };
        let (client, limiter) = (admission.client(), &self.limiter);
        let limits: Vec<_> = limiter.violated(ticket, outcome != Outcome::Pass).collect();
        match outcome {
            Outcome::Pass => tracing::debug!(%client, ?limits, unsaid, "over a monitored rate limit"),
            Outcome::Limited(wait) => {
                tracing::debug!(%client, ?limits, ?wait, unsaid, "refused: over the rate limit");
            }
            Outcome::Banned(wait) => tracing::debug!(%client, ?wait, unsaid, "refused: banned"),
            Outcome::Denied => tracing::debug!(%client, unsaid, "refused: denied"),
        }
    }

    /// The same limiter around itself counts every request twice.
    #[inline]
    fn notice_twice(&self) {
        if self.limiter.mark.is_on() {
            self.limiter.tell_twice();
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
        if tracing::enabled!(tracing::Level::DEBUG)
            && let Some(unsaid) = self.refused.take(self.limiter.moment().monotonic)
        {
            tracing::debug!(?origin, passes, unsaid, "no client IP to count by");
        }
        if passes {
            return Ok(());
        }
        Err(Refusal::new(
            RefusalKind::ClientIpMissing,
            "no client IP to count this request by: put TrustedClientIpLayer in front of IpRateLimitLayer",
        ))
    }
}
