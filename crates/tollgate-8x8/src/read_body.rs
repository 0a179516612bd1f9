use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderMap, Request, header};
use pin_project::pin_project;
use tollgate_core::{Refusal, RefusalKind};

type BoxError = Box<dyn StdError + Send + Sync>;

/// Reads a request's body to its end, in one piece. See [`Unread`] for one that cannot be read.
#[derive(Debug)]
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct ReadBody<B> {
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
    /// Its body, where that was read to its end all the same.
    pub body: Option<Bytes>,
}

impl<B: http_body::Body> ReadBody<B> {
    /// Will read up to `limit` bytes, unless `check` refuses the request by its headers.
    pub fn checked(
        check: impl FnOnce(&HeaderMap) -> Result<(), Refusal>,
        request: Request<B>,
        limit: usize,
    ) -> Self {
        let (parts, body) = request.into_parts();
        let refused = check(&parts.headers).err().or_else(|| {
            let declared = parts.headers.get(header::CONTENT_LENGTH);
            let declared = declared.and_then(|value| value.to_str().ok()?.parse::<u64>().ok()).unwrap_or(0);
            let length = declared.max(body.size_hint().lower());
            (length > limit as u64).then(|| too_large(limit))
        });
        Self { limit, refused, parts: Some(parts), body, gathered: Gathered::default() }
    }
}

impl<B> ReadBody<B>
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

impl<B> Future for ReadBody<B>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Output = Result<(Parts, Bytes), Box<Unread>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let read = ready!(self.as_mut().poll_body(cx));
        let this = self.project();
        let Some(parts) = this.parts.take() else {
            // Polled after it was done: nothing to give, and no reason to bring the server down.
            return Poll::Pending;
        };
        Poll::Ready(match read {
            Ok(body) => Ok((parts, body)),
            Err(refusal) => {
                // Trailers come last.
                let whole = refusal.kind() == RefusalKind::Trailers;
                let body = whole.then(|| this.gathered.take());
                Err(Box::new(Unread { refusal, parts, body }))
            }
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
mod tests {
    use super::*;

    #[test]
    fn a_body_that_came_too_late_is_told_apart_from_one_that_broke_off() {
        let late: BoxError = Box::new(std::io::Error::from(std::io::ErrorKind::TimedOut));
        assert_eq!(unreadable(&late).kind(), RefusalKind::BodyTimeout);
        assert_eq!(unreadable(&"connection reset".into()).kind(), RefusalKind::BodyUnreadable);
    }
}
