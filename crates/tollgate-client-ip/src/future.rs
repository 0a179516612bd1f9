//! The future of [`TrustedClientIp`](crate::TrustedClientIp).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use pin_project::pin_project;
use tollgate_core::{Body, Scoped};

/// The inner service's response, made within the client's ambient scope, or a refusal.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<F, B> {
    #[pin]
    kind: Kind<F, B>,
}

#[pin_project(project = KindProjection)]
enum Kind<F, B> {
    Inner(#[pin] Scoped<F>),
    Refused(Option<Response<Body<B>>>),
}

impl<F, B> ResponseFuture<F, B> {
    pub(crate) fn inner(future: Scoped<F>) -> Self {
        Self { kind: Kind::Inner(future) }
    }

    pub(crate) fn refused(response: Response<Body<B>>) -> Self {
        Self { kind: Kind::Refused(Some(response)) }
    }
}

impl<F, B> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Inner(_) => "ResponseFuture::Inner(..)",
            Kind::Refused(_) => "ResponseFuture::Refused(..)",
        })
    }
}

impl<F, B, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<Body<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProjection::Inner(future) => future.poll(cx).map_ok(|response| response.map(Body::inner)),
            // Polled again after its end, a future may do anything but harm: it stays pending rather than panic.
            KindProjection::Refused(response) => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                None => Poll::Pending,
            },
        }
    }
}
