//! How many strangers that do not verify are borne: of a country, a client, the whole sender.

use super::cells::Cell;
use super::fade::{DAY, HOUR, fade};
use super::hold::Hold;
use super::ranges::{STOPPED, WEEK};
use super::record::record;

/// Strangers, and what became of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Budget {
    /// When it was last brought up to date, in seconds.
    at: u32,
    /// Strangers that did not verify, less what those that did repaid.
    pub(super) debt: f32,
    /// Strangers that may still verify.
    pub(super) in_flight: u32,
    /// All strangers that were sent to, whatever explains them, with a half-life of an hour: of a country.
    pub(super) asked_hour: f32,
    /// Those that verified, with half-lives of an hour, a day and a week.
    pub(super) verified_hour: f32,
    pub(super) verified_day: f32,
    pub(super) verified: f32,
    /// Those that did not, with a half-life of a week.
    pub(super) failed: f32,
    /// Attempts that were stopped, bounded.
    pub(super) stopped: f32,
    /// What it bore when something was last stopped: beyond that a debt does not grow, so that it is soon repaid once
    /// people are back.
    bore: f32,
    pub(super) hold: Hold,
}

record!(Budget {
    at: u32,
    debt: f32,
    in_flight: u32,
    asked_hour: f32,
    verified_hour: f32,
    verified_day: f32,
    verified: f32,
    failed: f32,
    stopped: f32,
    bore: f32,
    hold: Hold,
});

impl Budget {
    /// As it is at `now`; half of a debt is forgotten within `half_life` seconds.
    pub(super) fn at(mut self, now: u32, half_life: u32) -> Self {
        let passed = now.saturating_sub(self.at);
        if passed > 0 && self.at > 0 {
            self.debt = fade(self.debt, passed, half_life);
            self.asked_hour = fade(self.asked_hour, passed, HOUR);
            self.verified_hour = fade(self.verified_hour, passed, HOUR);
            self.verified_day = fade(self.verified_day, passed, DAY);
            self.verified = fade(self.verified, passed, WEEK);
            self.failed = fade(self.failed, passed, WEEK);
            self.stopped = fade(self.stopped, passed, STOPPED);
        }
        self.at = now;
        self
    }

    /// Whether nothing ever happened to it.
    pub(super) fn is_untouched(&self) -> bool {
        self.at == 0
    }

    /// What strangers owe, where of those in flight only `in_flight` each is expected to fail.
    pub(super) fn owed(&self, in_flight: f32) -> f32 {
        #[allow(clippy::cast_precision_loss, reason = "thousands")]
        let flying = self.in_flight as f32;
        self.debt + in_flight * flying
    }

    pub(super) fn sent(&mut self) {
        self.in_flight = self.in_flight.saturating_add(1);
    }

    /// As all that comes `age` seconds late, it counts for what is left of it.
    pub(super) fn asked(&mut self, age: u32) {
        self.asked_hour += fade(1.0, age, HOUR);
    }

    pub(super) fn unasked(&mut self, age: u32) {
        self.asked_hour = (self.asked_hour - fade(1.0, age, HOUR)).max(0.0);
    }

