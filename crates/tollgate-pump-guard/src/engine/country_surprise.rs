use std::time::Duration;

use super::fade::{HOUR, surprise};
use super::policy::{Mode, PolicyError, Preset};
use super::ranges::PEOPLE;
use super::state::Seen;
use super::{Reason, Signal};

/// More strangers of a country within the hour than that hour of the week usually has, beyond those that verify now.
///
/// Expected is three times what is usual, and half as many again as those that verified within the hour stand for: people of
/// a launch speak for themselves. It sees too much of the world to block by itself.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CountrySurprisePolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
    /// How many nats of surprise (Poisson deviance) are too many: 1 to 100.
    pub nats: f32,
}

/// Strangers expected within an hour at least, where outcomes are reported, and where none are.
const FLOOR: f32 = 20.0;
const FLOOR_UNARMED: f32 = 250.0;
/// So many times what is usual.
const TIMES: f32 = 3.0;
/// What a counter with a half-life of an hour stands at for each that comes in an hour.
const STANDS_AT: f32 = std::f32::consts::LOG2_E;
/// For so many strangers each vouches that verified within the hour, where all do: half as many again as there usually are.
const VOUCHES: f32 = 1.5;
/// People of these ranges vouch for a number: wider ones are much of the country itself.
const NEAR: usize = 3;

impl CountrySurprisePolicy {
    pub(super) fn preset(preset: Preset) -> Self {
        Self { mode: Mode::Enforce, nats: 10.0 * preset.factor() }
    }

    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        if (1.0..=100.0).contains(&self.nats) {
            return Ok(());
        }
        let field = "country_surprise.nats";
        Err(PolicyError { field, value: self.nats.to_string(), remedy: "not within 1 to 100" })
    }

    pub(super) fn judge(&self, seen: &Seen<'_>) -> Option<Reason> {
        let usual = seen.usual.filter(|_| self.mode != Mode::Off)?;
        let country = &seen.country;
        #[allow(clippy::cast_precision_loss, reason = "thousands")]
        let in_flight = country.in_flight as f32;
        // Those that may yet verify will as others do. Without outcomes nobody is known to.
        let (asked, expected) = if seen.armed {
            let verifying = (seen.conversion * in_flight).min(country.asked_hour);
            let usual = FLOOR + TIMES * STANDS_AT * usual / seen.conversion;
            (country.asked_hour - verifying, usual + VOUCHES * country.verified_hour / seen.conversion)
        } else {
            (country.asked_hour, FLOOR_UNARMED + TIMES * STANDS_AT * usual)
        };
        let nats = surprise(asked, expected);
        let people = seen.ranges().take(NEAR).any(|(_, range)| range.verified >= PEOPLE);
        if nats <= self.nats || people || seen.is_vouched_for() {
            return None;
        }
        let evidence = format!(
            "about {asked:.0} strangers of {} within the hour that do not verify now, where {expected:.0} are to be expected \
             at most ({nats:.1} nats of surprise); usual for this hour of the week: {usual:.1}; verified in the last hour: \
             {:.0}",
            seen.number.country(),
            country.verified_hour
        );
        self.mode.reason(Signal::CountrySurprise, 60, evidence, Some(Duration::from_secs(HOUR.into())))
    }
}
