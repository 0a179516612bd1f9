use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use pin_project::pin_project;
use tollgate_core::Body;

use crate::headers::HeaderForm;
use crate::{Limiter, Ticket};

/// The response of [`IpRateLimit`](crate::IpRateLimit): the inner service's, or a refusal that is ready at once.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<F> {
    #[pin]
    inner: tollgate_core::ResponseFuture<F>,
    after: Option<After>,
}

/// What is left to do when the answer is there.
pub(crate) struct After {
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) ticket: Ticket,
    pub(crate) form: HeaderForm,
}

impl<F> ResponseFuture<F> {
    pub(crate) fn passed(future: F, after: Option<After>) -> Self {
        Self { inner: tollgate_core::ResponseFuture::inner(future), after }
    }

    pub(crate) fn refused(response: Response<Bytes>) -> Self {
        Self { inner: tollgate_core::ResponseFuture::refused(response), after: None }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<Body<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut answer = ready!(this.inner.poll(cx));
        if let (Ok(response), Some(After { limiter, ticket, form })) = (&mut answer, this.after.take()) {
            let ticket = limiter.settled(ticket, &(&*response).into());
            limiter.tell(&ticket, form, response.headers_mut());
        }
        Poll::Ready(answer)
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
