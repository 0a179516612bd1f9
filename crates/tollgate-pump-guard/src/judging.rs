use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::ACCEPT_ENCODING;
use http::{Extensions, Request, Response, Uri};
use tollgate_8x8::{Dispatch, Endpoint, Halt, HandleDispatch, Removed, StartEdit, replace_body, without};
use tollgate_core::Refusal;

use crate::challenge::Challenge;
use crate::engine::{Action, Asn, Attempt, BatchPolicy, Caller, Channel, Mode, Profile, Verdict};
use crate::guard::PumpGuard;
use crate::known::Known;
use crate::learning::{Charged, What};
use crate::not_sent::NotSent;
use crate::pass::Pass;
use crate::proof::Proof;
use crate::{code_length, refuse};

/// How many recipients are judged before other tasks get their turn: some 100 µs.
const AT_ONCE: usize = 32;

/// A dispatch whose recipients are being judged, a few at a time.
#[derive(Debug)]
pub struct Judging {
    guard: PumpGuard,
    profile: Profile,
    client_ip: Option<IpAddr>,
    caller: Caller,
    asn: Option<Asn>,
    next: usize,
    bad: Vec<(usize, Verdict)>,
    /// What was remembered of the recipients that may be sent to.
    charges: Vec<Charged>,
    /// How many it goes out to.
    recipients: usize,
    /// The recipients of a batch that it goes out without.
    not_sent: Option<NotSent>,
    /// Of a dispatch to one number: where it goes instead.
    shifted: Option<Channel>,
    /// The solution of a challenge that came with it.
    proof: Proof,
    /// What somebody else knows of a dispatch's one number.
    known: Known,
    /// One recipient's, that was judged where the app serves.
    pass: Option<Pass>,
    /// Whether the app's trap for machines caught it.
    trap: bool,
    /// What a client is told whose message is doubtful.
    challenge: Option<Challenge>,
    /// What a client is told whose message is blocked, where that is not the truth.
    decoy: Option<Response<Bytes>>,
    /// Once it is known.
    endpoint: Option<Endpoint>,
    /// Where it goes, where 8x8 may have to be told of it later.
    uri: Option<Uri>,
    /// Tells this request from every other that is not the same one again.
    press: u64,
}

