use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use pin_project::pin_project;
use tokio::time::Timeout;
use tollgate_core::{Body, Refusal, RefusalFormat, RefusalKind};
use tower_service::Service;

/// One try, in the client's own body type: an answer within its time, or a refusal.
#[derive(Clone, Debug)]
pub struct OneTry<S> {
    inner: S,
    timeout: Duration,
    format: RefusalFormat,
}

impl<S> OneTry<S> {
    pub(super) fn new(inner: S, timeout: Duration, format: RefusalFormat) -> Self {
        Self { inner, timeout, format }
    }

    /// The client.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S, B, ResBody> Service<Request<Body<B>>> for OneTry<S>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    B: From<Bytes>,
{
    type Response = Response<Body<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body<B>>) -> Self::Future {
        let headers = request.headers().clone();
        let answer = self.inner.call(request.map(Body::into_inner));
        let answer = tokio::time::timeout(self.timeout, answer);
        ResponseFuture { answer, timeout: self.timeout, format: self.format.clone(), headers }
    }
}

/// The response of [`OneTry`].
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<F> {
    #[pin]
    answer: Timeout<F>,
    timeout: Duration,
    format: RefusalFormat,
    /// The request's.
    headers: HeaderMap,
}

impl<F, ResBody, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
{
    type Output = Result<Response<Body<ResBody>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Ok(answer) = ready!(this.answer.poll(cx)) {
            return Poll::Ready(answer.map(|response| response.map(Body::inner)));
        }
        let refusal = Refusal::new(
            RefusalKind::UpstreamTimeout,
            format!("no answer came within {:?}; whether the message is sent is not known", this.timeout),
        );
        super::tell(&refusal);
        Poll::Ready(Ok(this.format.render(refusal, this.headers)))
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture(..)")
    }
}
