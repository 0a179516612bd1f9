//! A sender with the engine in front of it, on a clock of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use tollgate_pump_guard::engine::{decide, observe};
use tollgate_pump_guard::{Charge, Outcome, Policy, State, Verdict};

use crate::traffic::Press;

/// What the guard is given.
pub(crate) const BYTES: usize = 64 << 20;

/// So often somebody presses: a million times a day.
const EVERY: Duration = Duration::from_micros(86_400);

pub(crate) struct Sender {
    pub(crate) policy: Policy,
    pub(crate) state: State,
    pub(crate) now: Duration,
    /// Codes that will be given back, by when.
    due: BTreeMap<(Duration, u64), Charge>,
}

impl Sender {
    pub(crate) fn new() -> Self {
        let (policy, state) = (Policy::default(), State::new(BYTES));
        Self { policy, state, now: Duration::from_secs(1), due: BTreeMap::new() }
    }

    /// The time of the next press.
    pub(crate) fn tick(&mut self) {
        self.now += EVERY;
    }

    /// The next code that has been given back by now.
    pub(crate) fn given_back(&mut self) -> Option<(Duration, Charge)> {
        let first = self.due.first_entry().filter(|first| first.key().0 <= self.now)?;
        let at = first.key().0;
        Some((at, first.remove()))
    }

    /// Notes when its code will be given back.
    pub(crate) fn will_verify(&mut self, press: &Press, charge: Charge) {
        if let Some(after) = press.verifies {
            self.due.insert((self.now + after, press.digits), charge);
        }
    }

    pub(crate) fn decide(&mut self, press: &Press) -> (Verdict, Option<Charge>) {
        decide(&self.policy, &mut self.state, &press.attempt, self.now)
    }

    pub(crate) fn observe(&mut self, at: Duration, charge: &Charge) {
        observe(&self.policy, &mut self.state, charge, Outcome::Verified, at);
    }

    /// The codes given back, and then the press. Whether its message goes out.
    pub(crate) fn press(&mut self, press: &Press) -> bool {
        self.tick();
        while let Some((at, charge)) = self.given_back() {
            self.observe(at, &charge);
        }
        let (_, charge) = self.decide(press);
        if let Some(charge) = charge {
            self.will_verify(press, charge);
        }
        charge.is_some()
    }
}
