use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use tollgate_8x8::{Dispatch, HandleDispatch};
use tollgate_core::Refusal;

use crate::engine::{Action, Charge, Mode, Profile, Verdict};
use crate::guard::PumpGuard;
use crate::refuse;

/// How many recipients are judged before other tasks get their turn: some 100 µs.
const AT_ONCE: usize = 32;

/// A dispatch whose recipients are being judged, a few at a time.
#[derive(Debug)]
pub struct Judging {
    guard: PumpGuard,
    profile: Profile,
    client_ip: Option<IpAddr>,
    next: usize,
    bad: Vec<(usize, Verdict)>,
    /// What was remembered of the recipients that may be sent to.
    charges: Vec<Charge>,
}

impl<B> HandleDispatch<B> for Judging {
    fn poll_handle(
        &mut self,
        cx: &mut Context<'_>,
        dispatch: &Arc<Dispatch>,
        _: &mut Request<B>,
    ) -> Poll<Result<(), Refusal>> {
        match self.advance(dispatch) {
            Some(judged) => Poll::Ready(judged),
            None => {
                // Others first: a batch of 10,000 takes some 50 ms in all.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn refused(&self, refusal: &Refusal) {
        refuse::tell(refusal);
    }

    fn not_sent(&mut self) {
        self.forget();
    }
}

impl Judging {
    pub(crate) fn new(guard: PumpGuard, profile: Profile, client_ip: Option<IpAddr>) -> Self {
        Self { guard, profile, client_ip, next: 0, bad: Vec::new(), charges: Vec::new() }
    }

    fn forget(&mut self) {
        self.charges.drain(..).for_each(|charge| self.guard.forget(charge));
    }

    /// Judges the next few. `None` while there are more; then whether the dispatch may go out.
    fn advance(&mut self, dispatch: &Dispatch) -> Option<Result<(), Refusal>> {
        if let Some(fault) = dispatch.scan().fault() {
            return Some(Err(fault.into()));
        }
        let (recipients, body) = (dispatch.scan().recipients(), dispatch.body());
        for (index, recipient) in recipients.iter().enumerate().skip(self.next).take(AT_ONCE) {
            // Text that cannot be decoded (a lone surrogate) is no number either.
            let destination = recipient.destination(body).unwrap_or_default();
            let country = recipient.country(body);
            let (verdict, charge) =
                self.guard.judge(&destination, country.as_deref(), self.profile, self.client_ip);
            self.charges.extend(charge);
            if verdict.action != Action::Allow && self.guard.mode() == Mode::Enforce {
                self.bad.push((index, verdict));
            }
        }
        self.next += AT_ONCE;
        if self.next < recipients.len() {
            return None;
        }
        if !self.bad.is_empty() {
            // One bad recipient refuses the whole batch.
            self.forget();
        }
        Some(match self.bad.as_slice() {
            [] => Ok(()),
            [(_, verdict)] if recipients.len() == 1 => Err(refuse::one(verdict)),
            bad => Err(refuse::batch(recipients.len(), bad)),
        })
    }
}
