use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use pin_project::pin_project;
use tollgate_core::{Body, Refusal, RefusalFormat, RefusalKind};
use tower_service::Service;

use crate::{Dispatch, Endpoint, ReadDispatch, Unread};

/// 8x8's answers that say that it took nothing. Others of the 4xx (408, 409, …) may come after it did.
const NOTHING_SENT: [StatusCode; 10] = [
    StatusCode::BAD_REQUEST,
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::UNPROCESSABLE_ENTITY,
    StatusCode::UPGRADE_REQUIRED,
    StatusCode::TOO_MANY_REQUESTS,
];

/// Whether a request that went on came to nothing by this answer: a layer further in refused it, or 8x8 did (400, 401,
/// 403, 404, 405, 413, 415, 422, 426, 429).
#[must_use]
pub fn took_nothing<B>(response: &Response<B>) -> bool {
    match response.extensions().get::<RefusalKind>() {
        Some(kind) => !kind.may_have_sent(),
        None => NOTHING_SENT.contains(&response.status()),
    }
}

/// What a layer does with a dispatch once its body is there.
pub trait HandleDispatch<B> {
    /// Judges or changes the request before it goes on. With an error it does not go on.
    ///
    /// # Errors
    ///
    /// What is answered in its place.
    fn poll_handle(
        &mut self,
        cx: &mut Context<'_>,
        dispatch: &Arc<Dispatch>,
        request: &mut Request<B>,
    ) -> Poll<Result<(), Halt>>;

    /// Whether a request whose body was read to its end, but cannot be read as a dispatch, goes on as it came.
    fn passes_unread(&self, _refusal: &Refusal) -> bool {
        false
    }

    /// Is told of every refusal, its own and those of reading, to count it.
    fn refused(&self, refusal: &Refusal);

    /// Is told where the request went on and nothing was sent all the same: a layer further in refused it, or 8x8 did
    /// (400, 401, 403, 404, 405, 413, 415, 422, 426, 429).
    fn not_sent(&mut self) {}

    /// Is told where the request went on and something may have been sent. What it puts into the response's extensions
    /// is for the layer itself.
    fn sent(&mut self, _response: &mut http::Extensions) {}
}

/// Why a dispatch does not go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Halt {
    /// It is refused.
    Refuse(Refusal),
    /// It is answered in 8x8's place.
    Answer(Box<Response<Bytes>>),
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal)
    }
}

/// The response of a layer that passes a request on, refuses it, or reads it as a dispatch and then does either.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct DispatchFuture<S: Service<Request<B>>, B, H> {
    #[pin]
    state: State<S, B, H, S::Future>,
}

#[pin_project(project = StateProjection)]
enum State<S, B, H, F> {
    /// The inner service was called with the request as it came.
    Passed(#[pin] F),
    /// The inner service was called with what the handler left.
    Called {
        #[pin]
        future: F,
        handler: H,
    },
    /// It will not be called.
    Refused(Option<Response<Bytes>>),
    Reading {
        #[pin]
        read: ReadDispatch<B>,
        next: Option<Next<S, H>>,
    },
    Handling {
        dispatch: Arc<Dispatch>,
        request: Option<Request<B>>,
        next: Option<Next<S, H>>,
    },
}

/// What is needed once the body is there.
struct Next<S, H> {
    /// The service that was made ready.
    service: S,
    handler: H,
    format: RefusalFormat,
}

impl<S: Service<Request<B>>, B, H> DispatchFuture<S, B, H> {
    /// The inner service was called with the request as it is.
    pub fn pass(future: S::Future) -> Self {
        Self { state: State::Passed(future) }
    }

    /// The request is refused as it stands.
    pub fn refuse(refusal: Refusal, format: &RefusalFormat, request_headers: &HeaderMap) -> Self {
        Self { state: State::Refused(Some(format.render_bytes(refusal, request_headers))) }
    }

    /// The request is answered in 8x8's place.
    pub fn answer(response: Response<Bytes>) -> Self {
        Self { state: State::Refused(Some(response)) }
    }
}

impl<S: Service<Request<B>>, B: http_body::Body, H> DispatchFuture<S, B, H> {
    /// Reads `request` as `endpoint`, up to `limit` bytes, and hands it to `handler`. `service` is called with what
    /// it leaves: it has to be ready.
    pub fn read(
        endpoint: Endpoint,
        request: Request<B>,
        limit: usize,
        service: S,
        handler: H,
        format: RefusalFormat,
    ) -> Self {
        let read = ReadDispatch::new(endpoint, request, limit);
        Self { state: State::Reading { read, next: Some(Next { service, handler, format }) } }
    }
}

impl<S, H> Next<S, H> {
    fn refuse<B, F>(&self, refusal: Refusal, request_headers: &HeaderMap) -> State<S, B, H, F>
    where
        H: HandleDispatch<B>,
    {
        self.handler.refused(&refusal);
        State::Refused(Some(self.format.render_bytes(refusal, request_headers)))
    }
}

impl<S, B, H, ResBody> Future for DispatchFuture<S, B, H>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    B: http_body::Body<Data = Bytes> + From<Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
    H: HandleDispatch<B>,
{
    type Output = Result<Response<Body<ResBody>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut this = self.as_mut().project();
            // Where something is missing below, the future was polled after it was done: there is nothing to give.
            let state = match this.state.as_mut().project() {
                StateProjection::Passed(future) => {
                    return future.poll(cx).map_ok(|response| response.map(Body::inner));
                }
                StateProjection::Called { future, handler } => {
                    let mut response = ready!(future.poll(cx))?;
                    if took_nothing(&response) {
                        handler.not_sent();
                    } else {
                        handler.sent(response.extensions_mut());
                    }
                    return Poll::Ready(Ok(response.map(Body::inner)));
                }
                StateProjection::Refused(response) => {
                    let Some(response) = response.take() else {
                        return Poll::Pending;
                    };
                    return Poll::Ready(Ok(response.map(Body::from)));
                }
                StateProjection::Reading { read, next } => {
                    let read = ready!(read.poll(cx));
                    let Some(mut next) = next.take() else {
                        return Poll::Pending;
                    };
                    match read {
                        Ok((request, dispatch)) => {
                            State::Handling { dispatch, request: Some(request), next: Some(next) }
                        }
                        Err(unread) => {
                            let Unread { refusal, parts, body } = *unread;
                            match body.filter(|_| next.handler.passes_unread(&refusal)) {
                                Some(body) => {
                                    let request = Request::from_parts(parts, B::from(body));
                                    State::Passed(next.service.call(request))
                                }
                                None => next.refuse(refusal, &parts.headers),
                            }
                        }
                    }
                }
                StateProjection::Handling { dispatch, request, next } => {
                    let (Some(pending), Some(handling)) = (request.as_mut(), next.as_mut()) else {
                        return Poll::Pending;
                    };
                    let handled = ready!(handling.handler.poll_handle(cx, dispatch, pending));
                    let (Some(request), Some(mut next)) = (request.take(), next.take()) else {
                        return Poll::Pending;
                    };
                    match handled {
                        Ok(()) => State::Called { future: next.service.call(request), handler: next.handler },
                        Err(Halt::Refuse(refusal)) => next.refuse(refusal, request.headers()),
                        Err(Halt::Answer(response)) => State::Refused(Some(*response)),
                    }
                }
            };
            this.state.set(state);
        }
    }
}

impl<S: Service<Request<B>>, B, H> fmt::Debug for DispatchFuture<S, B, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DispatchFuture(..)")
    }
}
