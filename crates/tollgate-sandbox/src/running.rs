use std::io;
use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A sandbox that listens, in a task of its own. Dropping it stops the server.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    task: JoinHandle<io::Result<()>>,
}

impl Running {
    pub(crate) async fn bind(addr: SocketAddr, router: Router) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        Ok(Self { addr: listener.local_addr()?, task: tokio::spawn(serve(listener, router)) })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://` and the address, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts until it is dropped; open connections then finish what they are answering, and close.
pub(crate) async fn serve(listener: TcpListener, router: Router) -> io::Result<()> {
    // Dropped with this future, and not before: it ends the connections, which are tasks of their own.
    let (_until_dropped, dropped) = oneshot::channel::<()>();
    axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            let _ = dropped.await;
        })
        .await
}
