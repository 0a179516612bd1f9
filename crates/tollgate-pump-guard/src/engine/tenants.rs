//! What the sender's own traffic is like: a memory for each profile.

use std::collections::VecDeque;
use std::sync::LazyLock;

use super::attempt::Charge;
use super::bill::{Day, Spend};
use super::budget::Budget;
use super::country::WORLD;
use super::guesses::Codes;
use super::hours::Hours;
use super::places;
use super::profile::MOST;
use super::times::Times;
use super::{Country, Money, Profile};

/// Each profile's memory: of the three there always are, and of your own.
#[derive(Debug)]
pub(super) struct Tenants(Vec<Tenant>);

impl Tenants {
    pub(super) fn new() -> Self {
        Self(Profile::BUILT_IN.iter().map(|profile| Tenant::new(profile.id())).collect())
    }

    pub(super) fn of(&self, profile: Profile) -> &Tenant {
        /// Of a profile in which nothing happened yet.
        static FRESH: LazyLock<Tenant> = LazyLock::new(|| Tenant::new(u16::MAX));
        self.0.iter().find(|tenant| tenant.id == profile.id()).unwrap_or(&FRESH)
    }

    /// Makes one where there is none: profiles come from the app's own code, and requests cannot name any.
    pub(super) fn of_mut(&mut self, profile: Profile) -> &mut Tenant {
        let found = self.0.iter().position(|tenant| tenant.id == profile.id());
        let index = found.unwrap_or_else(|| {
            self.0.push(Tenant::new(profile.id()));
            self.0.len() - 1
        });
        &mut self.0[index]
    }

    /// The same for what was kept, of which there are no more than there can be profiles.
    pub(super) fn restored(&mut self, id: u16) -> Option<&mut Tenant> {
        if self.0.len() < MOST && !self.0.iter().any(|tenant| tenant.id == id) {
            self.0.push(Tenant::new(id));
        }
        self.0.iter_mut().find(|tenant| tenant.id == id)
    }

    /// Makes those of these profiles and of no others. Whether there were others.
    pub(super) fn keep(&mut self, profiles: &[Profile]) -> bool {
        let before = self.0.len();
        self.0.retain(|tenant| profiles.iter().any(|profile| profile.id() == tenant.id));
        let others = self.0.len() < before;
        for profile in profiles {
            self.of_mut(*profile);
        }
        others
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn at_mut(&mut self, index: usize) -> Option<&mut Tenant> {
        self.0.get_mut(index)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Tenant> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Tenant> {
        self.0.iter_mut()
    }

    /// How many strangers may still verify.
    pub(super) fn pending(&self) -> usize {
        self.0.iter().map(|tenant| tenant.pending.len()).sum()
    }

    /// The profile of most of them: a flood in one makes none of another's be taken for failed.
    pub(super) fn longest(&self) -> usize {
        let longest = self.0.iter().enumerate().max_by_key(|(_, tenant)| tenant.pending.len());
        longest.map_or(0, |(index, _)| index)
    }
}

/// A stranger that may still verify.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    /// Its place in the row of all there ever were, in every profile.
    pub(super) place: u64,
    pub(super) charge: Charge,
}

/// What the sender's own traffic is like, in one profile.
#[derive(Debug)]
pub(super) struct Tenant {
    /// Its profile's.
    pub(super) id: u16,
    /// When its first attempt was seen, in seconds; 0 before.
    pub(super) since: u32,
    /// Strangers everywhere.
    pub(super) world: Budget,
    /// Strangers of countries in which nobody has verified yet.
    pub(super) new: Budget,
    /// Strangers of each country, by its index.
    pub(super) countries: Vec<Budget>,
    /// What strangers of each country cost that nobody verified, of the last hour.
    pub(super) spends: Vec<Spend>,
    /// What everything cost within the day.
    pub(super) day: Day,
    /// What of that was spent here while other nodes could not be heard.
    pub(super) alone: Money,
    /// How many strangers of each verify by the hour of the week; of those in which nobody has, nothing is kept.
    pub(super) hours: Vec<Option<Box<Hours>>>,
    /// How long people take to verify.
    pub(super) times: Times,
    /// Codes that were given.
    pub(super) codes: Codes,
    /// Messages to people known to verify that came to nothing, since anybody verified.
    pub(super) silent: u16,
    /// Strangers that may still verify, oldest first.
    pub(super) pending: VecDeque<Waiting>,
    /// Which countries changed since the last drain, and which of their hours.
    pub(super) changed: Vec<bool>,
    pub(super) changed_hours: Vec<bool>,
    /// What was drained last of everything but the countries.
    pub(super) written: Vec<u8>,
}

/// Outcomes count once so many have verified, with a half-life of a week.
const ARMED_FROM: f32 = 10.0;
/// So many known people in a row that do not verify: it is the outcomes that are missing, not the people.
const SILENT: u16 = 20;
/// What share of strangers verifies, before anything is known.
const CONVERSION: f32 = 0.7;

impl Tenant {
    fn new(id: u16) -> Self {
        let countries = vec![Budget::default(); usize::from(WORLD) + 1];
        let (world, new) = (Budget::default(), Budget::default());
        let changed = vec![false; countries.len()];
        let (hours, changed_hours) = (vec![None; countries.len()], changed.clone());
        Self {
            id,
            since: 0,
            world,
            new,
            spends: vec![Spend::default(); countries.len()],
            countries,
            hours,
            day: Day::default(),
            alone: Money::ZERO,
            times: Times::default(),
            codes: Codes::default(),
            silent: 0,
            pending: VecDeque::new(),
            changed,
            changed_hours,
            written: Vec::new(),
        }
    }

