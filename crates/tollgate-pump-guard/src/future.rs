use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use pin_project::pin_project;
use tollgate_8x8::DispatchFuture;
use tollgate_core::Body;
use tower_service::Service;

use crate::checking::Checking;
use crate::guard::PumpGuard;
use crate::judging::Judging;
use crate::learning::{Asked, Learned, Learning};
use crate::not_sent;

/// The response of [`SmsPumpGuard`](crate::SmsPumpGuard).
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<S: Service<Request<B>>, B> {
    #[pin]
    inner: DispatchFuture<S, B, Judging>,
    guard: PumpGuard,
    /// A code check, where that is what was asked.
    check: Option<Checking>,
}

impl<S: Service<Request<B>>, B> ResponseFuture<S, B> {
    pub(crate) fn new(
        inner: DispatchFuture<S, B, Judging>,
        guard: PumpGuard,
        check: Option<Checking>,
    ) -> Self {
        Self { inner, guard, check }
    }
}

impl<S, B, ResBody> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    B: http_body::Body<Data = Bytes> + From<Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Output = Result<Response<Body<Learned<ResBody>>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = match ready!(this.inner.poll(cx)) {
            Ok(response) => response,
            Err(error) => {
                if let Some(check) = this.check.take() {
                    check.failed();
                }
                return Poll::Ready(Err(error));
            }
        };
        not_sent::write(&mut response);
        let what = match this.check.take() {
            Some(check) => check.answered(&response).map(Asked::Check),
            None => response.extensions_mut().remove().map(Asked::Send),
        };
        let learning = what.and_then(|what| Learning::of(this.guard.clone(), what, &response));
        Poll::Ready(Ok(response.map(|body| body.map(|inner| Learned::new(inner, learning)))))
    }
}

impl<S: Service<Request<B>>, B> fmt::Debug for ResponseFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture(..)")
    }
}
