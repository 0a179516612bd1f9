//! What is remembered of a number range.

use super::Number;
use super::cells::Cell;
use super::fade::{DAY, HOUR, MINUTE, fade};
use super::hold::Hold;
use super::record::record;
use super::times::Times;

/// The levels of ranges, narrowest first: digits cut off a number, and the level's name.
pub(super) const LEVELS: [(u32, &str); 5] = [(3, "1k"), (4, "10k"), (5, "100k"), (6, "1M"), (7, "10M")];

/// From this level on a range is as wide as an operator: where people are, it may only challenge.
pub(super) const COARSE: usize = 4;

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
    /// The last strangers' places within the range, newest first, from 1 on.
    pub(super) recent: [u16; RECENT],
}

record!(RangeCell {
    at: u32,
    debt: f32,
    in_flight: u16,
    hour: f32,
    day: f32,
    week: f32,
    verified: f32,
    verified_day: f32,
    messages: f32,
    stopped: f32,
    spend: f32,
    times: Times,
    hold: Hold,
    recent: [u16; RECENT],
});

/// From so many verified numbers on, people are at home in a range.
pub(super) const PEOPLE: f32 = 2.0;

pub(super) const RECENT: usize = 6;

impl Cell for RangeCell {
    fn worth(&self) -> u64 {
        let weight = self.debt.abs() + f32::from(self.in_flight) + self.verified + self.stopped;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bounded, and not negative"
        )]
        let lasts = (weight.min(64.0) * 6.0) as u64 * u64::from(HOUR);
        u64::from(self.at) + lasts
    }
}

impl RangeCell {
    /// As it is at `now`.
    pub(super) fn at(mut self, now: u32) -> Self {
        let passed = now.saturating_sub(self.at);
        if passed > 0 && self.at > 0 {
            self.debt = fade(self.debt, passed, DEBT);
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
        self.debt + f32::from(self.in_flight)
    }

    pub(super) fn sent(&mut self) {
        self.in_flight = self.in_flight.saturating_add(1);
    }

    /// A stranger of this range was sent to, at this place in it. Where a narrower range is crowded, it counts
    /// for less here.
    pub(super) fn seen(&mut self, place: u16, crowded: bool) {
        let weight = if crowded { 0.5 } else { 1.0 };
        for counter in [&mut self.hour, &mut self.day, &mut self.week] {
            *counter += weight;
        }
        if !self.recent.contains(&place) {
            self.recent.rotate_right(1);
            if let Some(newest) = self.recent.first_mut() {
                *newest = place;
            }
        }
    }

    pub(super) fn unseen(&mut self) {
        for counter in [&mut self.hour, &mut self.day, &mut self.week] {
            *counter = (*counter - 1.0).max(0.0);
        }
    }

    /// A message went out, to whichever of its strangers.
    pub(super) fn messaged(&mut self) {
        self.messages += 1.0;
    }

    pub(super) fn unmessaged(&mut self) {
        self.messages = (self.messages - 1.0).max(0.0);
    }

    pub(super) fn landed(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    pub(super) fn failed(&mut self) {
        self.debt += 1.0;
    }

    /// Each verification repays more than its own message.
    pub(super) fn repaid(&mut self, by: f32, credit: f32) {
        self.debt = (self.debt - by).max(self.debt.min(-credit));
        self.hold.converted();
    }

    pub(super) fn verified(&mut self) {
        self.verified += 1.0;
        self.verified_day += 1.0;
        self.stopped = (self.stopped - 2.0).max(0.0);
    }

    /// Whether a message may go out to learn whether people are back. Where people never were, nothing is to be learned
    /// while it is asked for as much as ever, nor while strangers at large do not verify.
    pub(super) fn probes(&self, now: u32, pressure: f32, doubt: f32) -> bool {
        let people = self.verified >= PEOPLE;
        self.hold.probes(now, doubt >= 1.0 && !people) && (people || self.stopped < 0.8 * pressure)
    }

    /// Pressure has a bound, so that a range recovers.
    pub(super) fn pressed(&mut self, bound: f32) {
        self.stopped = (self.stopped + 1.0).min(bound.max(self.stopped));
    }
}

/// A number's place within its 10k range, from 1 on.
pub(super) fn place(number: &Number) -> u16 {
    u16::try_from(number.digits() % 10_000).unwrap_or(0).saturating_add(1)
}
