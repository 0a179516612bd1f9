//! A connection that has to get on.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Fails with [`io::ErrorKind::TimedOut`] where no byte has gone in or out for a while: a client that connects and says
/// nothing, or asks and does not read the answer, must not keep its place for ever.
#[derive(Debug)]
#[pin_project]
pub(crate) struct Idle<T> {
    #[pin]
    io: T,
    limit: Duration,
    end: Pin<Box<Sleep>>,
}

impl<T> Idle<T> {
    pub(crate) fn new(io: T, limit: Duration) -> Self {
        Self { io, limit, end: Box::pin(tokio::time::sleep(limit)) }
    }
}

/// What the connection did, or an error where it did nothing for too long.
fn watch<R>(
    end: &mut Pin<Box<Sleep>>,
    limit: Duration,
    cx: &mut Context<'_>,
    done: Poll<io::Result<R>>,
) -> Poll<io::Result<R>> {
    if done.is_ready() {
        end.as_mut().set(tokio::time::sleep(limit));
        return done;
    }
    ready!(end.as_mut().poll(cx));
    Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
}

impl<T: AsyncRead> AsyncRead for Idle<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        let read = this.io.poll_read(cx, buf);
        watch(this.end, *this.limit, cx, read)
    }
}

impl<T: AsyncWrite> AsyncWrite for Idle<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.project();
        let written = this.io.poll_write(cx, buf);
        watch(this.end, *this.limit, cx, written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Flushing nothing is no getting on: it does not reset the time.
        self.project().io.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        let written = this.io.poll_write_vectored(cx, bufs);
        watch(this.end, *this.limit, cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_says_nothing_or_does_not_read_is_given_up() {
        let (near, _far) = tokio::io::duplex(8);
        let error = Idle::new(near, LIMIT).read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);

        let (near, _far) = tokio::io::duplex(8);
        let error = Idle::new(near, LIMIT).write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_gets_on_slowly_is_not() {
        let (near, mut far) = tokio::io::duplex(8);
        let slow = tokio::spawn(async move {
            for byte in 0..5 {
                tokio::time::sleep(LIMIT * 9 / 10).await;
                far.write_u8(byte).await.unwrap();
            }
        });
        let mut read = Vec::new();
        Idle::new(near, LIMIT).read_to_end(&mut read).await.unwrap();
        assert_eq!(read, [0, 1, 2, 3, 4]);
        slow.await.unwrap();
    }
}
