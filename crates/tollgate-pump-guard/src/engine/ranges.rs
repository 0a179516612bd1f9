//! What is remembered of a number range.

use super::Number;
use super::cells::Cell;
use super::fade::{DAY, HOUR, MINUTE, fade};
use super::hold::Hold;
use super::packed::{SHORT, long, short};
use super::record::Record;
use super::state::Seen;
use super::times::Times;

/// The levels of ranges, narrowest first: digits cut off a number, and the level's name.
pub(super) const LEVELS: [(u32, &str); 5] = [(3, "1k"), (4, "10k"), (5, "100k"), (6, "1M"), (7, "10M")];

/// From this level on a range is as wide as an operator: where people are, it may only challenge.
pub(super) const COARSE: usize = 4;

/// The level in which strangers' places are remembered.
pub(super) const ADJACENT: usize = 1;

/// How long a debt lasts: half of it is forgotten after two days, so that one message every few hours adds up.
const DEBT: u32 = 48 * HOUR;
/// How long stopped attempts weigh.
pub(super) const STOPPED: u32 = 30 * MINUTE;
/// Over what time a range's own past is looked at.
pub(super) const WEEK: u32 = 7 * DAY;

/// Strangers are numbers that were never verified; each counts once within 24 hours.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RangeCell {
    /// When it was last brought up to date, in seconds.
    at: u32,
    /// Strangers that did not verify, less what those that did repaid.
    pub(super) debt: f32,
    /// Strangers that may still verify.
    pub(super) in_flight: u16,
    /// Strangers, with half-lives of an hour, a day and a week.
    pub(super) hour: f32,
    pub(super) day: f32,
    pub(super) week: f32,
    /// Those that verified, with half-lives of a week and a day.
    pub(super) verified: f32,
    pub(super) verified_day: f32,
    /// Messages to strangers, those to the same number again among them, with a half-life of a day.
    pub(super) messages: f32,
    /// Attempts that were stopped, bounded.
    pub(super) stopped: f32,
    /// What strangers cost that nobody verified, of the last hour.
    pub(super) spend: f32,
    pub(super) times: Times,
    pub(super) hold: Hold,
    /// The last strangers' places within the range, newest first, from 1 on; only of 10k ranges.
    pub(super) recent: [u16; RECENT],
    /// What its strangers, or those of a few other ranges, still owe of what was forgotten. It may only challenge.
    pub(super) recalled: f32,
}

/// Counters that are small are [`short`]: most ranges have seen a few strangers. What happens to few comes last.
impl Record for RangeCell {
    fn put(&self, out: &mut Vec<u8>) {
        let counters = [
            self.hour,
            self.day,
            self.week,
            self.verified,
            self.verified_day,
            self.messages,
            self.times.count(),
            self.stopped,
            self.recalled,
        ];
        let is_large = counters.iter().any(|counter| *counter >= SHORT);
        self.at.put(out);
        self.debt.put(out);
        u8::from(is_large).put(out);
        if is_large {
            counters.put(out);
            self.times.put(out);
        } else {
            counters.map(short).put(out);
            self.times.shortly().put(out);
        }
        self.in_flight.put(out);
        self.spend.put(out);
        self.recent.put(out);
        self.hold.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let (at, debt) = (u32::take(from)?, f32::take(from)?);
        let is_large = u8::take(from)? != 0;
        let (counters, times) = if is_large {
            (<[f32; 9]>::take(from)?, Times::take(from)?)
        } else {
            let counters = <[u16; 9]>::take(from)?.map(long);
            let [.., count, _, _] = counters;
            (counters, Times::of(count, <[u16; 2]>::take(from)?))
        };
        let [hour, day, week, verified, verified_day, messages, _, stopped, recalled] = counters;
        let (in_flight, spend) = (u16::take(from)?, f32::take(from)?);
        let (recent, hold) = (<[u16; RECENT]>::take(from)?, Hold::take(from)?);
        Some(Self {
            at,
            debt,
            in_flight,
            hour,
            day,
            week,
            verified,
            verified_day,
            messages,
            stopped,
            spend,
            times,
            hold,
            recent,
            recalled,
        })
    }
}

/// From so many verified numbers on, people are at home in a range.
pub(super) const PEOPLE: f32 = 2.0;

pub(super) const RECENT: usize = 6;

impl Cell for RangeCell {
    const LEAVES: bool = true;

    fn worth(&self) -> u64 {
        let weight =
            self.debt.abs() + self.recalled + f32::from(self.in_flight) + self.verified + self.stopped;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bounded, and not negative"
        )]
        let lasts = (weight.min(64.0) * 6.0) as u64 * u64::from(HOUR);
        u64::from(self.at) + lasts
    }

    /// When a debt will have faded to one, and when those that verified have: it says how much both are at any time. Of
    /// ranges that were stopped alone, so that what millions of ranges leave does not drown it.
    fn leaves(&self) -> [u32; 2] {
        if !self.hold.is_set() {
            return [0; 2];
        }
        [
            one_at(self.at, (self.debt + self.recalled).min(MOST_RECALLED), DEBT),
            one_at(self.at, self.verified.min(MOST_RECALLED), WEEK),
        ]
    }

    fn recalled([owes, verified]: [u32; 2], now: u32) -> Self {
        let recalled = value_at(now, owes, DEBT);
        // Enough to be people's, and no more: it may be another's.
        let verified = value_at(now, verified, WEEK).min(PEOPLE);
        Self { at: if recalled + verified > 0.0 { now } else { 0 }, recalled, verified, ..Self::default() }
    }
}

/// More than this is not left behind.
const MOST_RECALLED: f32 = 64.0;

