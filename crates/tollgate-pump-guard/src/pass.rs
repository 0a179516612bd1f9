//! An attempt that was judged where the app serves, on its way to where it is sent.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project::pin_project;

use crate::engine::{Action, Attempt, Channel, Charge, Profile, Verdict};
use crate::guard::PumpGuard;

tokio::task_local! {
    static AMBIENT: Pass;
}

/// What the guard said of an attempt, so that [`SmsPumpGuard`](crate::SmsPumpGuard) of the same guard does not judge and
/// count it again when it is sent.
///
/// It holds once, for one number and profile, for [ten minutes](Pass::VALID_FOR). A message to another number, or in
/// another profile, is judged as if there were no pass. It travels in the outgoing request's extensions or by the
/// ambient scope ([`Pass::scope`]); the request's own goes first.
///
/// An attempt that is never sent keeps counting, as any that nobody verifies, unless it is told:
/// [`not_sent`](Pass::not_sent).
#[derive(Clone)]
pub struct Pass(Arc<Inner>);

struct Inner {
    guard: PumpGuard,
    verdict: Verdict,
    /// `None` for a second press: the first one's is the one that counts.
    charge: Option<Charge>,
    /// The number's keyed hash.
    number: u64,
    profile: Profile,
    /// By what it was judged to go.
    channel: Channel,
    until: Duration,
    used: AtomicBool,
    /// Whether nobody can send but a guard that takes this pass.
    forgotten_unused: AtomicBool,
}

impl Pass {
    /// How long a pass holds.
    pub const VALID_FOR: Duration = Duration::from_secs(600);

    pub(crate) fn new(
        guard: PumpGuard,
        verdict: Verdict,
        charge: Option<Charge>,
        number: u64,
        attempt: &Attempt,
        now: Duration,
    ) -> Self {
        Self(Arc::new(Inner {
            guard,
            verdict,
            charge,
            number,
            profile: attempt.profile,
            channel: attempt.channel,
            until: now + Self::VALID_FOR,
            used: AtomicBool::new(false),
            forgotten_unused: AtomicBool::new(false),
        }))
    }

    /// The ambient scope's pass.
    #[must_use]
    pub fn current() -> Option<Self> {
        AMBIENT.try_with(Clone::clone).ok()
    }

    /// Runs `future` with this as the ambient pass, around every poll. Spawned tasks are outside.
    pub fn scope<F>(self, future: F) -> WithPass<F> {
        WithPass { pass: Some(self), future }
    }

    /// Runs `f` with this as the ambient pass.
    pub(crate) fn sync_scope<R>(self, f: impl FnOnce() -> R) -> R {
        AMBIENT.sync_scope(self, f)
    }

    /// What the guard said.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        &self.0.verdict
    }

    /// The message goes out by another way than [`SmsPumpGuard`](crate::SmsPumpGuard): nobody else may use the pass.
    pub fn sent(&self) {
        self.0.used.store(true, Ordering::Relaxed);
    }

    /// The message is not sent after all: the attempt is forgotten. After the pass was used it changes nothing.
    pub fn not_sent(&self) {
        self.0.give_up();
    }

    /// From now on it is forgotten once nobody has it any more and it was not used.
    pub(crate) fn forget_unused(&self) {
        self.0.forgotten_unused.store(true, Ordering::Relaxed);
    }

    /// Uses it for this attempt, if it is for it.
    pub(crate) fn take(
        &self,
        guard: &PumpGuard,
        attempt: &Attempt,
        now: Duration,
    ) -> Option<(Verdict, Option<Charge>)> {
        let inner = &*self.0;
        let fits = guard.shares_memory_with(&inner.guard)
            && attempt.profile == inner.profile
            && guard.number_key(attempt) == Some(inner.number);
        if !fits || now >= inner.until || inner.used.swap(true, Ordering::Relaxed) {
            return None;
        }
        if attempt.channel == Channel::Call && inner.channel != Channel::Call {
            // It was let through, and paid for, as a message.
            inner.forget();
            return None;
        }
        let mut verdict = inner.verdict.clone();
        if let Action::Shift(channel) = verdict.action {
            if attempt.channel == channel {
                verdict.action = Action::Allow;
            } else if !attempt.can_shift || !attempt.channel.pays_the_range() {
                // It was let through for a channel that pays nobody, and goes over another.
                inner.forget();
                return None;
            }
        }
        Some((verdict, inner.charge))
    }
}

impl Inner {
    fn give_up(&self) {
        if !self.used.swap(true, Ordering::Relaxed) {
            self.forget();
        }
    }

    fn forget(&self) {
        if let Some(charge) = self.charge {
            self.guard.forget(charge);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if *self.forgotten_unused.get_mut() {
            self.give_up();
        }
    }
}

/// Shows no number.
impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass")
            .field("profile", &self.0.profile)
            .field("used", &self.0.used.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

/// A future with an ambient [`Pass`]; made by [`Pass::scope`].
#[derive(Debug)]
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct WithPass<F> {
    /// `None` leaves the scope as it is.
    pass: Option<Pass>,
    #[pin]
    future: F,
}

impl<F> WithPass<F> {
    pub(crate) fn new(pass: Option<Pass>, future: F) -> Self {
        Self { pass, future }
    }
}

impl<F: Future> Future for WithPass<F> {
    type Output = F::Output;

    fn poll(self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.pass {
            Some(pass) => pass.clone().sync_scope(|| this.future.poll(cx)),
            None => this.future.poll(cx),
        }
    }
}
