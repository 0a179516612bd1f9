use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tollgate_rate_limit::store::Counts;

/// A request's question, that goes on when nobody waits for it any more: a client that hangs up is charged like any other,
/// what the server was told and what it leased is not lost, and a late answer is taken in.
pub struct Kept {
    asked: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    decided: oneshot::Receiver<Counts>,
    runtime: Handle,
}

impl Kept {
    /// `asked` sends what is decided.
    pub(crate) fn new(
        asked: impl Future<Output = ()> + Send + 'static,
        decided: oneshot::Receiver<Counts>,
        runtime: &Handle,
    ) -> Self {
        Self { asked: Some(Box::pin(asked)), decided, runtime: runtime.clone() }
    }
}

impl Future for Kept {
    type Output = Counts;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Counts> {
        let Some(asked) = &mut self.asked else { return Poll::Pending };
        if asked.as_mut().poll(cx).is_ready() {
            self.asked = None;
        }
        // Sent while polled, which is when it has to be looked for.
        self.decided.try_recv().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(asked) = self.asked.take() {
            self.runtime.spawn(asked);
        }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("is_answered", &self.asked.is_none()).finish_non_exhaustive()
    }
}
