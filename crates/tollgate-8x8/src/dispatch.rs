use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, header};
use pin_project::pin_project;
use tollgate_core::Refusal;

use crate::{Endpoint, ReadBody, Scan, Unread, headers};

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
    fit_headers(request.headers_mut(), body.len());
    *request.body_mut() = B::from(body);
}

/// Makes headers say of a body in one piece what is so.
fn fit_headers(headers: &mut HeaderMap, length: usize) {
    // A stale length would cut the body short on HTTP/1.1, and the caller would see 200.
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::TRAILER);
    // The body is here already: nobody has to be asked for leave to send it.
    headers.remove(header::EXPECT);
}

/// Reads a request's body to its end and scans it. See [`Unread`] for a request that cannot be read.
///
/// The request given back has the whole body in one piece, and the [`Dispatch`] in its extensions.
#[derive(Debug)]
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ReadDispatch<B> {
    endpoint: Endpoint,
    #[pin]
    read: ReadBody<B>,
}

impl<B: http_body::Body> ReadDispatch<B> {
    /// Will read `request` as `endpoint`, up to `limit` bytes.
    pub fn new(endpoint: Endpoint, request: Request<B>, limit: usize) -> Self {
        Self { endpoint, read: ReadBody::checked(headers::refuse_other_than_json, request, limit) }
    }
}

impl<B> Future for ReadDispatch<B>
where
    B: http_body::Body<Data = Bytes> + From<Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Output = Result<(Request<B>, Arc<Dispatch>), Box<Unread>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (mut parts, body) = match ready!(this.read.poll(cx)) {
            Ok(read) => read,
            Err(mut unread) => {
                if let Some(body) = &unread.body {
                    fit_headers(&mut unread.parts.headers, body.len());
                }
                return Poll::Ready(Err(unread));
            }
        };
        let endpoint = *this.endpoint;
        let known = parts.extensions.get::<Arc<Dispatch>>();
        let dispatch = match known.filter(|known| known.is_of(endpoint, &body)) {
            Some(known) => Ok(Arc::clone(known)),
            None => Dispatch::read(endpoint, body.clone()).map(Arc::new),
        };
        fit_headers(&mut parts.headers, body.len());
        Poll::Ready(match dispatch {
            Ok(dispatch) => {
                parts.extensions.insert(Arc::clone(&dispatch));
                Ok((Request::from_parts(parts, B::from(body)), dispatch))
            }
            Err(refusal) => Err(Box::new(Unread { refusal, parts, body: Some(body) })),
        })
    }
}

#[cfg(test)]
#[path = "dispatch_tests.rs"]
mod tests;
