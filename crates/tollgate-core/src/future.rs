use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use pin_project::pin_project;

use crate::Body;

/// The response of a layer that decides before it calls: the inner service's, or a refusal that is ready at once.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<F> {
    #[pin]
    kind: Kind<F>,
}

#[pin_project(project = KindProjection)]
enum Kind<F> {
    Inner(#[pin] F),
    /// `None` once it was given out.
    Refused(Option<Response<Bytes>>),
}

impl<F> ResponseFuture<F> {
    /// The inner service was called.
    pub fn inner(future: F) -> Self {
        Self { kind: Kind::Inner(future) }
    }

    /// It was not: a rendered refusal.
    pub fn refused(response: Response<Bytes>) -> Self {
        Self { kind: Kind::Refused(Some(response)) }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<Body<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProjection::Inner(future) => future.poll(cx).map_ok(|response| response.map(Body::inner)),
            // Polled after its end it waits for ever: a future may, and a panic would be reachable from a request.
            KindProjection::Refused(response) => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response.map(Body::from))))
            }
        }
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Inner(_) => "ResponseFuture::Inner(..)",
            Kind::Refused(_) => "ResponseFuture::Refused(..)",
        })
    }
}
