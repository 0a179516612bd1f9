use std::net::IpAddr;
use std::time::Duration;

use super::world::Country;
use crate::traffic::{Event, Kind, Label, LoggedOutcome, Send};

/// What one side does, in the order in which it is made up.
#[derive(Debug)]
pub(super) struct Tape {
    events: Vec<Event>,
    label: Label,
    sends: usize,
}

/// Who asks for a message, and whom to send it to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask<'a> {
    pub(super) country: &'static Country,
    pub(super) number: &'a str,
    pub(super) ip: IpAddr,
    pub(super) agent: &'static str,
}

/// The name of a send, for its outcomes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Id(usize);

impl Tape {
    pub(super) fn new(label: Label) -> Self {
        Self { events: Vec::new(), label, sends: 0 }
    }

    pub(super) fn send(&mut self, at: Duration, ask: Ask<'_>) -> Id {
        let id = Id(self.sends);
        self.sends += 1;
        let send = Send {
            id: self.name(id),
            client_ip: Some(ask.ip),
            destination: ask.number.to_owned(),
            channel: "sms".to_owned(),
            profile: "otp".to_owned(),
            user_agent: Some(ask.agent.to_owned()),
            price: Some(ask.country.price),
            label: Some(self.label),
            ..Send::default()
        };
        self.push(at, Kind::Send(send));
        id
    }

    pub(super) fn verified(&mut self, at: Duration, id: Id) {
        self.push(at, Kind::Outcome { id: self.name(id), outcome: LoggedOutcome::Verified });
    }

    pub(super) fn wrong_code(&mut self, at: Duration, id: Id) {
        self.push(at, Kind::Outcome { id: self.name(id), outcome: LoggedOutcome::WrongCode });
    }

    pub(super) fn receipt(&mut self, at: Duration, id: Id, delivered: bool) {
        let state = if delivered { "delivered" } else { "undelivered" };
        self.push(
            at,
            Kind::Outcome { id: self.name(id), outcome: LoggedOutcome::Delivery(state.to_owned()) },
        );
    }

    pub(super) fn into_events(self) -> Vec<Event> {
        self.events
    }

    fn name(&self, Id(id): Id) -> String {
        format!("{}-{id}", self.label.as_str())
    }

    /// The log has milliseconds, so that what is written and read back is the same traffic.
    fn push(&mut self, at: Duration, kind: Kind) {
        let at = Duration::from_secs(at.as_secs()) + Duration::from_millis(at.subsec_millis().into());
        self.events.push(Event { at, kind });
    }
}
