//! What nodes tell each other. Who carries it is not the guard's.

use super::PumpGuard;
use crate::engine::{self, Absorbed, Attempt, Charge, Deltas, Node, Outcome, Reading, Secret};

/// So many events at once, so that nobody waits long to be judged: some 100 µs.
const AT_ONCE: usize = 16;

impl PumpGuard {
    /// Whether its memory hashes under this secret: nodes that share what they know have the same,
    /// [`State::with_secret`](crate::State::with_secret).
    #[must_use]
    pub fn is_keyed_by(&self, secret: Secret) -> bool {
        self.state().is_keyed_by(secret)
    }

    /// From now on keeps what happens here for other nodes, until it is [drained](Self::drain): at most 65,536 events, of
    /// more the newest.
    pub fn share_as(&self, node: Node) {
        self.state().share_as(node);
    }

    /// What happened here since the last time, the oldest [`Deltas::MOST`] events of it.
    #[must_use = "what it gives is not given again"]
    pub fn drain(&self) -> Deltas {
        self.state().drain(Deltas::MOST)
    }

    /// Takes in what another node drained: it counts here as if it had happened here. What was taken in before, or comes
    /// from this very node, does not count again.
    pub fn absorb(&self, deltas: &Deltas) -> Absorbed {
        let profiles = &self.shared.profiles;
        let policy = |profile| profiles.knows(profile).then(|| profiles.policy(profile));
        let parts = deltas.parts(AT_ONCE).map(|part| {
            // Whoever slept is not to refuse what others told meanwhile.
            self.shared.time.follow();
            let now = self.now();
            self.state().absorb(&part, policy, now)
        });
        parts.fold(Absorbed::default(), Absorbed::plus)
    }

    /// Of how many nodes this is one, while the others cannot be heard: each may spend its part of what is left of the
    /// day's cap on money ([`SpendPolicy::per_day`](crate::SpendPolicy::per_day)). 1 where they can.
    pub fn be_one_of(&self, nodes: u32) {
        self.state().be_one_of(nodes);
    }

    /// The send of this id, which another node may have told of meanwhile.
    pub(crate) fn find(&self, id: &str) -> Option<Charge> {
        self.tracked(&self.state(), id)
    }

    /// An outcome of an id that this node does not know yet, if ever.
    pub(crate) fn await_id(&self, id: &str, outcome: Outcome) {
        let now = self.now();
        engine::await_id(&mut self.state(), id, outcome, now);
    }

    pub(super) fn await_number(&self, attempt: &Attempt, outcome: Outcome) {
        if let Reading::Number(number) = &attempt.reading {
            let now = self.now();
            engine::await_number(&mut self.state(), number, attempt.profile, outcome, now);
        }
    }
}
