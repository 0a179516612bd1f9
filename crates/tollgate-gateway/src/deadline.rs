//! A body that has to be there within a time.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use pin_project::pin_project;
use tokio::time::Sleep;

/// Fails with [`io::ErrorKind::TimedOut`] where the inner body is not there in time.
#[derive(Debug)]
#[pin_project]
pub(crate) struct Deadline<B> {
    #[pin]
    body: B,
    /// Boxed, so that the body can be moved like the one inside.
    end: Pin<Box<Sleep>>,
    /// Where each frame has its own time.
    frame: Option<Duration>,
}

impl<B> Deadline<B> {
    /// The whole body within a time from now, however it trickles: for what a stranger sends.
    pub(crate) fn whole(body: B, within: Duration) -> Self {
        Self { body, end: Box::pin(tokio::time::sleep(within)), frame: None }
    }

    /// Each part of the body within a time from the one before.
    pub(crate) fn each_frame(body: B, within: Duration) -> Self {
        Self { body, end: Box::pin(tokio::time::sleep(within)), frame: Some(within) }
    }
}

impl<B> http_body::Body for Deadline<B>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn StdError + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        if let Poll::Ready(frame) = this.body.poll_frame(cx) {
            if let Some(within) = this.frame {
                this.end.as_mut().set(tokio::time::sleep(*within));
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        match this.end.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::TimedOut).into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether a time limit is behind an error.
pub(crate) fn timed_out(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(inner) = cause {
        if inner.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::TimedOut) {
            return true;
        }
        cause = inner.source();
    }
    false
}
