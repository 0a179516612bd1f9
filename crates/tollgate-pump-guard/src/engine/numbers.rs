//! What is remembered of a number: its last sends, who asked for them, and what became of them.

use super::cells::Cell;
use super::fade::DAY;
use super::record::Record;

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
    /// Sends since a code was last given back.
    pub(super) in_vain: u8,
    /// Wrong codes since the last right one.
    pub(super) wrong_in_a_row: u8,
    /// Wrong codes of the day that began at `wrong_since`.
    wrong_today: u8,
    wrong_since: u32,
    /// Until when it may have to rest, where its sends, or those of a few others, were forgotten; 0 where they were not.
    pub(super) may_rest_until: u32,
}

/// What is near to another is written as what it differs by, so that few bytes are not zero: most numbers have one send.
impl Record for NumberCell {
    fn put(&self, out: &mut Vec<u8>) {
        let [latest, earlier @ ..] = self.sends;
        let [actor, actors @ ..] = self.actors;
        latest.put(out);
        actor.put(out);
        self.counted.put(out);
        (self.counted_at ^ latest).put(out);
        self.stage.put(out);
        self.repeats.put(out);
        self.in_vain.put(out);
        self.wrong_in_a_row.put(out);
        self.wrong_today.put(out);
        self.wrong_since.put(out);
        // Those before the last day count no more.
        let ago = |at: u32| latest.saturating_sub(at);
        let lasting = |at: u32| at != 0 && ago(at) <= DAY;
        earlier.map(|at| if lasting(at) { ago(at) + 1 } else { 0 }).put(out);
        actors.put(out);
        self.may_rest_until.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let latest = u32::take(from)?;
        let actor = u16::take(from)?;
        let counted = u16::take(from)?;
        let counted_at = u32::take(from)? ^ latest;
        let stage = Stage::take(from)?;
        let [repeats, in_vain, wrong_in_a_row, wrong_today] = <[u8; 4]>::take(from)?;
        let wrong_since = u32::take(from)?;
        let mut sends = [latest; SENDS];
        for at in sends.iter_mut().skip(1) {
            *at = u32::take(from)?.checked_sub(1).map_or(0, |ago| latest.saturating_sub(ago));
        }
        let mut actors = [actor; ACTORS];
        for actor in actors.iter_mut().skip(1) {
            *actor = u16::take(from)?;
        }
        let may_rest_until = u32::take(from)?;
        Some(Self {
            sends,
            actors,
            counted_at,
            stage,
            counted,
            repeats,
            in_vain,
            wrong_in_a_row,
            wrong_today,
            wrong_since,
            may_rest_until,
        })
    }
}

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
    /// It was told of so late that its time was over: it counts as failed, until somebody tells that it is not.
    Late,
}

impl Record for Stage {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        use Stage::{Failed, InFlight, Known, Late, None, Shifted, Verified};
        let all = [None, InFlight, Failed, Verified, Known, Shifted, Late];
        all.get(usize::from(u8::take(from)?)).copied()
    }
}

/// From so many sends on a number that was never verified rests for the day, by default.
const MANY: usize = 4;

/// So many wrong codes are a day's, by default.
const WRONG: u32 = 10;

impl Cell for NumberCell {
    const LEAVES: bool = true;

    /// When the number is free again: what rests longest is lost last.
    fn worth(&self) -> u64 {
        const RESTS: [u32; MANY] = [0, 30, 60, 120];
        let [latest, ..] = self.sends;
        let count = self.sends.iter().take_while(|at| **at != 0).count();
        let free = match self.sends.get(MANY - 1) {
            Some(filling) if count >= MANY => filling.saturating_add(DAY),
            _ => latest.saturating_add(RESTS.get(count).copied().unwrap_or(0)),
        };
        let wrong = u32::from(self.wrong_today).min(WRONG).max(self.wrong_in_a_row.into()) * (DAY / WRONG);
        free.max(self.wrong_since.saturating_add(wrong)).max(self.may_rest_until).into()
    }

    /// A few sends are forgotten: each number that leaves something costs whoever floods more than one message.
    fn leaves(&self) -> [u32; 2] {
        let many = self.sends.iter().filter(|at| **at != 0).count() + 1 >= MANY;
        let guessed = u32::from(self.wrong_today) >= WRONG;
        let rests = many || guessed || self.may_rest_until != 0;
        [if rests { u32::try_from(self.worth()).unwrap_or(u32::MAX) } else { 0 }, 0]
    }

    fn recalled([until, _]: [u32; 2], now: u32) -> Self {
        Self { may_rest_until: if until > now { until } else { 0 }, ..Self::default() }
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
        if self.sends.first().is_some_and(|latest| *latest > at) {
            self.sent_before(at, actor);
            return;
        }
        if self.sends(at).next().is_none() {
            self.actors = [0; ACTORS];
            self.in_vain = 0;
        }
        self.sends.rotate_right(1);
        if let Some(latest) = self.sends.first_mut() {
            *latest = at;
        }
        self.repeats = 0;
        self.in_vain = self.in_vain.saturating_add(1);
        self.asked(actor);
    }

    /// One that is told of after a later one.
    fn sent_before(&mut self, at: u32, actor: Option<u16>) {
        let index = self.sends.iter().position(|sent| *sent < at);
        if let Some(after) = index.and_then(|index| self.sends.get_mut(index..)) {
            after.rotate_right(1);
            if let Some(sent) = after.first_mut() {
                *sent = at;
            }
        }
        if let Some(actor) = actor.filter(|actor| !self.actors.contains(actor))
            && let Some(free) = self.actors.iter_mut().find(|known| **known == 0)
        {
            *free = actor;
        }
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
            self.in_vain = self.in_vain.saturating_sub(1);
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

    /// Since when it counts as failed, where it may not have.
    pub(super) fn failed_at(&self) -> Option<u32> {
        (self.stage == Stage::Late).then_some(self.counted_at)
    }

    pub(super) fn uncount(&mut self) {
        (self.counted_at, self.counted, self.stage) = (0, 0, Stage::None);
    }

    /// `in_a_row`: no right one was given since.
    pub(super) fn guessed_wrong(&mut self, now: u32, in_a_row: bool) {
        if self.wrong_today(now) == 0 {
            (self.wrong_since, self.wrong_today) = (now, 0);
        }
        self.wrong_since = self.wrong_since.min(now);
        self.wrong_today = self.wrong_today.saturating_add(1);
        self.wrong_in_a_row = self.wrong_in_a_row.saturating_add(u8::from(in_a_row));
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

/// Most were verified once.
impl Record for Confirmed {
    fn put(&self, out: &mut Vec<u8>) {
        self.last.put(out);
        self.actor.put(out);
        self.failed.put(out);
        (self.since ^ self.last).put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let (last, actor, failed) = (u32::take(from)?, u16::take(from)?, u8::take(from)?);
        Some(Self { since: u32::take(from)? ^ last, last, actor, failed })
    }
}

/// So many messages in a row that come to nothing, and a number is a stranger's again: verified numbers can be stocked.
pub(super) const REVOKED_AT: u8 = 3;

/// For how long a number that was verified stays so, in seconds.
pub(super) const CONFIRMED_FOR: u32 = 90 * DAY;

impl Cell for Confirmed {
    /// Who came back after a day is lost later: no flood of numbers that are verified once makes room of them.
    fn worth(&self) -> u64 {
        // What came to nothing has no beginning.
        let came_back = self.since != 0 && self.last.saturating_sub(self.since) >= DAY;
        u64::from(self.last) + if came_back { 30 * u64::from(DAY) } else { 0 }
    }
}
