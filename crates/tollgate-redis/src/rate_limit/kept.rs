use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tollgate_rate_limit::store::Counts;

/// A request's question, that goes on when nobody waits for it any more: a client that hangs up is charged like any other,
/// and what the server was told and what it leased is not lost.
pub struct Kept {
    asked: Option<Pin<Box<dyn Future<Output = Counts> + Send>>>,
    runtime: Handle,
}

impl Kept {
    pub(crate) fn new(asked: impl Future<Output = Counts> + Send + 'static, runtime: &Handle) -> Self {
        Self { asked: Some(Box::pin(asked)), runtime: runtime.clone() }
    }
}

impl Future for Kept {
    type Output = Counts;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Counts> {
        let Some(asked) = &mut self.asked else { return Poll::Pending };
        let answer = asked.as_mut().poll(cx);
        if answer.is_ready() {
            self.asked = None;
        }
        answer
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
