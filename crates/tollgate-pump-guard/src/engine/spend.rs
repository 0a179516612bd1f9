use std::time::Duration;

use super::bill::{Bill, Day, IN_COUNTRY};
use super::fade::{DAY, HOUR};
use super::policy::{Mode, PolicyError, Preset};
use super::ranges::{LEVELS, RangeCell, WEEK};
use super::state::Seen;
use super::surprise::{KNOWN_AFTER, hourly};
use super::{Money, Number, Reason, Signal};

/// What strangers cost that do not verify, and what everybody costs together. Silent without [prices](super::Prices).
///
/// Of strangers, numbers that were never verified, every message counts from the moment it goes out; who verifies
/// gives back more than his own (2 divided by the country's conversion). Where outcomes are not reported nothing is
/// given back, and what is usual of a range or a country is what went there before.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SpendPolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
    /// So much within an hour for strangers of one 1k, 10k or 100k range: 0.01 to 1,000,000. Three times what is usual
    /// there, where that is more.
    pub per_range: Money,
    /// The same of one country: 0.01 to 1,000,000. It makes a message doubtful at most.
    pub per_country: Money,
    /// So much within 24 hours for everything of a profile: 0.01 to 1,000,000,000, or 0 for no cap. A fifth more is kept
    /// for numbers that were verified a day ago or longer.
    pub per_day: Money,
}

/// The levels of ranges whose money is looked at: wider ones are half a country.
const JUDGED: usize = 3;
/// So many times its usual hour is no longer usual.
const USUAL: f32 = 3.0;
/// A counter that loses half within an hour stands at so many hours' worth.
const STANDS_AT: f32 = 1.44;
/// A limit that is smaller is a mistake.
const LEAST: f64 = 0.01;

impl SpendPolicy {
    pub(super) fn preset(preset: Preset) -> Self {
        let money = |amount: f64| Money::of(amount * f64::from(preset.factor())).unwrap_or_default();
        Self { mode: Mode::Enforce, per_range: money(2.0), per_country: money(10.0), per_day: Money::ZERO }
    }

    pub(super) fn validate(&self, priced: bool) -> Result<(), PolicyError> {
        let wrong =
            |field, value: Money, remedy| Err(PolicyError { field, value: value.to_string(), remedy });
        let fields =
            [("spend_velocity.per_range", self.per_range), ("spend_velocity.per_country", self.per_country)];
        for (field, value) in fields {
            if !(LEAST..=1e6).contains(&value.amount()) {
                return wrong(field, value, "not within 0.01 to 1000000");
            }
        }
        let (field, cap) = ("spend_velocity.per_day", self.per_day);
        if !cap.is_zero() && !(LEAST..=1e9).contains(&cap.amount()) {
            return wrong(field, cap, "not within 0.01 to 1000000000, or 0 for no cap");
        }
        if !cap.is_zero() && !priced {
            return wrong(field, cap, "no cap without prices: give them in prices");
        }
        Ok(())
    }

    /// Whether all of a profile together has a limit.
    pub(super) fn caps(&self) -> bool {
        self.mode != Mode::Off && !self.per_day.is_zero()
    }

    /// Whether a message at this price would be over the cap, with what other nodes may have spent unheard. A hard rule: it
    /// needs neither outcomes nor a past.
    pub(super) fn judge_day(
        &self,
        day: &Day,
        bill: &Bill<'_>,
        unheard: Money,
        known: bool,
        now: u32,
    ) -> Option<Reason> {
        if !self.caps() || bill.price.is_zero() {
            return None;
        }
        let cap = if known { self.per_day.and_a_fifth() } else { self.per_day };
        let day = day.at(now);
        let sum = day.total().plus(bill.price).plus(unheard);
        if sum <= cap {
            return None;
        }
        let whom = if known { "of numbers known to verify" } else { "of all others" };
        let mut evidence = format!(
            "with this message, at {}, everything within 24 hours would cost {sum} {}; the cap {whom} is {cap}",
            bill.price, bill.currency
        );
        if !unheard.is_zero() {
            evidence.push_str(&format!("; {unheard} of it other nodes may have spent, who cannot be heard"));
        }
        let wait = day.frees(sum.less(cap), now).map(|seconds| Duration::from_secs(seconds.into()));
        self.mode.reason(Signal::SpendCap, 100, evidence, wait)
    }

