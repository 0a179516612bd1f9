use std::time::Duration;

use super::budget::Budget;
use super::policy::{Mode, PolicyError, Preset};
use super::{Country, Reason, Signal};

/// How many strangers of a country, and of the whole world, are borne that do not verify. They see too much of the
/// world to block by themselves.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PlacesPolicy {
    /// `new_country`: all countries together in which fewer than 3 numbers have verified.
    pub new_country: PlacePolicy,
    /// `country_conversion`: each other country.
    pub country: PlacePolicy,
    /// `breaker`: all countries together.
    pub breaker: PlacePolicy,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PlacePolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
    /// So many strangers that do not verify, to begin with: 1 to 10,000. Places where people verify bear more.
    pub strangers: f32,
}

impl PlacesPolicy {
    pub(super) fn preset(preset: Preset) -> Self {
        let place = |strangers| PlacePolicy::preset(preset, strangers);
        Self { new_country: place(6.0), country: place(10.0), breaker: place(40.0) }
    }

    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        self.new_country.validate("new_country.strangers")?;
        self.country.validate("country_conversion.strangers")?;
        self.breaker.validate("breaker.strangers")
    }
}

/// A country is new until so many numbers have verified in it.
pub(super) const KNOWN_FROM: f32 = 3.0;

/// What part of the strangers in flight is expected to fail.
pub(super) const FAILING: f32 = 0.35;

/// Half of a country's debt is forgotten within these seconds.
pub(super) const FORGOTTEN: u32 = 6 * super::fade::HOUR;

impl PlacePolicy {
    pub(super) fn preset(preset: Preset, strangers: f32) -> Self {
        Self { mode: Mode::Enforce, strangers: strangers * preset.factor() }
    }

    pub(super) fn validate(&self, field: &'static str) -> Result<(), PolicyError> {
        if (1.0..=10_000.0).contains(&self.strangers) {
            return Ok(());
        }
        Err(PolicyError { field, value: self.strangers.to_string(), remedy: "not within 1 to 10000" })
    }

    /// How many strangers that do not verify a place bears, given how many do.
    pub(super) fn bears(&self, place: &Budget) -> f32 {
        // A minute's worth of those that are verifying now, and a fiftieth of a day's.
        let now = place.verified_hour / 60.0;
        self.strangers + 2.0 * (1.0 + place.verified).ln() + 0.02 * place.verified_a_day() + now
    }

    pub(super) fn used_up(&self, place: &Budget) -> bool {
        self.mode != Mode::Off && place.owed(FAILING) >= self.bears(place)
    }

    /// From 1 on strangers of a place are doubtful; from 2 on even where people are at home.
    pub(super) fn doubt(&self, place: &Budget) -> f32 {
        if self.used_up(place) { (place.owed(FAILING) + place.stopped) / self.bears(place) } else { 0.0 }
    }

    /// A number of a country that does not verify, or of the world when it does not.
    pub(super) fn judge(&self, signal: Signal, name: &str, place: &Budget, now: u32) -> Option<Reason> {
        if !self.used_up(place) || place.hold.probes(now, false) {
            return None;
        }
        let evidence = format!(
            "of strangers in {name}, {:.1} did not verify and {} may yet; it bears {:.1}; verified in the last hour: {:.0}",
            place.debt.max(0.0),
            place.in_flight,
            self.bears(place),
            place.verified_hour
        );
        let wait = place.hold.opens_in(now, true);
        self.mode.reason(signal, 60, evidence, Some(Duration::from_secs(wait.into())))
    }

    /// How many strangers that do not verify all new countries bear together, before this one of them is stopped.
    fn bears_new(&self, country: Country) -> f32 {
        if country.is_risky() { self.strangers / 2.0 } else { self.strangers }
    }

    pub(super) fn used_up_new(&self, country: Country, pool: &Budget) -> bool {
        self.mode != Mode::Off && pool.owed(1.0) >= self.bears_new(country)
    }

    /// A number of a country in which nobody has verified.
    pub(super) fn judge_new(&self, country: Country, pool: &Budget, now: u32) -> Option<Reason> {
        if !self.used_up_new(country, pool) || pool.hold.probes(now, false) {
            return None;
        }
        let evidence = format!(
            "hardly anybody in {country} has verified yet; of strangers in all such countries {:.1} did not verify and {} \
             may yet; they bear {:.0} together",
            pool.debt.max(0.0),
            pool.in_flight,
            self.bears_new(country)
        );
        let wait = pool.hold.opens_in(now, false);
        self.mode.reason(Signal::NewCountry, 60, evidence, Some(Duration::from_secs(wait.into())))
    }
}
