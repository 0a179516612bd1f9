use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderValue, Request, header};
use pin_project::pin_project;
use tollgate_core::{Refusal, RefusalKind};

use crate::{Endpoint, Scan, headers};

type BoxError = Box<dyn StdError + Send + Sync>;

/// A body that was buffered and scanned, bound to the very bytes and the endpoint it was scanned as.
///
/// It travels in the request's extensions, so that the next layer need not scan again; a layer that changes the bytes
/// cannot pass a stale one on, because then the bytes are others.
#[derive(Debug)]
pub struct Dispatch {
    endpoint: Endpoint,
    body: Bytes,
    scan: Scan,
}

impl Dispatch {
    fn read(endpoint: Endpoint, body: Bytes) -> Result<Self, Refusal> {
        let scan = Scan::read(endpoint, &body)?;
        Ok(Self { endpoint, body, scan })
    }

    /// Which call it is.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What is in it.
    #[must_use]
    pub fn scan(&self) -> &Scan {
        &self.scan
    }

    /// Whether it was read from these very bytes (the same allocation, which is kept alive here) as this endpoint.
    fn is_of(&self, endpoint: Endpoint, body: &Bytes) -> bool {
        self.endpoint == endpoint && self.body.as_ptr() == body.as_ptr() && self.body.len() == body.len()
    }
}

/// Gives a request whose dispatch was read another body.
pub fn replace_body<B: From<Bytes>>(request: &mut Request<B>, body: Bytes) {
    // What was read is no longer what is sent.
    request.extensions_mut().remove::<Arc<Dispatch>>();
    let headers = request.headers_mut();
    // A stale length would cut the body short on HTTP/1.1, and the caller would see 200.
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::EXPECT);
    *request.body_mut() = B::from(body);
}

/// Reads a request's body to its end and scans it. See [`Unread`] for a request that cannot be read.
///
/// The request given back has the whole body in one piece, and the [`Dispatch`] in its extensions.
#[derive(Debug)]
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ReadDispatch<B> {
    endpoint: Endpoint,
    limit: usize,
    /// Why it is not read at all.
    refused: Option<Refusal>,
    /// `None` once the future is done.
    parts: Option<Parts>,
    #[pin]
    body: B,
    gathered: Gathered,
}

/// The frames so far. One frame stays the very bytes it is: only a second one makes a copy.
#[derive(Debug, Default)]
struct Gathered {
    first: Bytes,
    all: BytesMut,
}

impl Gathered {
    fn len(&self) -> usize {
        self.first.len().max(self.all.len())
    }

    fn push(&mut self, data: Bytes) {
        if self.len() == 0 {
            self.first = data;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
        }
        self.all.extend_from_slice(&data);
    }

    fn take(&mut self) -> Bytes {
        let all = std::mem::take(&mut self.all);
        if all.is_empty() { std::mem::take(&mut self.first) } else { all.freeze() }
    }
}

/// A request that could not be read: why, and its headers, which tell what form the answer should have.
#[derive(Debug)]
pub struct Unread {
    /// Why.
    pub refusal: Refusal,
    /// All of the request but its body.
    pub parts: Parts,
}

impl<B: http_body::Body> ReadDispatch<B> {
    /// Will read `request` as `endpoint`, up to `limit` bytes.
    pub fn new(endpoint: Endpoint, request: Request<B>, limit: usize) -> Self {
        let (parts, body) = request.into_parts();
        let refused = headers::check(&parts.headers).err().or_else(|| {
            let declared = parts.headers.get(header::CONTENT_LENGTH);
            let declared = declared.and_then(|value| value.to_str().ok()?.parse::<u64>().ok()).unwrap_or(0);
            let length = declared.max(body.size_hint().lower());
            (length > limit as u64).then(|| too_large(limit))
        });
        Self { endpoint, limit, refused, parts: Some(parts), body, gathered: Gathered::default() }
    }
}

impl<B> ReadDispatch<B>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    fn poll_body(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Bytes, Refusal>> {
        let mut this = self.project();
        if let Some(refusal) = this.refused.take() {
            return Poll::Ready(Err(refusal));
        }
        loop {
            match ready!(this.body.as_mut().poll_frame(cx)) {
                None => return Poll::Ready(Ok(this.gathered.take())),
                Some(Err(error)) => return Poll::Ready(Err(unreadable(&error.into()))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.len() > this.limit.saturating_sub(this.gathered.len()) => {
                        return Poll::Ready(Err(too_large(*this.limit)));
                    }
                    Ok(data) => this.gathered.push(data),
                    Err(_) => {
                        return Poll::Ready(Err(Refusal::new(
                            RefusalKind::Trailers,
                            "the body has trailers, which cannot be passed on: send it without",
                        )));
                    }
                },
            }
        }
    }
}

impl<B> Future for ReadDispatch<B>
where
    B: http_body::Body<Data = Bytes> + From<Bytes>,
    B::Error: Into<BoxError>,
{
    type Output = Result<(Request<B>, Arc<Dispatch>), Box<Unread>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let read = ready!(self.as_mut().poll_body(cx));
        let this = self.project();
        let Some(mut parts) = this.parts.take() else {
            // Polled after it was done: nothing to give, and no reason to bring the server down.
            return Poll::Pending;
        };
        let endpoint = *this.endpoint;
        let dispatch = read.and_then(|body| {
            let known = parts.extensions.get::<Arc<Dispatch>>();
            match known.filter(|known| known.is_of(endpoint, &body)) {
                Some(known) => Ok(Arc::clone(known)),
                None => Dispatch::read(endpoint, body).map(Arc::new),
            }
        });
        Poll::Ready(match dispatch {
            Ok(dispatch) => {
                parts.extensions.insert(Arc::clone(&dispatch));
                let body = B::from(dispatch.body.clone());
                Ok((Request::from_parts(parts, body), dispatch))
            }
            Err(refusal) => Err(Box::new(Unread { refusal, parts })),
        })
    }
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(
        RefusalKind::BodyTooLarge,
        format!("the body is over the limit of {limit} bytes: send it in several requests"),
    )
}

fn unreadable(error: &BoxError) -> Refusal {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error.as_ref());
    while let Some(inner) = cause {
        if inner.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::TimedOut)
        {
            return Refusal::new(RefusalKind::BodyTimeout, "the body did not come in time: nothing was sent");
        }
        cause = inner.source();
    }
    Refusal::new(RefusalKind::BodyUnreadable, format!("the body could not be read to its end: {error}"))
}

#[cfg(test)]
#[path = "dispatch_tests.rs"]
mod tests;
