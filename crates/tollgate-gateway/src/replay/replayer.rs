use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tollgate::pump_guard::engine::{self, Charge, Outcome, Reading};
use tollgate::pump_guard::{
    Action, Asn, Attempt, Caller, Channel, Money, Policy, Profile, Profiles, State, Verdict,
};

use crate::traffic::{Event, Kind, LoggedOutcome, NOT_SENT, Send};

/// Any number: with it, a full table forgets the same numbers every time.
const SEED: u64 = 0x0070_1190_7e00;
/// How long after a send its outcomes are waited for.
const OUTCOMES: Duration = Duration::from_secs(2 * 86_400);

/// The guard's engine with a log in front of it.
#[derive(Debug)]
pub(crate) struct Replayer {
    profiles: Profiles,
    state: State,
    /// Sends that went out, by their id.
    sent: HashMap<String, Charge>,
    /// The same ids, oldest first.
    order: VecDeque<(Duration, String)>,
}

/// What became of a send.
#[derive(Debug)]
pub(crate) struct Replayed {
    /// What the guard says.
    pub(crate) verdict: Verdict,
    /// What it read of the destination.
    pub(crate) reading: Reading,
    /// What it costs: as the log says, else as the price table does.
    pub(crate) price: Option<f64>,
}

impl Replayer {
    /// One that remembers as much as the gateway would: about `memory` bytes.
    pub(crate) fn new(profiles: impl Into<Profiles>, memory: usize) -> Self {
        let state = State::seeded(memory, SEED);
        Self { profiles: profiles.into(), state, sent: HashMap::new(), order: VecDeque::new() }
    }

    /// Takes in the next event. A send has a verdict; outcomes of sends that did not go out are dropped.
    pub(crate) fn event(&mut self, event: &Event) -> Option<Replayed> {
        match &event.kind {
            Kind::Send(send) => Some(self.send(send, event.at)),
            Kind::Outcome { id, outcome: LoggedOutcome::Delivery(state) } if state == NOT_SENT => {
                if let Some(charge) = self.sent.remove(id) {
                    engine::forget(&mut self.state, charge);
                }
                None
            }
            Kind::Outcome { id, outcome } => {
                if let (Some(charge), Some(outcome)) = (self.sent.get(id), read(outcome)) {
                    let policy = self.profiles.policy(charge.profile());
                    engine::observe(policy, &mut self.state, charge, outcome, event.at);
                }
                None
            }
        }
    }

    fn send(&mut self, send: &Send, at: Duration) -> Replayed {
        self.expire(at);
        // Logs are read with the names of these profiles.
        let profile = self.profiles.named(&send.profile).unwrap_or(Profile::Otp);
        let policy = self.profiles.policy(profile);
        let reading = policy.read(&send.destination, send.country.as_deref());
        let channel = Channel::named(&send.channel).unwrap_or_default();
        let mut caller = Caller::new();
        if let Some(session) = &send.session {
            caller = caller.with_session(session.as_str());
        }
        if let Some(user) = &send.user {
            caller = caller.with_user(user.as_str());
        }
        let mut attempt = Attempt::new(reading, profile)
            .from_client(send.client_ip)
            .by(caller)
            .over(channel)
            .priced(send.price.and_then(Money::of));
        // A log does not say which were one request. Campaigns go out in batches, which take next to nothing of the rate.
        attempt.batched = profile.is_campaign();
        attempt.asn = send.asn.map(Asn);
        attempt.trap = send.trap;
        let price = send.price.or_else(|| listed(policy, &attempt));
        let (verdict, charge) = engine::decide(policy, &mut self.state, &attempt, at);
        let charge = match &attempt.reading {
            // What becomes of a second press becomes of the first.
            Reading::Number(number) if verdict.repeat => engine::last_send(&self.state, number, profile),
            _ => charge,
        };
        let goes_out = matches!(verdict.action, Action::Allow | Action::Shift(_));
        if let Some(charge) = charge.filter(|_| goes_out) {
            self.sent.insert(send.id.clone(), charge);
            self.order.push_back((at, send.id.clone()));
        }
        Replayed { verdict, reading: attempt.reading, price }
    }

    fn expire(&mut self, now: Duration) {
        while self.order.front().is_some_and(|(at, _)| *at + OUTCOMES < now) {
            if let Some((_, id)) = self.order.pop_front() {
                self.sent.remove(&id);
            }
        }
    }
}

/// What it costs by the price table.
fn listed(policy: &Policy, attempt: &Attempt) -> Option<f64> {
    match (&policy.prices, &attempt.reading) {
        (Some(prices), Reading::Number(number)) => Some(prices.of(attempt.channel, number).amount()),
        _ => None,
    }
}

/// A delivery receipt says nothing as long as the message is under way.
fn read(outcome: &LoggedOutcome) -> Option<Outcome> {
    match outcome {
        LoggedOutcome::Verified => Some(Outcome::Verified),
        LoggedOutcome::WrongCode => Some(Outcome::WrongCode),
        LoggedOutcome::Delivery(state) => match state.to_ascii_lowercase().as_str() {
            "delivered" | "read" => Some(Outcome::Delivered),
            "undelivered" | "failed" => Some(Outcome::Undelivered),
            "rejected" => Some(Outcome::Rejected),
            _ => None,
        },
    }
}