    pub(super) fn landed(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Half of a debt is forgotten within `half_life` seconds.
    pub(super) fn failed(&mut self, age: u32, half_life: u32) {
        self.failed += fade(1.0, age, WEEK);
        let left = fade(1.0, age, half_life);
        let bound = if self.stopped > 0.5 { (self.bore + 2.0) * left } else { f32::MAX };
        self.debt = (self.debt + left).min(bound.max(self.debt));
    }

    /// One that was taken for failed so long ago was not.
    pub(super) fn unfailed(&mut self, credit: f32, age: u32, half_life: u32) {
        self.failed = (self.failed - fade(1.0, age, WEEK)).max(0.0);
        let left = fade(1.0, age, half_life);
        // While a place is stopped, less may have been added than one.
        self.debt = (self.debt - left).max(self.debt.min(-credit * left));
    }

    /// Pressure has a bound, so that a place recovers: a few times what it bears.
    pub(super) fn pressed(&mut self, bears: f32, times: f32, age: u32) {
        self.bore = bears;
        let left = fade(1.0, age, STOPPED);
        self.stopped = (self.stopped + left).min((times * bears * left).max(self.stopped));
    }

    pub(super) fn repaid(&mut self, by: f32, credit: f32, age: u32, half_life: u32) {
        let left = fade(1.0, age, half_life);
        self.debt = (self.debt - by * left).max(self.debt.min(-credit * left));
        self.hold.converted(self.at.saturating_sub(age));
    }

    pub(super) fn verified(&mut self, age: u32) {
        self.verified_hour += fade(1.0, age, HOUR);
        self.verified_day += fade(1.0, age, DAY);
        self.verified += fade(1.0, age, WEEK);
        self.stopped = (self.stopped - fade(2.0, age, STOPPED)).max(0.0);
    }

    /// The share of strangers that verify, where `prior` is what others do and weighs as much as 20 of them.
    pub(super) fn conversion(&self, prior: f32) -> f32 {
        const WEIGHT: f32 = 20.0;
        (self.verified + WEIGHT * prior) / (self.verified + self.failed + WEIGHT)
    }

    /// Those that verified in a day, by the week's mean.
    pub(super) fn verified_a_day(&self) -> f32 {
        #[allow(clippy::cast_precision_loss, reason = "constants")]
        let days = WEEK as f32 / DAY as f32;
        self.verified * std::f32::consts::LN_2 / days
    }
}

/// What is remembered of a client: its budget, and the countries it asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ClientCell {
    pub(super) budget: Budget,
    /// The countries of its strangers that did not verify, newest first; 0 where there is none.
    countries: [u16; 4],
    countries_at: u32,
    /// Wrong codes it gave, with a half-life of half a day.
    pub(super) wrong: f32,
}

record!(ClientCell { budget: Budget, countries: [u16; 4], countries_at: u32, wrong: f32 });

impl Cell for ClientCell {
    fn worth(&self) -> u64 {
        let weight = self.budget.owed(1.0).abs() + self.budget.verified + self.wrong;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bounded, and not negative"
        )]
        let lasts = (weight.min(64.0) * 2.0) as u64 * u64::from(HOUR);
        u64::from(self.budget.at) + lasts
    }
}

impl ClientCell {
    /// As it is at `now`; half of a debt is forgotten within `half_life` seconds.
    pub(super) fn at(mut self, now: u32, half_life: u32) -> Self {
        self.wrong = fade(self.wrong, now.saturating_sub(self.budget.at), DAY / 2);
        self.budget = self.budget.at(now, half_life);
        self
    }

    /// How many countries it asked for within the day, this one among them, that nobody verified; 5 stands for more.
    pub(super) fn countries_with(&self, country: u16, now: u32) -> usize {
        if self.countries_at.saturating_add(DAY) <= now {
            return 1;
        }
        let known = self.countries.iter().filter(|known| **known != 0);
        known.clone().count() + usize::from(!known.clone().any(|known| *known == country))
    }

    pub(super) fn asked(&mut self, country: u16, now: u32) {
        if self.countries_at.saturating_add(DAY) <= now {
            (self.countries, self.countries_at) = ([0; 4], now);
        }
        if !self.countries.contains(&country) {
            self.countries.rotate_right(1);
            if let Some(first) = self.countries.first_mut() {
                *first = country;
            }
        }
    }

    /// A wrong code.
    pub(super) fn guessed_wrong(&mut self, age: u32) {
        self.wrong += fade(1.0, age, DAY / 2);
    }

    pub(super) fn verified(&mut self, country: u16) {
        for known in self.countries.iter_mut().filter(|known| **known == country) {
            *known = 0;
        }
        self.countries.sort_unstable_by_key(|known| *known == 0);
    }
}
