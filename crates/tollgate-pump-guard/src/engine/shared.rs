//! What nodes tell each other, so that what one of them sent, stopped and learned counts on all.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::attempt::{Charge, Outcome};
use super::charge::take_back;
use super::deltas::Deltas;
use super::event::{Event, FORGOTTEN, GUESSED, PRESSED, SENT, Sending, TRACKED};
use super::policy::Policy;
use super::state::{State, seconds};
use super::{Money, Number, Profile};

/// How many events are kept until they are drained; the oldest go first.
const MOST_WAITING: usize = 1 << 16;
/// Of what floods are made of, so many of each kind are told within a second: what it counts for has a bound, and floods
/// have none.
const OF_A_FLOOD: u32 = 100;
/// None of it where so many wait already: the rest of the room is for messages, and for people who verify.
const MOST_OF_FLOODS: usize = MOST_WAITING / 2;
/// How many outcomes wait for their send to be told of, and for how long.
const MOST_EARLY: usize = 1024;
const EARLY_FOR: Duration = Duration::from_secs(600);
/// By how much another node's clock may be ahead.
const AHEAD: Duration = Duration::from_secs(60);
/// What is older does not count any more: the shared store keeps a day, and whoever writes there may keep more.
const OLDEST: Duration = Duration::from_secs(24 * 3600);
/// Requests of so long ago weigh no more on 8x8's rate.
const RECENTLY: Duration = Duration::from_secs(2);

/// A node, from its start to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Node(pub(super) u64);

impl Node {
    /// One unlike every other, where the system has randomness.
    #[must_use]
    pub fn random() -> Option<Self> {
        Some(Self(getrandom::u64().ok()? >> 16))
    }

    /// By its number, of which 48 bits count.
    #[must_use]
    pub const fn of(number: u64) -> Self {
        Self(number & 0xffff_ffff_ffff)
    }

    /// Its number, below 2⁴⁸.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// As logs have it.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012x}", self.0)
    }
}

/// What became of what another node told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Absorbed {
    /// Events that count now.
    pub applied: u64,
    /// Events that did before.
    pub known: u64,
    /// Events that were told before these, and never came.
    pub missed: u64,
    /// Events of profiles that are not here, or of a clock that is more than a minute ahead.
    pub refused: u64,
    /// Events of more than a day ago.
    pub old: u64,
}

impl Absorbed {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            applied: self.applied + other.applied,
            known: self.known + other.known,
            missed: self.missed + other.missed,
            refused: self.refused + other.refused,
            old: self.old + other.old,
        }
    }
}

/// What other nodes are told.
#[derive(Debug)]
pub(super) struct Telling {
    node: Node,
    /// The next event's number.
    next: u64,
    waiting: VecDeque<Event>,
    early: VecDeque<Early>,
    /// How many of each kind of flood came in which second.
    floods: [(u32, u32); 3],
}

/// What whoever floods makes as many of as he likes: attempts that are stopped, wrong codes for messages that were sent,
/// and for none.
#[derive(Clone, Copy)]
pub(super) enum Flood {
    Presses,
    Guesses,
    Blind,
}

/// An outcome whose send this node does not know yet.
#[derive(Clone, Copy, Debug)]
struct Early {
    keys: [u64; 2],
    outcome: Outcome,
    told: Duration,
}

impl State {
    /// From now on keeps what happens here for [`drain`](Self::drain), at most 65,536 events: of more, the oldest are not
    /// told.
    pub fn share_as(&mut self, node: Node) {
        let (waiting, early) = (VecDeque::new(), VecDeque::new());
        self.telling = Some(Telling { node, next: 0, waiting, early, floods: [(0, 0); 3] });
    }

    /// Of how many nodes this is one, while the others cannot be heard: each may spend its part of what is left of the
    /// day's cap on money. 1 where they can.
    pub fn be_one_of(&mut self, nodes: u32) {
        self.alone = nodes.max(1);
        if self.alone == 1 {
            self.tenants.iter_mut().for_each(|tenant| tenant.alone = Money::ZERO);
        }
    }

    /// What happened here since the last time, the oldest `most` of it; nothing without [`share_as`](Self::share_as).
    #[must_use = "what it gives is not given again"]
    pub fn drain(&mut self, most: usize) -> Deltas {
        let Some(telling) = &mut self.telling else { return Deltas::empty(Node(0)) };
        let first = telling.next - telling.waiting.len() as u64;
        let most = most.min(Deltas::MOST).min(telling.waiting.len());
        Deltas::new(telling.node, first, telling.waiting.drain(..most).collect())
    }

