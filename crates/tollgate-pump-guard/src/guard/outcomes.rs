//! What becomes of messages: told by the app, by 8x8's answers and by its receipts.

use std::net::IpAddr;
use std::sync::PoisonError;

use tollgate_8x8::{FeedbackCall, Receipt, ReceiptState};

use super::PumpGuard;
use crate::engine::{self, Attempt, Charge, Guess, Outcome, Profile, Reading, State};

impl PumpGuard {
    /// Somebody gave back the code that was sent to this number, in the profile `otp`.
    pub fn verified(&self, destination: &str, country: Option<&str>) {
        self.observe(&self.attempt(destination, country, Profile::Otp), Outcome::Verified);
    }

    /// The same, and where the number's last message was an SMS that went through the layer within 15 minutes, the call that
    /// tells 8x8: to be sent by the caller's own client, once. It is `None` without [`with_feedback`](Self::with_feedback).
    ///
    /// 8x8 counts it for messages sent with `"track":"Outcome"`.
    #[must_use = "8x8 is told by the call, and by nothing else"]
    pub fn verified_with_feedback(&self, destination: &str, country: Option<&str>) -> Option<FeedbackCall> {
        let attempt = self.attempt(destination, country, Profile::Otp);
        let charge = match &attempt.reading {
            Reading::Number(number) => engine::last_send(&self.state(), number, attempt.profile),
            _ => return None,
        };
        self.observe_charge(charge.as_ref(), Outcome::Verified);
        let messages = self.messages.as_ref()?;
        let now = self.now();
        messages.lock().unwrap_or_else(PoisonError::into_inner).take(&charge?, now)
    }

    /// What became of the last message to the attempt's number. Twice, late or of a number that is not known does no harm.
    pub fn observe(&self, attempt: &Attempt, outcome: Outcome) {
        if let Reading::Number(number) = &attempt.reading {
            let charge = engine::last_send(&self.state(), number, attempt.profile);
            self.observe_charge(charge.as_ref(), outcome);
            if charge.is_none() {
                self.await_number(attempt, outcome);
            }
        }
    }

    /// What became of the message that 8x8 gave this id (a `umid` or a `sessionId`). Whether it is known; where nodes share
    /// what they know, it counts as soon as another tells of it, within ten minutes.
    pub fn observe_id(&self, id: &str, outcome: Outcome) -> bool {
        let charge = self.find(id);
        self.observe_found(charge.as_ref(), id, outcome);
        charge.is_some()
    }

    /// A delivery receipt of 8x8's. Whether its message is known.
    pub fn receive(&self, receipt: &Receipt) -> bool {
        match receipt.state {
            ReceiptState::Delivered => self.observe_id(&receipt.umid, Outcome::Delivered),
            ReceiptState::Undelivered => self.observe_id(&receipt.umid, Outcome::Undelivered),
            ReceiptState::Rejected => self.observe_id(&receipt.umid, Outcome::Rejected),
            _ => self.tracked(&self.state(), &receipt.umid).is_some(),
        }
    }

    /// Whether messages are remembered for 8x8's feedback call.
    pub(crate) fn tells_8x8(&self) -> bool {
        self.messages.is_some()
    }

    pub(crate) fn keep_message(&self, charge: &Charge, call: FeedbackCall) {
        if let Some(messages) = &self.messages {
            let now = self.now();
            messages.lock().unwrap_or_else(PoisonError::into_inner).keep(charge, call, now);
        }
    }

    /// A wrong code from this client. `guess` is not under way any more.
    pub(crate) fn guessed_wrong(
        &self,
        charge: Option<&Charge>,
        client: Option<IpAddr>,
        guess: Option<Guess>,
    ) {
        count_outcome(Outcome::WrongCode);
        let now = self.now();
        let mut state = self.state();
        engine::observe_guess(&mut state, charge, client, now);
        if let Some(guess) = guess {
            engine::take_back(&mut state, guess);
        }
        drop(state);
        if let (Some(observer), Some(charge)) = (&self.observer, charge) {
            observer.outcome(charge, Outcome::WrongCode, now);
        }
    }

    /// This code check is not under way any more, and was no guess.
    pub(crate) fn take_back(&self, guess: Guess) {
        engine::take_back(&mut self.state(), guess);
    }

    /// What became of the send of this id, or will once it is known.
    pub(crate) fn observe_found(&self, charge: Option<&Charge>, id: &str, outcome: Outcome) {
        self.observe_charge(charge, outcome);
        if charge.is_none() {
            self.await_id(id, outcome);
        }
    }

    pub(crate) fn observe_charge(&self, charge: Option<&Charge>, outcome: Outcome) {
        count_outcome(outcome);
        if let Some(charge) = charge {
            let now = self.now();
            engine::observe(self.policy(charge.profile()), &mut self.state(), charge, outcome, now);
            if let Some(observer) = &self.observer {
                observer.outcome(charge, outcome, now);
            }
        }
    }

    /// What was sent in a profile that is gone is not known any more.
    pub(super) fn tracked(&self, state: &State, id: &str) -> Option<Charge> {
        engine::tracked(state, id).filter(|charge| self.shared.profiles.knows(charge.profile()))
    }

    pub(crate) fn track(&self, id: &str, charge: &Charge) {
        engine::track(&mut self.state(), id, charge);
    }
}

fn count_outcome(outcome: Outcome) {
    let outcome = match outcome {
        Outcome::Verified => "verified",
        Outcome::WrongCode => "wrong_code",
        Outcome::Delivered => "delivered",
        Outcome::Undelivered => "undelivered",
        Outcome::Rejected => "rejected",
    };
    metrics::counter!("tollgate_pump_guard_outcomes_total", "outcome" => outcome).increment(1);
}