    /// What strangers of the number's ranges cost.
    pub(super) fn judge_ranges(&self, seen: &Seen<'_>) -> Option<Reason> {
        let bill = self.bill_of_a_stranger(seen)?;
        let judged = seen.ranges().take(JUDGED).filter_map(|(level, range)| {
            let limit = self.bears_range(range, seen, bill);
            (range.spend >= limit).then_some((level, range.spend, limit))
        });
        let (level, spend, limit) =
            judged.max_by(|(_, a, of_a), (_, b, of_b)| (a / of_a).total_cmp(&(b / of_b)))?;
        // What is challenged does not count; what was solved and still does not verify makes it worse.
        let score = 55.0 + 30.0 * (spend / limit - 1.0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "55 to 95")]
        let score = score.min(95.0) as u8;
        let evidence = format!(
            "strangers of the {} cost {spend:.2} {} within the hour that nobody verified; it bears {limit:.2}",
            range_of(seen.number, level),
            bill.currency
        );
        self.mode.reason(Signal::SpendVelocity, score, evidence, opens(spend, limit))
    }

    /// What strangers of the number's country cost.
    pub(super) fn judge_country(&self, seen: &Seen<'_>) -> Option<Reason> {
        let bill = self.bill_of_a_stranger(seen)?;
        // Without outcomes a country has to have a past.
        if !seen.armed && seen.age < KNOWN_AFTER {
            return None;
        }
        let (spend, limit) = (seen.country_spend.money, self.bears_country(seen, bill));
        if spend < limit {
            return None;
        }
        let evidence = format!(
            "strangers in {} cost {spend:.2} {} within the hour that nobody verified; it bears {limit:.2}",
            seen.number.country(),
            bill.currency
        );
        self.mode.reason(Signal::CountrySpend, 60, evidence, opens(spend, limit))
    }

    /// Where a message to a stranger counts, as bits: ranges, and the country. Where a narrow range explains it, what is
    /// wider need not.
    pub(super) fn counts_in(&self, seen: &Seen<'_>) -> u8 {
        let Some(bill) = self.bill_of_a_stranger(seen) else { return 0 };
        let mut bits = 0;
        for (level, range) in seen.ranges().take(JUDGED) {
            bits |= 1 << level;
            if range.spend >= 0.5 * self.bears_range(range, seen, bill) {
                return bits;
            }
        }
        bits | IN_COUNTRY
    }

    fn bill_of_a_stranger<'a>(&self, seen: &'a Seen<'_>) -> Option<&'a Bill<'a>> {
        let bill = seen.bill.as_ref().filter(|bill| !bill.price.is_zero() && bill.pays_the_range);
        bill.filter(|_| self.mode != Mode::Off && seen.confirmed.is_none())
    }

    fn bears_range(&self, range: &RangeCell, seen: &Seen<'_>, bill: &Bill<'_>) -> f32 {
        let past = if seen.armed { (range.verified, range.verified_day) } else { (range.week, range.day) };
        let usual = bill.usual.faded() * hourly(past, seen.age);
        // People who are verifying right now.
        let people = 1.5 * (1.0 + range.verified).ln() * bill.usual.faded();
        self.per_range.faded().max(USUAL * STANDS_AT * usual) + people
    }

    fn bears_country(&self, seen: &Seen<'_>, bill: &Bill<'_>) -> f32 {
        let country = &seen.country;
        let hourly = if seen.armed {
            hourly((country.verified, country.verified_day), seen.age)
        } else {
            #[allow(clippy::cast_precision_loss, reason = "seconds of weeks")]
            let known = 1.0 - (-(seen.age as f32) / WEEK as f32).exp2();
            #[allow(clippy::cast_precision_loss, reason = "a constant")]
            let hours = WEEK as f32 / HOUR as f32;
            (country.verified + country.failed) * std::f32::consts::LN_2 / hours / known
        };
        self.per_country.faded().max(USUAL * STANDS_AT * bill.usual.faded() * hourly)
    }
}

/// When it has faded below the limit.
fn opens(spend: f32, limit: f32) -> Option<Duration> {
    #[allow(clippy::cast_precision_loss, reason = "a constant")]
    let seconds = HOUR as f32 * (spend / limit).max(1.0).log2() + 1.0;
    Some(Duration::from_secs_f32(seconds.ceil().min(DAY as f32)))
}

fn range_of(number: &Number, level: usize) -> String {
    let (cut, name) = LEVELS.get(level).copied().unwrap_or_default();
    format!("{name} range +{}{}", number.range(cut), "x".repeat(cut as usize))
}
