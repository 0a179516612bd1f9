use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use pin_project::pin_project;
use tollgate_8x8::{Class, Hosts, ReadBody};
use tollgate_core::{Body, RefusalFormat};
use tower_service::Service;

/// Gives the inner service dispatches, and calls to 8x8 without a body, as bytes, which can be sent again. All other
/// bodies pass as they are.
#[derive(Clone, Debug)]
pub struct Replay<S> {
    inner: S,
    hosts: Hosts,
    format: RefusalFormat,
}

impl<S> Replay<S> {
    pub(super) fn new(inner: S, hosts: Hosts, format: RefusalFormat) -> Self {
        Self { inner, hosts, format }
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S, B, ResBody> Service<Request<B>> for Replay<S>
where
    S: Service<Request<Body<B>>, Response = Response<Body<ResBody>>> + Clone,
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Response = Response<Body<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let class = self.hosts.classify(request.method(), request.uri(), request.headers());
        let state = match class {
            Ok(Class::Body(_)) => {
                // The service that was made ready is the one to call.
                let clone = self.inner.clone();
                let ready = std::mem::replace(&mut self.inner, clone);
                // What may be refused of it, the injector has refused.
                let read = ReadBody::checked(|_| Ok(()), request, usize::MAX);
                State::Reading { read, ready, format: self.format.clone() }
            }
            Ok(Class::Foreign) | Err(_) => State::Called(self.inner.call(request.map(Body::inner))),
            Ok(_) if request.body().is_end_stream() => {
                State::Called(self.inner.call(request.map(|_| Body::empty())))
            }
            Ok(_) => State::Called(self.inner.call(request.map(Body::inner))),
        };
        ResponseFuture { state }
    }
}

/// The response of [`Replay`].
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<S: Service<Request<Body<B>>>, B> {
    #[pin]
    state: State<S, B, S::Future>,
}

#[pin_project(project = StateProjection)]
#[allow(clippy::large_enum_variant, reason = "a box for each request costs more than the room")]
enum State<S, B, F> {
    Reading {
        #[pin]
        read: ReadBody<B>,
        /// The service that was made ready.
        ready: S,
        format: RefusalFormat,
    },
    Called(#[pin] F),
}

impl<S, B, ResBody> Future for ResponseFuture<S, B>
where
    S: Service<Request<Body<B>>, Response = Response<Body<ResBody>>>,
    B: HttpBody<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Output = Result<Response<Body<ResBody>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut this = self.as_mut().project();
            let future = match this.state.as_mut().project() {
                StateProjection::Called(future) => return future.poll(cx),
                StateProjection::Reading { read, ready, format } => match ready!(read.poll(cx)) {
                    Ok((parts, body)) => ready.call(Request::from_parts(parts, Body::from(body))),
                    Err(unread) => {
                        super::tell(&unread.refusal);
                        return Poll::Ready(Ok(format.render(unread.refusal, &unread.parts.headers)));
                    }
                },
            };
            this.state.set(State::Called(future));
        }
    }
}

impl<S: Service<Request<Body<B>>>, B> fmt::Debug for ResponseFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture(..)")
    }
}
