use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::reqwest::Body;
use http::{Request, Response};
use pin_project::pin_project;
use tower_service::Service;

/// A [`reqwest::Client`] (or a service around one, such as reqwest-middleware's client) as a service of
/// [`http::Request`]s, which layers can stand around.
///
/// Extensions go along in both directions. Bodies made from bytes stay reusable, so that reqwest's own retries and
/// redirects work; for 8x8 switch redirects off, or the address goes wherever they lead.
///
/// ```
/// use tollgate_injector::{ClientIpInjectorLayer, ReqwestService};
/// use tower_layer::Layer;
///
/// # fn main() -> Result<(), reqwest::Error> {
/// let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
/// let service = ClientIpInjectorLayer::new().layer(ReqwestService::new(client));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ReqwestService<S = ::reqwest::Client> {
    inner: S,
}

impl<S> ReqwestService<S> {
    /// Around a client.
    pub fn new(inner: S) -> Self {
        Self { inner }
    }

    /// The client.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The client.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S> Service<Request<Body>> for ReqwestService<S>
where
    S: Service<::reqwest::Request, Response = ::reqwest::Response>,
    S::Error: From<::reqwest::Error>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = ReqwestFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let state = match ::reqwest::Request::try_from(request) {
            Ok(request) => State::Sent(self.inner.call(request)),
            Err(error) => State::Failed(Some(error)),
        };
        ReqwestFuture { state }
    }
}

/// The response of a [`ReqwestService`].
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ReqwestFuture<F> {
    #[pin]
    state: State<F>,
}

#[pin_project(project = StateProjection)]
enum State<F> {
    Sent(#[pin] F),
    /// The URI is none that reqwest takes.
    Failed(Option<::reqwest::Error>),
}

impl<F, E> Future for ReqwestFuture<F>
where
    F: Future<Output = Result<::reqwest::Response, E>>,
    E: From<::reqwest::Error>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Sent(future) => future.poll(cx).map_ok(Response::from),
            // Polled after it was done: nothing to give.
            StateProjection::Failed(error) => {
                error.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error.into())))
            }
        }
    }
}

impl<F> fmt::Debug for ReqwestFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReqwestFuture(..)")
    }
}

#[cfg(test)]
#[path = "reqwest_tests.rs"]
mod tests;
