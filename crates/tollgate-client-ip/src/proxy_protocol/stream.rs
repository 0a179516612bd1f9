use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use pin_project::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tollgate_core::Peer;

/// A connection behind its PROXY protocol header, or one that has none to begin with; made by
/// [`ProxyProtocol::accept`](super::ProxyProtocol::accept).
///
/// With the feature `tonic` it is a connection that tonic can serve, whose [`Peer`] is in each request's extensions.
#[pin_project]
pub struct ProxyStream<IO> {
    #[pin]
    io: IO,
    unread: Bytes,
    peer: Peer,
}

impl<IO> ProxyStream<IO> {
    /// A connection of which some bytes were read already: `unread` comes first. For those who looked at what
    /// [`into_parts`](Self::into_parts) gave them.
    pub fn from_parts(io: IO, unread: Bytes, peer: Peer) -> Self {
        Self { io, unread, peer }
    }

    /// Who is connected: [`Peer::Proxied`] behind a header, else the socket's peer.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// What was read together with the header: the next reads give it first, and the inner connection does not have it
    /// any more, not even for a `peek`. At most 92 bytes behind a header.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        &self.unread
    }

    /// The inner connection, for its socket options and addresses.
    pub fn get_ref(&self) -> &IO {
        &self.io
    }

    /// The inner connection, and [what comes before](Self::unread) its next byte.
    #[must_use]
    pub fn into_parts(self) -> (IO, Bytes) {
        (self.io, self.unread)
    }
}

/// What was read is the client's, and may hold its credentials: only its length is shown.
impl<IO: fmt::Debug> fmt::Debug for ProxyStream<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyStream")
            .field("io", &self.io)
            .field("unread", &self.unread.len())
            .field("peer", &self.peer)
            .finish()
    }
}

impl<IO: AsyncRead> AsyncRead for ProxyStream<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        if this.unread.is_empty() {
            return this.io.poll_read(cx, buf);
        }
        let length = buf.remaining().min(this.unread.len());
        buf.put_slice(this.unread.get(..length).unwrap_or_default());
        this.unread.advance(length);
        if this.unread.is_empty() {
            // Else the header's memory would stay for as long as the connection lives.
            *this.unread = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite> AsyncWrite for ProxyStream<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.project().io.poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
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
        self.project().io.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

/// Also over TLS: tonic inserts the inner connection's info beside its own.
#[cfg(feature = "tonic")]
impl<IO> tonic::transport::server::Connected for ProxyStream<IO> {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer
    }
}