    /// Takes in what another node drained. Whatever comes twice, or from this very node, counts once; what comes late, for
    /// what is left of it. `policy` is what a profile is judged by, where it is known here.
    pub fn absorb<'a>(
        &mut self,
        deltas: &Deltas,
        policy: impl Fn(Profile) -> Option<&'a Policy>,
        now: Duration,
    ) -> Absorbed {
        let count = deltas.len() as u64;
        if self.telling.as_ref().is_some_and(|telling| telling.node == deltas.node()) {
            return Absorbed { known: count, ..Absorbed::default() };
        }
        let is_old = |event: &Event| event.at() + OLDEST < now;
        // Whoever tells old things again makes nobody else be forgotten.
        if count > 0 && !self.heard.has_met(deltas.node()) && deltas.events().iter().all(is_old) {
            return Absorbed { old: count, ..Absorbed::default() };
        }
        let (known, missed) = self.heard.hear(deltas.node(), deltas.first(), count, seconds(now));
        let mut absorbed = Absorbed { known, missed, ..Absorbed::default() };
        for event in deltas.events().iter().skip(usize::try_from(known).unwrap_or(usize::MAX)) {
            let is_old = is_old(event);
            let taken = if is_old { None } else { self.take_event(event, deltas.node(), &policy, now) };
            match taken {
                Some(()) => absorbed.applied += 1,
                None if is_old => absorbed.old += 1,
                None => absorbed.refused += 1,
            }
            if let (SENT, Some(charge)) = (event.kind, &event.charge)
                && policy(charge.profile()).is_some()
            {
                self.heard.sent(deltas.node(), charge.at, taken.is_some());
            }
        }
        absorbed
    }

    fn take_event<'a>(
        &mut self,
        event: &Event,
        node: Node,
        policy: &impl Fn(Profile) -> Option<&'a Policy>,
        now: Duration,
    ) -> Option<()> {
        let at = event.at();
        if at > now + AHEAD {
            return None;
        }
        // Another's clock moves time on to this one's at most.
        let latest = self.advance(at.min(now));
        let then = seconds(at).min(seconds(latest));
        let Some(charge) = &event.charge else {
            self.guessed(None, event.extra, then);
            return Some(());
        };
        let policy_here = policy(charge.profile())?;
        match event.kind {
            SENT => {
                let Event { stage, place, probed, crowded, .. } = *event;
                let is_request = event.is_request != 0;
                if is_request && charge.at() + RECENTLY >= now {
                    self.rate.sent(latest);
                }
                let sending = Sending { charge: *charge, stage, place, probed, crowded, is_request };
                self.take_in(&sending, latest);
                self.take_early(charge.number, charge, policy_here);
            }
            // What never counted here cannot be taken back.
            FORGOTTEN if !self.heard.knows(node, charge.at) => {}
            FORGOTTEN => take_back(self, charge, then),
            TRACKED => {
                self.tie(event.extra, charge);
                self.take_early(event.extra, charge, policy_here);
            }
            GUESSED => self.guessed(Some(charge), event.extra, then),
            PRESSED => self.pressed(policy_here, charge, event.place, then, seconds(latest)),
            _ => {
                let told = Duration::from_millis(event.extra);
                self.take_outcome(policy_here, charge, event.outcome()?, told);
            }
        }
        Some(())
    }

    pub(super) fn tell(&mut self, event: impl FnOnce() -> Event) {
        if let Some(telling) = &mut self.telling {
            if telling.waiting.len() >= MOST_WAITING {
                telling.waiting.pop_front();
            }
            telling.waiting.push_back(event());
            telling.next += 1;
        }
    }

    pub(super) fn tell_pressed(&mut self, charge: &Charge, place: u16, now: u32) {
        self.tell_some(Flood::Presses, now, || Event::pressed(charge, place));
    }

    /// Tells what floods are made of, as far as that matters.
    pub(super) fn tell_some(&mut self, flood: Flood, now: u32, event: impl FnOnce() -> Event) {
        let Some(telling) = &mut self.telling else { return };
        let has_room = telling.waiting.len() < MOST_OF_FLOODS;
        let Some((second, count)) = telling.floods.get_mut(flood as usize) else { return };
        if *second != now {
            (*second, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        if *count <= OF_A_FLOOD && has_room {
            self.tell(event);
        }
    }

    /// Outcomes that came before this send.
    fn take_early(&mut self, key: u64, charge: &Charge, policy: &Policy) {
        let latest = self.latest;
        let Some(telling) = self.telling.as_mut().filter(|telling| !telling.early.is_empty()) else { return };
        telling.early.retain(|early| early.told + EARLY_FOR >= latest);
        while let Some(telling) = &mut self.telling
            && let Some(index) = telling.early.iter().position(|early| early.keys.contains(&key))
            && let Some(Early { outcome, told, .. }) = telling.early.remove(index)
        {
            self.take_outcome(policy, charge, outcome, told);
            self.tell(|| Event::observed(charge, outcome, told));
        }
    }

    fn wait_for(&mut self, keys: [u64; 2], outcome: Outcome, now: Duration) {
        let told = self.advance(now);
        if let Some(telling) = &mut self.telling {
            if telling.early.len() >= MOST_EARLY {
                telling.early.pop_front();
            }
            telling.early.push_back(Early { keys, outcome, told });
        }
    }

    /// Up to where this node's own events count in what is kept.
    pub(super) fn hear_oneself(&mut self) {
        if let Some(Telling { node, next, .. }) = &self.telling {
            let (node, next) = (*node, *next);
            self.heard.hear(node, next, 0, seconds(self.latest));
        }
    }
}

/// Where nodes share what they know, an outcome of an id that this one does not know waits ten minutes for another to
/// tell of it.
pub fn await_id(state: &mut State, id: &str, outcome: Outcome, now: Duration) {
    let key = state.id_key(id);
    state.wait_for([key; 2], outcome, now);
}

/// The same of the last message to a number.
pub fn await_number(state: &mut State, number: &Number, profile: Profile, outcome: Outcome, now: Duration) {
    let keys = [false, true].map(|own| state.number_key(profile, number, own));
    state.wait_for(keys, outcome, now);
}

#[cfg(test)]
#[path = "shared_tests.rs"]
mod tests;