/// When a value that is this much at `at` has faded to one, in seconds; 0 where it is no more than that.
fn one_at(at: u32, value: f32, half_life: u32) -> u32 {
    if value <= 1.0 {
        return 0;
    }
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "six half-lives at most"
    )]
    let lasts = (value.log2() * half_life as f32) as u32;
    at.saturating_add(lasts)
}

/// How much it is at `now`; nothing where it has faded to one.
fn value_at(now: u32, one_at: u32, half_life: u32) -> f32 {
    #[allow(clippy::cast_precision_loss, reason = "six half-lives at most")]
    let halves = one_at.saturating_sub(now) as f32 / half_life as f32;
    if halves > 0.0 { halves.exp2().min(MOST_RECALLED) } else { 0.0 }
}

impl RangeCell {
    /// As it is at `now`.
    pub(super) fn at(mut self, now: u32) -> Self {
        let passed = now.saturating_sub(self.at);
        if passed > 0 && self.at > 0 {
            self.debt = fade(self.debt, passed, DEBT);
            self.recalled = fade(self.recalled, passed, DEBT);
            self.hour = fade(self.hour, passed, HOUR);
            self.day = fade(self.day, passed, DAY);
            self.week = fade(self.week, passed, WEEK);
            self.verified = fade(self.verified, passed, WEEK);
            self.verified_day = fade(self.verified_day, passed, DAY);
            self.messages = fade(self.messages, passed, DAY);
            self.stopped = fade(self.stopped, passed, STOPPED);
            self.spend = fade(self.spend, passed, HOUR);
            self.times.fade(passed);
        }
        self.at = now;
        self
    }

    /// What strangers owe: those that failed, and those that may yet.
    pub(super) fn owed(&self) -> f32 {
        self.remembered() + self.recalled
    }

    /// The same without what was forgotten meanwhile.
    pub(super) fn remembered(&self) -> f32 {
        self.debt + f32::from(self.in_flight)
    }

    pub(super) fn sent(&mut self) {
        self.in_flight = self.in_flight.saturating_add(1);
    }

    /// A stranger of this range was sent to, at this place in it if that matters. Where a narrower range is crowded, it
    /// counts for less here. As all that comes `age` seconds late, it counts for what is left of it.
    pub(super) fn seen(&mut self, place: Option<u16>, crowded: bool, age: u32) {
        let weight = if crowded { 0.5 } else { 1.0 };
        self.hour += fade(weight, age, HOUR);
        self.day += fade(weight, age, DAY);
        self.week += fade(weight, age, WEEK);
        if let Some(place) = place {
            self.asked_at(place);
        }
    }

    /// A stranger at this place was asked for, whether or not it was sent to.
    pub(super) fn asked_at(&mut self, place: u16) {
        if !self.recent.contains(&place) {
            self.recent.rotate_right(1);
            if let Some(newest) = self.recent.first_mut() {
                *newest = place;
            }
        }
    }

    /// The same in a range that is none of the narrowest, where it may have counted for less: no more is taken back.
    pub(super) fn unseen(&mut self, narrowest: bool, age: u32) {
        let weight = if narrowest { 1.0 } else { 0.5 };
        self.hour = (self.hour - fade(weight, age, HOUR)).max(0.0);
        self.day = (self.day - fade(weight, age, DAY)).max(0.0);
        self.week = (self.week - fade(weight, age, WEEK)).max(0.0);
    }

    /// A message went out, to whichever of its strangers.
    pub(super) fn messaged(&mut self, age: u32) {
        self.messages += fade(1.0, age, DAY);
    }

    pub(super) fn unmessaged(&mut self, age: u32) {
        self.messages = (self.messages - fade(1.0, age, DAY)).max(0.0);
    }

    pub(super) fn landed(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    pub(super) fn failed(&mut self, age: u32) {
        self.debt += fade(1.0, age, DEBT);
    }

    /// One that was taken for failed so long ago was not.
    pub(super) fn unfailed(&mut self, age: u32) {
        self.debt -= fade(1.0, age, DEBT);
    }

    /// Each verification repays more than its own message.
    pub(super) fn repaid(&mut self, by: f32, credit: f32, age: u32) {
        let left = fade(1.0, age, DEBT);
        let (by, credit) = (by * left, credit * left);
        let forgotten = self.recalled.min(by.max(0.0));
        self.recalled -= forgotten;
        self.debt = (self.debt - by + forgotten).max(self.debt.min(-credit));
        self.hold.converted(self.at.saturating_sub(age));
    }

    pub(super) fn verified(&mut self, age: u32) {
        self.verified += fade(1.0, age, WEEK);
        self.verified_day += fade(1.0, age, DAY);
        self.stopped = (self.stopped - fade(2.0, age, STOPPED)).max(0.0);
    }

    /// Whether a message may go out to learn whether people are back. Where people never were, nothing is to be learned
    /// while it is asked for as much as ever, nor while strangers at large do not verify; nor anywhere from a number that
    /// goes on where others were.
    pub(super) fn probes(&self, seen: &Seen<'_>, pressure: f32) -> bool {
        let people = self.verified >= PEOPLE;
        self.hold.probes(seen.now, seen.goes_on || seen.doubt >= 1.0 && !people)
            && (people || self.stopped < 0.8 * pressure)
    }

    /// Pressure has a bound, so that a range recovers.
    pub(super) fn pressed(&mut self, bound: f32, age: u32) {
        let left = fade(1.0, age, STOPPED);
        self.stopped = (self.stopped + left).min((bound * left).max(self.stopped));
    }
}

/// A number's place within its 10k range, from 1 on.
pub(super) fn place(number: &Number) -> u16 {
    u16::try_from(number.digits() % 10_000).unwrap_or(0).saturating_add(1)
}
