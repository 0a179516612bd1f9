use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::ACCEPT_ENCODING;
use http::{Extensions, Request};
use tollgate_8x8::{Dispatch, Endpoint, Halt, HandleDispatch, replace_body, shift};
use tollgate_core::Refusal;

use crate::challenge::Challenge;
use crate::engine::{Action, Attempt, Channel, Charge, Mode, Profile, Verdict};
use crate::guard::PumpGuard;
use crate::learning::What;
use crate::proof::Proof;
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
    /// Of a dispatch to one number: where it goes instead.
    shifted: Option<Channel>,
    /// The solution of a challenge that came with it.
    proof: Proof,
    /// What a client is told whose message is doubtful.
    challenge: Option<Challenge>,
    /// Of a dispatch to one number.
    endpoint: Option<Endpoint>,
}

impl<B: From<Bytes>> HandleDispatch<B> for Judging {
    fn poll_handle(
        &mut self,
        cx: &mut Context<'_>,
        dispatch: &Arc<Dispatch>,
        request: &mut Request<B>,
    ) -> Poll<Result<(), Halt>> {
        match self.advance(dispatch, cx) {
            Some(Ok(())) => {
                // The answer is to be read.
                request.headers_mut().remove(ACCEPT_ENCODING);
                Poll::Ready(self.shift(dispatch, request).map_err(Halt::from))
            }
            Some(Err(halt)) => Poll::Ready(Err(halt)),
            None => Poll::Pending,
        }
    }

    fn refused(&self, refusal: &Refusal) {
        refuse::tell(refusal);
    }

    fn not_sent(&mut self) {
        self.forget();
    }

    fn sent(&mut self, response: &mut Extensions) {
        if let (Some(endpoint), [charge]) = (self.endpoint, self.charges.as_slice()) {
            response.insert(What::Dispatch { endpoint, charge: *charge });
        }
    }
}

impl Judging {
    pub(crate) fn new(guard: PumpGuard, profile: Profile, client_ip: Option<IpAddr>, proof: Proof) -> Self {
        Self {
            guard,
            profile,
            client_ip,
            next: 0,
            bad: Vec::new(),
            charges: Vec::new(),
            shifted: None,
            proof,
            challenge: None,
            endpoint: None,
        }
    }

    fn forget(&mut self) {
        self.charges.drain(..).for_each(|charge| self.guard.forget(charge));
    }

    /// Judges the next few. `None` while there are more; then whether the dispatch may go out.
    fn advance(&mut self, dispatch: &Dispatch, cx: &mut Context<'_>) -> Option<Result<(), Halt>> {
        if let Some(fault) = dispatch.scan().fault() {
            return Some(Err(Refusal::from(fault).into()));
        }
        let endpoint = dispatch.endpoint();
        self.endpoint = Some(endpoint).filter(|endpoint| !endpoint.is_batch());
        let (recipients, body) = (dispatch.scan().recipients(), dispatch.body());
        for (index, recipient) in recipients.iter().enumerate().skip(self.next).take(AT_ONCE) {
            // Text that cannot be decoded (a lone surrogate) is no number either.
            let destination = recipient.destination(body).unwrap_or_default();
            let country = recipient.country(body);
            let mut attempt = self.guard.attempt(&destination, country.as_deref(), self.profile);
            attempt.client_ip = self.client_ip;
            attempt.channel = channel(dispatch);
            attempt.can_shift = endpoint == Endpoint::VerifyStart;
            if recipients.len() == 1 {
                match self.proof.poll(&self.guard, &attempt, cx) {
                    Poll::Ready(proven) => attempt.proven = proven,
                    Poll::Pending => return None,
                }
            }
            let (verdict, charge) = self.guard.judge(&attempt);
            if self.guard.mode() != Mode::Enforce {
                self.charges.extend(charge);
                continue;
            }
            match verdict.action {
                _ if verdict.repeat => return Some(Err(self.again(&attempt, &verdict))),
                Action::Allow => {}
                Action::Shift(channel) => self.shifted = Some(channel),
                action => {
                    if action == Action::Challenge && recipients.len() == 1 {
                        self.challenge = self.guard.challenge(&attempt);
                    }
                    self.bad.push((index, verdict));
                }
            }
            self.charges.extend(charge);
        }
        self.next += AT_ONCE;
        if self.next < recipients.len() {
            // Others first: a batch of 10,000 takes some 50 ms in all.
            cx.waker().wake_by_ref();
            return None;
        }
        if !self.bad.is_empty() {
            // One bad recipient refuses the whole batch.
            self.forget();
        }
        Some(match self.bad.as_slice() {
            [] => Ok(()),
            [(_, verdict)] if recipients.len() == 1 => {
                Err(refuse::one(verdict, self.challenge.take(), self.proof.rejected()).into())
            }
            bad => Err(refuse::batch(recipients.len(), bad).into()),
        })
    }

    /// The first answer, or, where it is not there yet, the wait for it.
    fn again(&mut self, attempt: &Attempt, verdict: &Verdict) -> Halt {
        self.forget();
        match self.guard.answer_again(attempt) {
            Some(response) => Halt::Answer(Box::new(response)),
            None => refuse::too_soon(verdict).into(),
        }
    }

    /// Makes the request one over the channel it goes to instead.
    fn shift<B: From<Bytes>>(
        &mut self,
        dispatch: &Dispatch,
        request: &mut Request<B>,
    ) -> Result<(), Refusal> {
        let Some(channel) = self.shifted else { return Ok(()) };
        let template = self.guard.policy(self.profile).template_of(channel);
        let Some(body) = shift(dispatch.scan(), dispatch.body(), channel.as_str(), template) else {
            self.forget();
            return Err(refuse::cannot_shift());
        };
        replace_body(request, body);
        Ok(())
    }
}

/// What a dispatch asks to be carried by.
fn channel(dispatch: &Dispatch) -> Channel {
    let named = dispatch.scan().channel(dispatch.body());
    named.and_then(|name| Channel::named(&name)).unwrap_or_default()
}
