//! What nodes tell each other, so that what one of them sent, stopped and learned counts on all.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::attempt::{Charge, Outcome};
use super::charge::take_back;
use super::deltas::Deltas;
use super::numbers::Stage;
use super::policy::Policy;
use super::record::{Record, record};
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
        }
    }
}

/// A message that goes out, with what is not in its charge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sending {
    pub(super) charge: Charge,
    pub(super) stage: Stage,
    /// The number's place within its 10k range.
    pub(super) place: u16,
    /// The levels of ranges that learn from it, and those in which it counts for less (bits).
    pub(super) probed: u8,
    pub(super) crowded: u8,
    /// Whether it is a request of its own.
    pub(super) is_request: bool,
}

impl Sending {
    /// One that counts for nothing but its price.
    pub(super) fn of(charge: Charge) -> Self {
        Self { charge, stage: Stage::None, place: 0, probed: 0, crowded: 0, is_request: false }
    }
}

const SENT: u8 = 1;
const FORGOTTEN: u8 = 2;
const TRACKED: u8 = 3;
const GUESSED: u8 = 4;
const PRESSED: u8 = 5;
/// From here on, an outcome.
const OBSERVED: u8 = 16;

const OUTCOMES: [Outcome; 5] =
    [Outcome::Verified, Outcome::WrongCode, Outcome::Delivered, Outcome::Undelivered, Outcome::Rejected];

/// Something that happened on a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    kind: u8,
    stage: Stage,
    probed: u8,
    crowded: u8,
    is_request: u8,
    place: u16,
    /// When it was, in seconds, where neither the charge nor `extra` tells.
    at: u32,
    /// The key of an id, a client's, or when an outcome was told, in milliseconds.
    extra: u64,
    charge: Option<Charge>,
}

record!(Event {
    kind: u8,
    stage: Stage,
    probed: u8,
    crowded: u8,
    is_request: u8,
    place: u16,
    at: u32,
    extra: u64,
    charge: Option<Charge>,
});

impl Record for Option<Charge> {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(self.is_some().into());
        if let Some(charge) = self {
            charge.put(out);
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        match u8::take(from)? {
            0 => Some(None),
            1 => Charge::take(from).map(Some),
            _ => None,
        }
    }
}

impl Event {
    fn of(kind: u8, charge: &Charge, extra: u64) -> Self {
        let (stage, charge) = (Stage::None, Some(*charge));
        Self { kind, stage, probed: 0, crowded: 0, is_request: 0, place: 0, at: 0, extra, charge }
    }

    pub(super) fn sent(sending: &Sending) -> Self {
        let Sending { charge, stage, place, probed, crowded, is_request } = *sending;
        Self { stage, place, probed, crowded, is_request: is_request.into(), ..Self::of(SENT, &charge, 0) }
    }

    pub(super) fn forgotten(charge: &Charge, at: u32) -> Self {
        Self { at, ..Self::of(FORGOTTEN, charge, 0) }
    }

    pub(super) fn tracked(key: u64, charge: &Charge, at: u32) -> Self {
        Self { at, ..Self::of(TRACKED, charge, key) }
    }

    pub(super) fn observed(charge: &Charge, outcome: Outcome, told: Duration) -> Self {
        let which = (0..).zip(OUTCOMES).find(|(_, of)| *of == outcome).map_or(0, |(which, _)| which);
        Self::of(OBSERVED + which, charge, u64::try_from(told.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn guessed(charge: Option<&Charge>, client: u64, at: u32) -> Self {
        let (stage, charge) = (Stage::None, charge.copied());
        let (kind, extra) = (GUESSED, client);
        Self { kind, stage, probed: 0, crowded: 0, is_request: 0, place: 0, at, extra, charge }
    }

    fn pressed(charge: &Charge, place: u16) -> Self {
        Self { place, ..Self::of(PRESSED, charge, 0) }
    }

    /// Whether it can be one.
    pub(super) fn is_sound(&self) -> bool {
        let outcomes = OBSERVED..OBSERVED + OUTCOMES.len() as u8;
        let is_known = (SENT..=PRESSED).contains(&self.kind) || outcomes.contains(&self.kind);
        let charged = self.charge.is_some_and(|charge| charge.number != 0);
        is_known && self.is_request <= 1 && (charged || self.kind == GUESSED && self.charge.is_none())
    }

    fn outcome(&self) -> Option<Outcome> {
        OUTCOMES.get(usize::from(self.kind.checked_sub(OBSERVED)?)).copied()
    }

    /// When it was, to the second at least.
    fn at(&self) -> Duration {
        match (self.kind, &self.charge) {
            (SENT | PRESSED, Some(charge)) => charge.at(),
            (OBSERVED.., _) => Duration::from_millis(self.extra),
            // Rounded up.
            _ => Duration::from_secs(self.at.saturating_sub(1).into()),
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

    /// Takes in what another node drained. Whatever comes twice, or from this very node, counts once. `policy` is what a
    /// profile is judged by, where it is known here.
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
        let (known, missed) = self.heard.hear(deltas.node(), deltas.first(), count, seconds(now));
        let mut absorbed = Absorbed { known, missed, ..Absorbed::default() };
        for event in deltas.events().iter().skip(usize::try_from(known).unwrap_or(usize::MAX)) {
            let taken = self.take_event(event, deltas.node(), &policy, now);
            match taken {
                Some(()) => absorbed.applied += 1,
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
