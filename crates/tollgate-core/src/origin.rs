use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Extensions;
use pin_project::pin_project;

use crate::ClientIp;

tokio::task_local! {
    static AMBIENT: Origin;
}

/// On whose behalf a request is made.
///
/// An outgoing request carries it in its extensions (as `Origin` or as [`ClientIp`]), or takes it from the ambient
/// scope of the task it is made in. With neither, the origin is unknown and outbound layers refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// An end user, at this address.
    Client(ClientIp),
    /// No end user: a cron job, a campaign. `clientIp` is left out, and that is counted.
    System,
    /// There is an end user, but nothing vouches for an address. Set by resolvers that let such requests pass;
    /// it hides any outer scope, so that nobody else's address is used.
    Undetermined,
}

impl Origin {
    /// What the request says of itself: an [`Origin`] or a [`ClientIp`] in its extensions.
    ///
    /// Where both are there and contradict each other, the client's address wins over [`Origin::System`] (an address
    /// is counted and limited, its absence is not), and [`Origin::Undetermined`] over an address.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<Self> {
        match (extensions.get::<Origin>(), extensions.get::<ClientIp>()) {
            (None | Some(Self::System), Some(client)) => Some(Self::Client(*client)),
            (Some(origin), _) => Some(*origin),
            (None, None) => None,
        }
    }

    /// The ambient scope's origin.
    #[must_use]
    pub fn current() -> Option<Self> {
        AMBIENT.try_with(|origin| *origin).ok()
    }

    /// What the request says of itself, else the ambient scope's origin, else [`Origin::Undetermined`].
    #[must_use]
    pub fn resolve(extensions: &Extensions) -> Self {
        Self::of(extensions).or_else(Self::current).unwrap_or(Self::Undetermined)
    }

    /// Runs `future` with this as the ambient origin, around every poll.
    pub fn scope<F>(self, future: F) -> Scoped<F> {
        Scoped { origin: self, future }
    }

    /// Runs `f` with this as the ambient origin.
    pub fn sync_scope<R>(self, f: impl FnOnce() -> R) -> R {
        AMBIENT.sync_scope(self, f)
    }
}

/// A future with an ambient [`Origin`]; made by [`Origin::scope`].
#[derive(Debug)]
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct Scoped<F> {
    origin: Origin,
    #[pin]
    future: F,
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        AMBIENT.sync_scope(*this.origin, || this.future.poll(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(text: &str) -> ClientIp {
        ClientIp::asserted(text.parse().unwrap())
    }

    #[test]
    fn the_request_itself_wins_over_the_ambient_scope() {
        let mut extensions = Extensions::new();
        Origin::Client(client("192.0.2.1")).sync_scope(|| {
            assert_eq!(Origin::resolve(&extensions), Origin::Client(client("192.0.2.1")));
            extensions.insert(client("192.0.2.2"));
            assert_eq!(Origin::resolve(&extensions), Origin::Client(client("192.0.2.2")));
        });
        assert_eq!(Origin::resolve(&Extensions::new()), Origin::Undetermined);
    }

    #[test]
    fn a_contradiction_is_settled_for_the_side_that_is_limited() {
        let mut extensions = Extensions::new();
        extensions.insert(client("192.0.2.1"));
        extensions.insert(Origin::System);
        assert_eq!(Origin::resolve(&extensions), Origin::Client(client("192.0.2.1")));
        extensions.insert(Origin::Undetermined);
        assert_eq!(Origin::resolve(&extensions), Origin::Undetermined);
    }

    #[tokio::test]
    async fn a_scope_holds_across_awaits_and_inner_scopes_hide_outer_ones() {
        client("192.0.2.1")
            .scope(async {
                tokio::task::yield_now().await;
                assert_eq!(ClientIp::current(), Some(client("192.0.2.1")));
                Origin::Undetermined.scope(async { assert_eq!(ClientIp::current(), None) }).await;
                assert_eq!(ClientIp::current(), Some(client("192.0.2.1")));
            })
            .await;
        assert_eq!(Origin::current(), None);
    }

    #[tokio::test]
    async fn a_spawned_task_is_outside_unless_the_scope_is_carried_there() {
        client("192.0.2.1")
            .scope(async {
                assert_eq!(tokio::spawn(async { ClientIp::current() }).await.unwrap(), None);
                let carried = client("192.0.2.1").scope(async { ClientIp::current() });
                assert_eq!(tokio::spawn(carried).await.unwrap(), Some(client("192.0.2.1")));
            })
            .await;
    }
}
