//! The future of [`IpRateLimit`](crate::IpRateLimit).

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project::pin_project;
use tollgate_core::Body;

/// The inner service's response, or a refusal that is ready at once.
#[derive(Debug)]
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<F, B> {
    #[pin]
    kind: Kind<F, B>,
}

#[derive(Debug)]
#[pin_project(project = KindProjection)]
enum Kind<F, B> {
    Inner(#[pin] F),
    /// `None` once it was given out.
    Refused(Option<Response<Body<B>>>),
}

impl<F, B> ResponseFuture<F, B> {
    pub(crate) fn inner(future: F) -> Self {
        Self { kind: Kind::Inner(future) }
    }

    pub(crate) fn refused(response: Response<Body<B>>) -> Self {
        Self { kind: Kind::Refused(Some(response)) }
    }
}

impl<F, B, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<Body<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProjection::Inner(future) => {
                Poll::Ready(ready!(future.poll(cx)).map(|response| response.map(Body::inner)))
            }
            // Polled after its end, it waits for ever: a future may, and a panic would be reachable from a request.
            KindProjection::Refused(response) => {
                response.take().map_or(Poll::Pending, |r| Poll::Ready(Ok(r)))
            }
        }
    }
}
