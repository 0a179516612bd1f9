//! A code check on its way to 8x8: it counts as a wrong code until 8x8 says that it was none.

use std::net::IpAddr;

use http::{Response, StatusCode};
use tollgate_8x8::{CodeCheck, Session, SessionStatus, took_nothing};
use tollgate_core::RefusalKind;

use crate::engine::{Charge, Guess, Outcome};
use crate::guard::PumpGuard;
use crate::learning::not_learned;

/// A code check that went out. Its guess is given back where the code was right or the verification had expired, where 8x8
/// or a layer further in refused to look at it, and where 8x8 or the way to it failed (5xx, a broken connection).
///
/// Everything else counts as a wrong code: whoever asks can bring it about at will once 8x8 has judged. He hangs up; he has
/// the answer come in part, or in a form that the guard cannot read (`Range`, `If-None-Match`, `Accept`); or he sends a body
/// that never ends, and with it any failure.
#[derive(Debug)]
pub(crate) struct Checking {
    guard: PumpGuard,
    check: CodeCheck,
    charge: Option<Charge>,
    client: Option<IpAddr>,
    /// `None` where it brings no code, or its guess was given back.
    guess: Option<Guess>,
    has_body: bool,
    is_answered: bool,
}

impl Checking {
    pub(crate) fn new(
        guard: PumpGuard,
        check: CodeCheck,
        charge: Option<Charge>,
        client: Option<IpAddr>,
        guess: Option<Guess>,
    ) -> Self {
        Self { guard, check, charge, client, guess, has_body: false, is_answered: false }
    }

    /// The same of a request with a body.
    pub(crate) fn with_body(mut self, has_body: bool) -> Self {
        self.has_body = has_body;
        self
    }

    pub(crate) fn check(&self) -> &CodeCheck {
        &self.check
    }

    /// It was no guess.
    pub(crate) fn give_back(&mut self) {
        if let Some(guess) = self.guess.take() {
            self.guard.take_back(guess);
        }
    }

    /// The inner service failed.
    pub(crate) fn failed(mut self) {
        self.is_answered = true;
        if !self.has_body {
            self.give_back();
        }
    }

    /// Itself, where the body of the answer says more.
    pub(crate) fn answered<B>(mut self, response: &Response<B>) -> Option<Self> {
        self.is_answered = true;
        let status = response.status();
        let refused_here = response.extensions().get::<RefusalKind>().is_some();
        if (status == StatusCode::OK || status == StatusCode::NOT_FOUND) && !refused_here {
            return Some(self);
        }
        if !self.has_body && (status.is_server_error() || took_nothing(response)) {
            self.give_back();
        }
        None
    }

    /// Learns from the whole answer.
    pub(crate) fn learn(mut self, status: StatusCode, body: &[u8]) {
        // A verification that 8x8 does not know is a guess too.
        if status == StatusCode::NOT_FOUND {
            return;
        }
        let outcome = match Session::read(body).map(|session| session.status) {
            Some(SessionStatus::Verified) => Outcome::Verified,
            Some(SessionStatus::Expired) => Outcome::Undelivered,
            Some(_) => return,
            None => return not_learned("not_understood"),
        };
        let charge = self.charge();
        self.guard.observe_found(charge.as_ref(), &self.check.session, outcome);
        self.give_back();
    }

    /// While 8x8 judged, another node may have told of the send.
    fn charge(&self) -> Option<Charge> {
        self.charge.or_else(|| self.guard.find(&self.check.session))
    }
}

impl Drop for Checking {
    fn drop(&mut self) {
        if !self.is_answered {
            not_learned("not_answered");
        }
        if let Some(guess) = self.guess.take() {
            let charge = self.charge();
            self.guard.guessed_wrong(charge.as_ref(), self.client, Some(guess));
        }
    }
}