    /// Whether outcomes are reported, so that their absence means something.
    pub(super) fn armed(&self, now: u32) -> bool {
        self.silent < SILENT && self.world.at(now, places::FORGOTTEN).verified >= ARMED_FROM
    }

    /// The country's, as it is at `now`.
    pub(super) fn country(&self, country: Country, now: u32) -> Budget {
        let found = self.countries.get(usize::from(country.index()));
        found.copied().unwrap_or_default().at(now, places::FORGOTTEN)
    }

    pub(super) fn country_mut(&mut self, country: Country, now: u32) -> Option<&mut Budget> {
        let index = usize::from(country.index());
        if let Some(changed) = self.changed.get_mut(index) {
            *changed = true;
        }
        let found = self.countries.get_mut(index)?;
        *found = found.at(now, places::FORGOTTEN);
        Some(found)
    }

    /// A stranger of the country that makes a past.
    pub(super) fn count_hour(&mut self, country: Country, now: u32) {
        let index = usize::from(country.index());
        if let (Some(hours), Some(changed)) = (self.hours.get_mut(index), self.changed_hours.get_mut(index)) {
            hours.get_or_insert_with(|| Box::new(Hours::new(now))).count(now);
            *changed = true;
        }
    }

    /// How many strangers of the country verify within an hour at about this time, where that is known.
    pub(super) fn usual(&self, country: Country, now: u32) -> Option<f32> {
        self.hours.get(usize::from(country.index()))?.as_ref()?.usual(now)
    }

    /// What share of the country's strangers verifies.
    pub(super) fn conversion(&self, country: Country, now: u32) -> f32 {
        let everywhere = self.world.at(now, places::FORGOTTEN).conversion(CONVERSION);
        self.country(country, now).conversion(everywhere).clamp(0.35, 0.95)
    }

    /// After how many milliseconds hardly anybody verifies any more.
    pub(super) fn matures_after(&self) -> u64 {
        const UNKNOWN: f32 = 180.0;
        let seconds = if self.times.count() < 20.0 {
            UNKNOWN
        } else {
            (self.times.mean() + 2.0 * self.times.deviation()).exp().clamp(60.0, 300.0)
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "60 to 300")]
        let seconds = seconds as u64;
        seconds * 1000
    }
}
