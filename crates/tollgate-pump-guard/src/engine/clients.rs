use std::time::Duration;

use super::budget::{Budget, ClientCell};
use super::fade::HOUR;
use super::policy::{Mode, PolicyError, Preset};
use super::{Reason, Signal};

/// How many strangers that do not verify a client may ask for. Those that do verify repay, so that hundreds of people
/// behind one address are no harm to each other.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ClientsPolicy {
    /// Of `ip_budget`: whether it acts, only notes, or is off.
    pub mode: Mode,
    /// Strangers of one address (IPv4), or one /64 (IPv6): 1 to 10,000.
    pub strangers: f32,
    /// Strangers of one /24, or one /48: 1 to 100,000.
    pub prefix_strangers: f32,
    /// Of `ip_countries`: whether it acts, only notes, or is off.
    pub countries_mode: Mode,
    /// More unverified countries within a day than so many weigh against a client: 1 to 4.
    pub countries: u8,
}

/// Half of a client's debt is forgotten within these seconds.
pub(super) const FORGOTTEN: u32 = 3 * HOUR;

impl ClientsPolicy {
    pub(super) fn preset(preset: Preset) -> Self {
        let by = preset.factor();
        Self {
            mode: Mode::Enforce,
            strangers: 6.0 * by,
            prefix_strangers: 25.0 * by,
            countries_mode: Mode::Enforce,
            countries: 3,
        }
    }

    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        let wrong = |field, value: String, remedy| Err(PolicyError { field, value, remedy });
        if !(1.0..=10_000.0).contains(&self.strangers) {
            return wrong("ip_budget.strangers", self.strangers.to_string(), "not within 1 to 10000");
        }
        if !(1.0..=100_000.0).contains(&self.prefix_strangers) {
            let value = self.prefix_strangers.to_string();
            return wrong("ip_budget.prefix_strangers", value, "not within 1 to 100000");
        }
        if !(1..=4).contains(&self.countries) {
            return wrong("ip_countries.countries", self.countries.to_string(), "not within 1 to 4");
        }
        Ok(())
    }

    fn limits(&self) -> [(&'static str, f32); 2] {
        [("this address", self.strangers), ("this address's prefix (/24 or /48)", self.prefix_strangers)]
    }

    /// The client's budget, and its prefix's.
    pub(super) fn judge(&self, clients: &[Option<ClientCell>; 2]) -> Option<Reason> {
        if self.mode == Mode::Off {
            return None;
        }
        clients.iter().zip(self.limits()).find_map(|(client, (name, limit))| {
            let (score, evidence) = judge_budget(name, &client.as_ref()?.budget, limit)?;
            self.mode.reason(Signal::IpBudget, score, evidence, Some(Duration::from_secs(HOUR.into())))
        })
    }

    pub(super) fn judge_countries(
        &self,
        client: Option<&ClientCell>,
        country: u16,
        now: u32,
    ) -> Option<Reason> {
        let countries = client?.countries_with(country, now);
        if self.countries_mode == Mode::Off || countries <= usize::from(self.countries) {
            return None;
        }
        let evidence =
            format!("this address asked for strangers in {countries} countries within a day; none verified");
        self.countries_mode.reason(Signal::IpCountries, 15, evidence, None)
    }
}

/// How grave it is, and why, where strangers asked for by one client, session or user owe more than it may have.
pub(super) fn judge_budget(name: &str, budget: &Budget, limit: f32) -> Option<(u8, String)> {
    // Those that have verified here lately vouch for others.
    let limit = limit + 0.3 * budget.verified.min(200.0);
    if budget.owed(1.0) < limit {
        return None;
    }
    // Many that had their time, and never one that verified: no crowd behind one address is like that.
    let nobody = budget.debt >= 0.8 * limit && budget.stopped >= limit && budget.verified < 1.0;
    let evidence = format!(
        "of strangers asked for by {name}, {:.1} did not verify and {} may yet; it may have {limit:.0}; verified in a \
         week: {:.0}",
        budget.debt.max(0.0),
        budget.in_flight,
        budget.verified
    );
    Some((if nobody { 85 } else { 60 }, evidence))
}
