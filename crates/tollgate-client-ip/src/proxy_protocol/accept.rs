use std::fmt::Debug;
use std::io;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};
use tollgate_core::Peer;

/// What a [`ProxyListener`](super::ProxyListener) is made of: tokio's `TcpListener`, whose connections then send
/// without delay (`TCP_NODELAY`), or `UnixListener`. Nobody else can implement it.
pub trait Accept: sealed::Sealed + Debug + Send + Unpin + 'static {
    /// A connection.
    type Io: AsyncRead + AsyncWrite + Debug + Send + Unpin + 'static;

    /// The next connection, and who holds its other end.
    ///
    /// # Errors
    ///
    /// Those of the system's `accept`.
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Self::Io, Peer)>>;

    /// This end: where it listens.
    ///
    /// # Errors
    ///
    /// Those of the system's `getsockname`.
    fn local(&self) -> io::Result<Peer>;
}

impl Accept for TcpListener {
    type Io = TcpStream;

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, Peer)>> {
        Self::poll_accept(self, cx).map_ok(|(stream, addr)| {
            // Without it answers are late, and nothing worse.
            let _ = stream.set_nodelay(true);
            (stream, Peer::Tcp(addr))
        })
    }

    fn local(&self) -> io::Result<Peer> {
        self.local_addr().map(Peer::Tcp)
    }
}

#[cfg(unix)]
impl Accept for UnixListener {
    type Io = UnixStream;

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, Peer)>> {
        Self::poll_accept(self, cx).map_ok(|(stream, _)| (stream, Peer::Unix))
    }

    fn local(&self) -> io::Result<Peer> {
        Ok(Peer::Unix)
    }
}

pub(super) mod sealed {
    pub trait Sealed {}

    impl Sealed for tokio::net::TcpListener {}

    #[cfg(unix)]
    impl Sealed for tokio::net::UnixListener {}
}
