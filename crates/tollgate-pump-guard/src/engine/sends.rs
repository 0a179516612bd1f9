//! What ties an outcome to its send.

use std::time::Duration;

use super::attempt::Charge;
use super::cells::Cell;
use super::event::Event;
use super::record::Record;
use super::state::{State, seconds};
use super::{Number, Profile};

/// A send, by its number or by an id of 8x8's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent(pub(super) Option<Charge>);

impl Cell for Sent {
    fn worth(&self) -> u64 {
        self.0.map_or(0, |charge| charge.at / 1000 + 1)
    }
}

/// One that was never sent is not written.
impl Record for Sent {
    fn put(&self, out: &mut Vec<u8>) {
        if let Some(charge) = &self.0 {
            charge.put(out);
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Charge::take(from).filter(|charge| charge.number != 0).map(|charge| Self(Some(charge)))
    }
}

/// Remembers a send by an id of 8x8's: a session's, or a message's.
pub fn track(state: &mut State, id: &str, charge: &Charge) {
    // What becomes of the sender's own batches says nothing about strangers.
    if charge.profile.is_campaign() {
        return;
    }
    let key = state.id_key(id);
    state.tie(key, charge);
    let now = seconds(state.latest);
    state.tell(|| Event::tracked(key, charge, now));
}

impl State {
    pub(super) fn tie(&mut self, key: u64, charge: &Charge) {
        let now = seconds(self.latest);
        self.sends.change(key, now, |sent| *sent = Sent(Some(*charge)));
    }
}

/// The send that was remembered by this id.
#[must_use = "an outcome is observed of it"]
pub fn tracked(state: &State, id: &str) -> Option<Charge> {
    state.sends.find(state.id_key(id))?.0
}

/// The number's last send.
#[must_use = "an outcome is observed of it"]
pub fn last_send(state: &State, number: &Number, profile: Profile) -> Option<Charge> {
    let keys = [false, true].map(|own| state.number_key(profile, number, own));
    let sends = keys.into_iter().filter_map(|key| state.sends.find(key)?.0);
    sends.max_by_key(Charge::at)
}

impl Charge {
    /// Tells it from every other, also after a restart with the same secret: the number's hash and the time.
    #[must_use]
    pub fn key(&self) -> u128 {
        u128::from(self.number) << 64 | u128::from(self.at)
    }

    /// When it was, in the engine's time.
    #[must_use]
    pub fn at(&self) -> Duration {
        Duration::from_millis(self.at)
    }

    /// In which profile it was.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }
}
