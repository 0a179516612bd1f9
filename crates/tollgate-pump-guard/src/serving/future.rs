use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use pin_project::pin_project;
use tollgate_8x8::ReadBody;
use tollgate_core::Body;
use tower_service::Service;

use super::judging::Judging;
use crate::pass::WithPass;

/// The response of [`RouteGuard`](crate::RouteGuard).
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<S: Service<Request<B>>, B> {
    #[pin]
    state: State<S, B, S::Future>,
}

#[pin_project(project = StateProjection)]
enum State<S, B, F> {
    Called(#[pin] WithPass<F>),
    /// It will not be called. `None` once it was given out.
    Refused(Option<Response<Bytes>>),
    Reading {
        #[pin]
        read: ReadBody<B>,
        next: Option<(S, Judging)>,
    },
    Judging {
        read: Option<(Parts, Bytes)>,
        next: Option<(S, Judging)>,
    },
}

impl<S: Service<Request<B>>, B> ResponseFuture<S, B> {
    /// The inner service was called with the request as it is.
    pub(super) fn pass(future: S::Future) -> Self {
        Self { state: State::Called(WithPass::new(None, future)) }
    }
}

impl<S: Service<Request<B>>, B: http_body::Body> ResponseFuture<S, B> {
    /// Will call `service`, which has to be ready, with what `judging` lets through.
    pub(super) fn read(request: Request<B>, service: S, judging: Judging) -> Self {
        let config = judging.config();
        let read = ReadBody::checked(|headers| config.from.check(headers), request, config.limit);
        Self { state: State::Reading { read, next: Some((service, judging)) } }
    }
}

impl<S, B, ResBody> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    B: http_body::Body<Data = Bytes> + From<Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Output = Result<Response<Body<ResBody>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut this = self.as_mut().project();
            // Where something is missing below, the future was polled after it was done: there is nothing to give.
            let state = match this.state.as_mut().project() {
                StateProjection::Called(future) => {
                    return future.poll(cx).map_ok(|response| response.map(Body::inner));
                }
                StateProjection::Refused(response) => {
                    let Some(response) = response.take() else { return Poll::Pending };
                    return Poll::Ready(Ok(response.map(Body::from)));
                }
                StateProjection::Reading { read, next } => {
                    let read = ready!(read.poll(cx));
                    let Some((service, judging)) = next.take() else { return Poll::Pending };
                    match read {
                        Ok(read) => State::Judging { read: Some(read), next: Some((service, judging)) },
                        Err(unread) => {
                            State::Refused(Some(judging.refuse(unread.refusal, &unread.parts.headers)))
                        }
                    }
                }
                StateProjection::Judging { read, next } => {
                    let (Some((head, body)), Some((_, judging))) = (read.as_ref(), next.as_mut()) else {
                        return Poll::Pending;
                    };
                    let judged = ready!(judging.poll_judge(cx, head, body));
                    let (Some((mut head, body)), Some((mut service, _))) = (read.take(), next.take()) else {
                        return Poll::Pending;
                    };
                    match judged {
                        Ok((verdict, pass)) => {
                            head.extensions.insert(verdict);
                            if let Some(pass) = &pass {
                                head.extensions.insert(pass.clone());
                            }
                            let request = Request::from_parts(head, B::from(body));
                            // A service may do its work in `call` already, so the scope begins there.
                            let future = match pass.clone() {
                                Some(pass) => pass.sync_scope(|| service.call(request)),
                                None => service.call(request),
                            };
                            State::Called(WithPass::new(pass, future))
                        }
                        Err(response) => State::Refused(Some(response)),
                    }
                }
            };
            this.state.set(state);
        }
    }
}

impl<S: Service<Request<B>>, B> fmt::Debug for ResponseFuture<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture(..)")
    }
}