impl<B: From<Bytes>> HandleDispatch<B> for Judging {
    fn poll_handle(
        &mut self,
        cx: &mut Context<'_>,
        dispatch: &Arc<Dispatch>,
        request: &mut Request<B>,
    ) -> Poll<Result<(), Halt>> {
        // Before anything is remembered of it.
        let code_length = match code_length::judge(self.guard.policy(self.profile), dispatch) {
            Ok(code_length) => code_length,
            Err(refusal) => return Poll::Ready(Err(refusal.into())),
        };
        if self.next == 0 {
            self.press = self.guard.press(request, self.client_ip, dispatch.body());
        }
        match self.advance(dispatch, request.uri().path(), cx) {
            Some(Ok(())) => {
                // The answer is to be read.
                request.headers_mut().remove(ACCEPT_ENCODING);
                self.uri = self.guard.tells_8x8().then(|| request.uri().clone());
                Poll::Ready(self.rewrite(dispatch, code_length, request).map_err(Halt::from))
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
        if let Some(not_sent) = self.not_sent.take() {
            response.insert(not_sent);
        }
        match (self.endpoint, self.charges.as_slice()) {
            (Some(endpoint), _) if endpoint.is_batch() => {
                let (charges, recipients) = (std::mem::take(&mut self.charges), self.recipients);
                if !charges.is_empty() {
                    response.insert(What::Batch { endpoint, charges, recipients });
                }
            }
            (Some(endpoint), [charged]) => {
                let uri = self.uri.take();
                response.insert(What::Dispatch { endpoint, charge: charged.charge, uri, press: self.press });
            }
            _ => {}
        }
    }
}

impl Judging {
    pub(crate) fn new(
        guard: PumpGuard,
        profile: Profile,
        client_ip: Option<IpAddr>,
        proof: Proof,
        pass: Option<Pass>,
        trap: bool,
    ) -> Self {
        Self {
            guard,
            profile,
            client_ip,
            caller: Caller::new(),
            asn: None,
            next: 0,
            bad: Vec::new(),
            charges: Vec::new(),
            recipients: 0,
            not_sent: None,
            shifted: None,
            proof,
            known: Known::default(),
            pass,
            trap,
            challenge: None,
            decoy: None,
            endpoint: None,
            uri: None,
            press: 0,
        }
    }

    /// The same, asked for by whom the request's extensions name.
    pub(crate) fn asked_by(mut self, extensions: &Extensions) -> Self {
        self.caller = extensions.get().cloned().unwrap_or_default();
        self.asn = extensions.get().copied();
        self
    }

    fn forget(&mut self) {
        self.charges.drain(..).for_each(|charged| self.guard.forget(charged.charge));
    }

    /// Judges the next few. `None` while there are more; then whether the dispatch may go out.
    fn advance(&mut self, dispatch: &Dispatch, path: &str, cx: &mut Context<'_>) -> Option<Result<(), Halt>> {
        if let Some(fault) = dispatch.scan().fault() {
            return Some(Err(Refusal::from(fault).into()));
        }
        let endpoint = dispatch.endpoint();
        self.endpoint = Some(endpoint);
        let (recipients, body) = (dispatch.scan().recipients(), dispatch.body());
        for (index, recipient) in recipients.iter().enumerate().skip(self.next).take(AT_ONCE) {
            // Text that cannot be decoded (a lone surrogate) is no number either.
            let destination = recipient.destination(body).unwrap_or_default();
            let country = recipient.country(body);
            let mut attempt = self.guard.attempt(&destination, country.as_deref(), self.profile);
            attempt.client_ip = self.client_ip;
            attempt.caller = self.caller.clone();
            attempt.asn = self.asn;
            attempt.channel = channel(dispatch);
            attempt.trap = self.trap;
            attempt.can_shift = endpoint == Endpoint::VerifyStart;
            // With nobody before it that stays, it stands for the request.
            attempt.batched = index > self.bad.len();
            let judged = self.pass.as_ref().and_then(|pass| self.guard.take_pass(pass, &attempt));
            if judged.is_none() && recipients.len() == 1 {
                match self.proof.poll(&self.guard, &attempt, cx) {
                    Poll::Ready(proven) => attempt.proven = proven,
                    Poll::Pending => return None,
                }
                match self.known.poll(&self.guard, &attempt, cx) {
                    Poll::Ready(facts) => attempt.facts = facts,
                    Poll::Pending => return None,
                }
            }
            let (verdict, charge) = judged.unwrap_or_else(|| self.guard.judge(&attempt));
            // How many of those before it stay.
            let place = index - self.bad.len();
            self.charges.extend(charge.map(|charge| Charged::new(charge, &attempt.reading, place)));
            if self.guard.mode() != Mode::Enforce {
                continue;
            }
            match verdict.action {
                // There is no other answer for one of many.
                _ if verdict.repeat && endpoint.is_batch() => self.bad.push((index, verdict)),
                _ if verdict.repeat => return Some(Err(self.again(&attempt))),
                Action::Allow => {}
                Action::Shift(channel) => self.shifted = Some(channel),
                action => {
                    if action == Action::Challenge && recipients.len() == 1 {
                        self.challenge = self.guard.challenge(&attempt);
                    } else if let Some(decoys) =
                        self.guard.decoys(self.profile).filter(|_| !endpoint.is_batch())
                    {
                        self.decoy = decoys.start(dispatch, path, &attempt, &verdict, self.guard.now());
                    }
                    self.bad.push((index, verdict));
                }
            }
        }
        self.next += AT_ONCE;
        if self.next < recipients.len() {
            // Others first: a batch of 10,000 takes some 50 ms in all.
            cx.waker().wake_by_ref();
            return None;
        }
        self.recipients = recipients.len() - self.bad.len();
        Some(self.end(endpoint, recipients.len()))
    }

    /// Whether it may go out, once all recipients are judged.
    fn end(&mut self, endpoint: Endpoint, recipients: usize) -> Result<(), Halt> {
        let in_part = endpoint.is_batch() && self.guard.policy(self.profile).batch == BatchPolicy::SendRest;
        if self.bad.is_empty() || in_part && self.recipients > 0 {
            return Ok(());
        }
        // One bad recipient refuses the whole batch.
        self.forget();
        match self.bad.as_slice() {
            [(_, verdict)] if recipients == 1 => {
                let refusal = refuse::one(verdict, self.challenge.take(), self.proof.rejected());
                let Some(decoy) = self.decoy.take() else { return Err(refusal.into()) };
                refuse::tell(&refusal);
                Err(Halt::Answer(Box::new(decoy)))
            }
            bad => Err(refuse::batch(recipients, bad).into()),
        }
    }

    /// The first answer to the same request, or the wait: where there is none yet, or the first one was another request.
    fn again(&mut self, attempt: &Attempt) -> Halt {
        self.forget();
        match self.guard.answer_again(attempt, self.press) {
            Some(response) => Halt::Answer(Box::new(response)),
            None => refuse::too_soon().into(),
        }
    }

    /// Makes the request the one that goes out: without bad recipients, over another channel, with a longer code.
    fn rewrite<B: From<Bytes>>(
        &mut self,
        dispatch: &Dispatch,
        code_length: Option<u8>,
        request: &mut Request<B>,
    ) -> Result<(), Refusal> {
        let (scan, body) = (dispatch.scan(), dispatch.body());
        let acts = self.guard.mode() == Mode::Enforce;
        if code_length.is_some() {
            code_length::tell(acts);
        }
        let edit = StartEdit {
            channel: self.shifted.map(Channel::as_str),
            template: self.shifted.and_then(|channel| self.guard.policy(self.profile).template_of(channel)),
            code_length: code_length.filter(|_| acts),
        };
        let changed = if !self.bad.is_empty() {
            let bad: Vec<_> = self.bad.iter().map(|(index, _)| *index).collect();
            let rest = without(scan, body, &bad);
            request.extensions_mut().insert(Removed::new(bad));
            rest
        } else if !edit.is_empty() {
            edit.apply(scan, body)
        } else {
            return Ok(());
        };
        let Some(body) = changed else {
            self.forget();
            return Err(refuse::cannot_change());
        };
        replace_body(request, body);
        if !self.bad.is_empty() {
            let not_sent = NotSent::new(std::mem::take(&mut self.bad));
            not_sent.tell(scan.recipients().len());
            self.not_sent = Some(not_sent);
        }
        Ok(())
    }
}

/// What a dispatch asks to be carried by. Only a verification start can: elsewhere 8x8 does not look.
fn channel(dispatch: &Dispatch) -> Channel {
    let names = matches!(dispatch.endpoint(), Endpoint::VerifyStart | Endpoint::LegacyVerify);
    let named = names.then(|| dispatch.scan().channel(dispatch.body())).flatten();
    named.and_then(|name| Channel::named(&name)).unwrap_or_default()
}
