use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Sleep;

use super::{Accept, ProxyHeaderError, ProxyProtocol, ProxyStream};

/// How many headers may be on their way at once.
const PENDING: usize = 1024;

/// How long to wait where the system has no more file descriptors or memory, as axum and hyper do.
const PAUSE: Duration = Duration::from_secs(1);

/// A listener whose connections are behind their PROXY protocol header, where the gate expects one.
///
/// A peer that is slow with its header keeps nobody waiting: headers are read beside each other, and a connection is
/// given out once it is behind its own. At most 1024 are on their way (then no more are accepted until one ends, at the
/// gate's time limit at the latest), so they take at most 8 MiB and as many file descriptors. Refused ones are closed,
/// counted and traced. Errors of `accept` that belong to one connection are passed over, others are logged and waited
/// out for a second, in which connections that are already there go on.
///
/// It is to be used within a tokio runtime. Connections whose header is on its way end with the listener.
#[derive(Debug)]
#[must_use]
pub struct ProxyListener<L: Accept> {
    listener: L,
    gate: ProxyProtocol,
    pending: JoinSet<Result<ProxyStream<L::Io>, ProxyHeaderError>>,
    max_pending: usize,
    pause: Option<Pin<Box<Sleep>>>,
}

impl<L: Accept> ProxyListener<L> {
    /// Of tokio's `TcpListener` or `UnixListener`.
    pub fn new(listener: L, gate: ProxyProtocol) -> Self {
        Self { listener, gate, pending: JoinSet::new(), max_pending: PENDING, pause: None }
    }

    /// How many headers may be on their way at once; 0 means 1.
    pub fn with_max_pending(mut self, max_pending: usize) -> Self {
        self.max_pending = max_pending.max(1);
        self
    }

    /// The next connection that is ready to be served, whichever is first.
    ///
    /// It is cancel safe: a connection is either given out or kept.
    pub async fn accept(&mut self) -> ProxyStream<L::Io> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// [`accept`](Self::accept), for a future or stream of one's own.
    pub fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<ProxyStream<L::Io>> {
        loop {
            // First, and after each `spawn`: so that no flood of new connections holds back those that are ready, and
            // the newest header's task wakes this one.
            match self.pending.poll_join_next(cx) {
                Poll::Ready(Some(Ok(Ok(stream)))) => return Poll::Ready(stream),
                // The gate has said why.
                Poll::Ready(Some(Ok(Err(_)))) => continue,
                Poll::Ready(Some(Err(error))) => {
                    tracing::error!(%error, "reading of a PROXY header did not end well");
                    continue;
                }
                Poll::Ready(None) | Poll::Pending => {}
            }
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            if self.pending.len() >= self.max_pending {
                return Poll::Pending;
            }
            match ready!(self.listener.poll_accept(cx)) {
                Ok((io, socket)) if self.gate.expects_header(socket) => {
                    self.pending.spawn(self.gate.read(io, socket));
                }
                Ok((io, socket)) => return Poll::Ready(ProxyProtocol::pass(io, socket)),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "accept failed");
                    self.pause = Some(Box::pin(tokio::time::sleep(PAUSE)));
                }
            }
        }
    }

    /// As a stream of connections, for tonic's `serve_with_incoming`. It never ends, and no item is an error.
    pub fn into_incoming(self) -> ProxyIncoming<L> {
        ProxyIncoming { listener: self }
    }

    /// The inner listener, for its address.
    pub fn get_ref(&self) -> &L {
        &self.listener
    }
}

/// The client's doing, as axum sorts it: the listener is as well as before.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};

    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// The connections of a [`ProxyListener`]; see [`ProxyListener::into_incoming`].
#[derive(Debug)]
#[must_use]
pub struct ProxyIncoming<L: Accept> {
    listener: ProxyListener<L>,
}

impl<L: Accept> ProxyIncoming<L> {
    /// The listener, for its address.
    pub fn get_ref(&self) -> &ProxyListener<L> {
        &self.listener
    }
}

impl<L: Accept> futures_core::Stream for ProxyIncoming<L> {
    type Item = io::Result<ProxyStream<L::Io>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().listener.poll_accept(cx).map(|stream| Some(Ok(stream)))
    }
}

#[cfg(feature = "axum")]
impl<L: Accept> axum::serve::Listener for ProxyListener<L> {
    type Io = ProxyStream<L::Io>;
    type Addr = tollgate_core::Peer;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let stream = Self::accept(self).await;
        let peer = stream.peer();
        (stream, peer)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local()
    }
}

#[cfg(feature = "axum")]
impl<L: Accept> tollgate_core::PeerListener for ProxyListener<L> {
    fn peer(addr: &Self::Addr) -> tollgate_core::Peer {
        *addr
    }
}

#[cfg(test)]
mod tests;
