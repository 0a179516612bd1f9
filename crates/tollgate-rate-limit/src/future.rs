use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use pin_project::pin_project;
use tokio::time::Sleep;
use tollgate_core::Body;
use tower_service::Service;

use crate::admission::{Admission, Next};
use crate::decision::Outcome;
use crate::headers::HeaderForm;
use crate::nested::Mark;
use crate::store::{Memory, Store};
use crate::{IpRateLimitLayer, Limiter, Ticket};

/// The response of [`IpRateLimit`](crate::IpRateLimit): the inner service's, or a refusal that is ready at once.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<S, B, St = Memory>
where
    S: Service<Request<B>>,
    St: Store,
{
    #[pin]
    state: State<S, B, St>,
    /// Out of line, as seldom as it is there.
    after: Option<Box<After<St>>>,
    mark: Mark,
}

#[pin_project(project = StateProjection)]
enum State<S, B, St>
where
    S: Service<Request<B>>,
    St: Store,
{
    Called(#[pin] tollgate_core::ResponseFuture<S::Future>),
    /// Out of line: it is rare, and would make every response future larger by a request.
    Held(Pin<Box<Held<S, B, St>>>),
}

/// What is left to do when the answer is there.
pub(crate) struct After<St: Store> {
    pub(crate) limiter: Arc<Limiter<St>>,
    pub(crate) ticket: Ticket,
    pub(crate) form: HeaderForm,
}

/// A request that waits: for the store, or for its turn.
#[pin_project]
pub(crate) struct Held<S, B, St: Store> {
    #[pin]
    until: Until<St::Later>,
    /// `None` once it is over.
    kept: Option<Kept<S, B, St>>,
}

#[pin_project(project = UntilProjection)]
pub(crate) enum Until<L> {
    Answered(#[pin] L),
    Turn(Pin<Box<Sleep>>),
}

/// What a held request goes on with.
pub(crate) struct Kept<S, B, St: Store> {
    /// The one that was ready.
    pub(crate) service: S,
    pub(crate) request: Request<B>,
    pub(crate) layer: IpRateLimitLayer<St>,
    pub(crate) admission: Admission,
}

impl<L> Until<L> {
    /// What to wait for next; the outcome, if there is nothing.
    pub(crate) fn of(next: Next<L>) -> Result<Self, Outcome> {
        match next {
            Next::Ask(later) => Ok(Self::Answered(later)),
            Next::Wait(wait) => Ok(Self::Turn(Box::pin(tokio::time::sleep(wait)))),
            Next::Answer(outcome) => Err(outcome),
        }
    }
}

impl<S, B, St: Store> Held<S, B, St> {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<(Kept<S, B, St>, Outcome)> {
        let mut this = self.project();
        loop {
            // Once it is over it is not polled again.
            let Some(kept) = this.kept.as_mut() else { return Poll::Pending };
            let (layer, admission) = (&kept.layer, &mut kept.admission);
            let next = match this.until.as_mut().project() {
                UntilProjection::Answered(later) => {
                    admission.ticket.counts = ready!(later.poll(cx));
                    admission.answered(&*layer.limiter, layer.waiting.as_ref())
                }
                UntilProjection::Turn(sleep) => {
                    ready!(sleep.as_mut().poll(cx));
                    admission.ask_again(&*layer.limiter, layer.waiting.as_ref())
                }
            };
            let outcome = match Until::of(next) {
                Ok(until) => {
                    this.until.set(until);
                    continue;
                }
                Err(outcome) => outcome,
            };
            return this.kept.take().map_or(Poll::Pending, |kept| Poll::Ready((kept, outcome)));
        }
    }
}

impl<S, B, St> ResponseFuture<S, B, St>
where
    S: Service<Request<B>>,
    St: Store,
{
    #[inline]
    pub(crate) fn called(future: S::Future, after: Option<Box<After<St>>>, mark: Mark) -> Self {
        Self { state: State::Called(tollgate_core::ResponseFuture::inner(future)), after, mark }
    }

    pub(crate) fn refused(response: Response<Bytes>, mark: Mark) -> Self {
        Self { state: State::Called(tollgate_core::ResponseFuture::refused(response)), after: None, mark }
    }

    pub(crate) fn held(until: Until<St::Later>, kept: Kept<S, B, St>, mark: Mark) -> Self {
        Self { state: State::Held(Box::pin(Held { until, kept: Some(kept) })), after: None, mark }
    }
}

impl<S, B, ResBody, St> Future for ResponseFuture<S, B, St>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    St: Store,
{
    type Output = Result<Response<Body<ResBody>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut this = self.as_mut().project();
            match this.state.as_mut().project() {
                StateProjection::Called(called) => {
                    let inside = this.mark.enter();
                    let mut answer = ready!(called.poll(cx));
                    drop(inside);
                    if let (Ok(response), Some(after)) = (&mut answer, this.after.take()) {
                        after.on(response);
                    }
                    return Poll::Ready(answer);
                }
                StateProjection::Held(held) => {
                    let (kept, outcome) = ready!(held.as_mut().poll(cx));
                    let Kept { mut service, request, layer, mut admission } = kept;
                    let new = layer.answer(&mut service, request, &mut admission, outcome);
                    self.set(new);
                }
            }
        }
    }
}

impl<St: Store> After<St> {
    fn on<B>(mut self, response: &mut Response<B>) {
        self.limiter.settle_mut(&mut self.ticket, &(&*response).into());
        self.limiter.tell(&self.ticket, self.form, response.headers_mut());
    }
}

impl<S, B, St> fmt::Debug for ResponseFuture<S, B, St>
where
    S: Service<Request<B>>,
    St: Store,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Called(_) => "ResponseFuture::Called(..)",
            State::Held(_) => "ResponseFuture::Held(..)",
        })
    }
}
