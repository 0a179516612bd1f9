//! What nodes tell each other of, one thing each.

use std::time::Duration;

use super::attempt::{Charge, Outcome};
use super::numbers::Stage;
use super::record::{Record, record};

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

pub(super) const SENT: u8 = 1;
pub(super) const FORGOTTEN: u8 = 2;
pub(super) const TRACKED: u8 = 3;
pub(super) const GUESSED: u8 = 4;
pub(super) const PRESSED: u8 = 5;
/// From here on, an outcome.
const OBSERVED: u8 = 16;

const OUTCOMES: [Outcome; 5] =
    [Outcome::Verified, Outcome::WrongCode, Outcome::Delivered, Outcome::Undelivered, Outcome::Rejected];

/// Something that happened on a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) kind: u8,
    pub(super) stage: Stage,
    pub(super) probed: u8,
    pub(super) crowded: u8,
    pub(super) is_request: u8,
    pub(super) place: u16,
    /// When it was, in seconds, where neither the charge nor `extra` tells.
    at: u32,
    /// The key of an id, a client's, or when an outcome was told, in milliseconds.
    pub(super) extra: u64,
    pub(super) charge: Option<Charge>,
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

    pub(super) fn pressed(charge: &Charge, place: u16) -> Self {
        Self { place, ..Self::of(PRESSED, charge, 0) }
    }

    /// Whether it can be one.
    pub(super) fn is_sound(&self) -> bool {
        let outcomes = OBSERVED..OBSERVED + OUTCOMES.len() as u8;
        let is_known = (SENT..=PRESSED).contains(&self.kind) || outcomes.contains(&self.kind);
        let charged = self.charge.is_some_and(|charge| charge.number != 0);
        is_known && self.is_request <= 1 && (charged || self.kind == GUESSED && self.charge.is_none())
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        OUTCOMES.get(usize::from(self.kind.checked_sub(OBSERVED)?)).copied()
    }

    /// When it was, to the second at least.
    pub(super) fn at(&self) -> Duration {
        match (self.kind, &self.charge) {
            (SENT | PRESSED, Some(charge)) => charge.at(),
            (OBSERVED.., _) => Duration::from_millis(self.extra),
            // Rounded up.
            _ => Duration::from_secs(self.at.saturating_sub(1).into()),
        }
    }
}
