//! What is remembered of a number: its last sends, who asked for them, and what became of them.

use super::cells::Cell;
use super::fade::DAY;
use super::record::{Record, record};

/// How many sends are remembered.
pub(super) const SENDS: usize = 10;

/// How many clients are told apart.
const ACTORS: usize = 4;

/// The last 24 hours of a number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NumberCell {
    /// The last sends, newest first, in seconds rounded up; 0 where there is none.
    sends: [u32; SENDS],
    /// The clients that asked, newest first, as the lower bits of their hashes; 0 where there is none.
    actors: [u16; ACTORS],
    /// Since when it counts as a stranger to its ranges, in seconds; 0 where it does not.
    counted_at: u32,
    pub(super) stage: Stage,
    /// Where it counts, as [`Charge::counted`](super::Charge) has it.
    pub(super) counted: u16,
    /// How often the newest send's answer was given again.
    pub(super) repeats: u8,
    /// Wrong codes since the last right one.
    pub(super) wrong_in_a_row: u8,
    /// Wrong codes of the day that began at `wrong_since`.
    wrong_today: u8,
    wrong_since: u32,
}

record!(NumberCell {
    sends: [u32; SENDS],
    actors: [u16; ACTORS],
    counted_at: u32,
    stage: Stage,
    counted: u16,
    repeats: u8,
    wrong_in_a_row: u8,
    wrong_today: u8,
    wrong_since: u32,
});

/// What became of the send by which a number counts as a stranger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// It does not count.
    #[default]
    None,
    /// The code may still be given back.
    InFlight,
    /// It was not, for so long that it will hardly be.
    Failed,
    /// It was.
    Verified,
    /// The code may still be given back, by somebody who has verified before: that says nothing about strangers.
    Known,
    /// The code may still be given back, over a channel that pays no range.
    Shifted,
}

impl Record for Stage {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let all = [Self::None, Self::InFlight, Self::Failed, Self::Verified, Self::Known, Self::Shifted];
        all.get(usize::from(u8::take(from)?)).copied()
    }
}

impl Cell for NumberCell {
    /// When the number is free again: what rests longest is lost last.
    fn worth(&self) -> u64 {
        const RESTS: [u64; SENDS] = [0, 30, 60, 120, 300, 900, 1800, 3600, 3600, 3600];
        let count = self.sends.iter().take_while(|at| **at != 0).count();
        let free = match (self.sends, RESTS.get(count)) {
            ([latest, ..], Some(rest)) => u64::from(latest) + rest,
            ([.., oldest], None) => u64::from(oldest) + u64::from(DAY),
        };
        free.max(u64::from(self.wrong_since) + 360 * u64::from(self.wrong_today))
    }
}

impl NumberCell {
    /// Of a number that was forgotten meanwhile.
    pub(super) fn failed(counted: u16) -> Self {
        Self { stage: Stage::Failed, counted, ..Self::default() }
    }

    /// The sends of the last 24 hours, newest first.
    pub(super) fn sends(&self, now: u32) -> impl Iterator<Item = u32> + '_ {
        self.sends.iter().copied().take_while(move |&at| at != 0 && at.saturating_add(DAY) > now)
    }

    pub(super) fn sent(&mut self, at: u32, actor: Option<u16>) {
        if self.sends(at).next().is_none() {
            self.actors = [0; ACTORS];
        }
        self.sends.rotate_right(1);
        if let Some(latest) = self.sends.first_mut() {
            *latest = at;
        }
        self.repeats = 0;
        self.asked(actor);
    }

    /// Puts a client in front of the others.
    fn asked(&mut self, actor: Option<u16>) {
        let Some(actor) = actor else { return };
        let end = self.actors.iter().position(|known| *known == actor).map_or(ACTORS, |at| at + 1);
        if let Some(known) = self.actors.get_mut(..end) {
            known.rotate_right(1);
            if let Some(first) = known.first_mut() {
                *first = actor;
            }
        }
    }

    pub(super) fn forget(&mut self, at: u32) {
        if let Some(index) = self.sends.iter().position(|sent| *sent == at)
            && let Some(from) = self.sends.get_mut(index..)
        {
            from.rotate_left(1);
            if let Some(last) = from.last_mut() {
                *last = 0;
            }
        }
    }

    /// How many clients asked for it within 24 hours, this one among them; 4 stands for more.
    pub(super) fn actors_with(&self, actor: Option<u16>, now: u32) -> usize {
        let Some(actor) = actor.filter(|_| self.sends(now).next().is_some()) else { return 1 };
        let known = self.actors.iter().filter(|known| **known != 0);
        known.clone().count() + usize::from(!known.clone().any(|known| *known == actor))
    }

    /// Whether this client asked for the newest send.
    pub(super) fn asked_last(&self, actor: Option<u16>) -> bool {
        actor.is_none_or(|actor| self.actors.first() == Some(&actor))
    }

    /// Whether it has counted as a stranger within 24 hours.
    pub(super) fn counts(&self, now: u32) -> bool {
        self.counted_at != 0 && self.counted_at.saturating_add(DAY) > now
    }

    pub(super) fn count(&mut self, now: u32, counted: u16, stage: Stage) {
        (self.counted_at, self.counted, self.stage) = (now, counted, stage);
    }

    pub(super) fn uncount(&mut self) {
        (self.counted_at, self.counted, self.stage) = (0, 0, Stage::None);
    }

    pub(super) fn guessed_wrong(&mut self, now: u32) {
        if self.wrong_today(now) == 0 {
            (self.wrong_since, self.wrong_today) = (now, 0);
        }
        self.wrong_today = self.wrong_today.saturating_add(1);
        self.wrong_in_a_row = self.wrong_in_a_row.saturating_add(1);
    }

    /// Wrong codes within the 24 hours that began with the first of them.
    pub(super) fn wrong_today(&self, now: u32) -> u8 {
        if self.wrong_since.saturating_add(DAY) > now { self.wrong_today } else { 0 }
    }

    /// How long those 24 hours still last, in seconds.
    pub(super) fn wrong_for(&self, now: u32) -> u32 {
        self.wrong_since.saturating_add(DAY).saturating_sub(now)
    }
}

/// When somebody proved to own a number; and, under a key for each profile, what came to nothing there since: floods in one
/// make no number a stranger's in another.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Confirmed {
    /// The first time, in seconds.
    pub(super) since: u32,
    /// The last time.
    pub(super) last: u32,
    /// From where, the last time.
    pub(super) actor: u16,
    /// Messages since then that came to nothing in one profile, the last of them at `last`.
    pub(super) failed: u8,
}

record!(Confirmed { since: u32, last: u32, actor: u16, failed: u8 });

/// So many messages in a row that come to nothing, and a number is a stranger's again: verified numbers can be stocked.
pub(super) const REVOKED_AT: u8 = 3;

/// For how long a number that was verified stays so, in seconds.
pub(super) const CONFIRMED_FOR: u32 = 90 * DAY;

impl Cell for Confirmed {
    fn worth(&self) -> u64 {
        u64::from(self.last)
    }
}
