//! Other guards, simple ones, for a measure: each is a function of the same events.

mod adaptive;
mod buckets;
mod plain;

use std::collections::HashMap;
use std::time::Duration;

use tollgate::pump_guard::engine::{Country, Reading};

use super::score::{Action, Decision};
use crate::traffic::{Event, Kind, LoggedOutcome, Send};
pub(crate) use adaptive::AdaptiveBudget;
pub(crate) use plain::PlainLimiter;

/// A guard that knows only two answers.
pub(crate) trait Rival {
    /// Judges a send at `now`, and remembers it.
    fn decide(&mut self, send: &Send, now: Duration) -> RivalVerdict;

    /// Is told what became of a send that it let through.
    fn outcome(&mut self, send: &Send, outcome: &LoggedOutcome, now: Duration);
}

/// What a rival makes of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RivalVerdict {
    /// It goes out.
    Allow,
    /// It does not.
    Block,
    /// It does not, because this one number was asked for too often.
    Cooldown,
}

/// Runs a rival through the traffic, for [`score`](super::score::score): one decision for each send, in order. What
/// became of a send that it blocked did not happen.
pub(crate) fn run(rival: &mut impl Rival, events: &[Event]) -> Vec<Decision> {
    let mut decisions = Vec::new();
    let mut sent = HashMap::new();
    for event in events {
        match &event.kind {
            Kind::Send(send) => {
                let verdict = rival.decide(send, event.at);
                decisions.push(verdict.into());
                if verdict == RivalVerdict::Allow {
                    sent.insert(send.id.as_str(), send);
                }
            }
            Kind::Outcome { id, outcome } => {
                if let Some(send) = sent.get(id.as_str()) {
                    rival.outcome(send, outcome, event.at);
                }
            }
        }
    }
    decisions
}

impl From<RivalVerdict> for Decision {
    fn from(verdict: RivalVerdict) -> Self {
        let (action, cooldown) = match verdict {
            RivalVerdict::Allow => (Action::Allow, false),
            RivalVerdict::Block => (Action::Block, false),
            RivalVerdict::Cooldown => (Action::Block, true),
        };
        Self { action, cooldown }
    }
}

/// The country whose number a send goes to; none where it is no valid number.
pub(super) fn country(send: &Send) -> Option<Country> {
    match Reading::of(&send.destination, send.country.as_deref(), |_| false) {
        Reading::Number(number) => Some(number.country()),
        _ => None,
    }
}
