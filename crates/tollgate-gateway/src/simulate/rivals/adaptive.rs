use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tollgate::core::IpKey;
use tollgate::pump_guard::engine::Country;

use super::buckets::{Leaky, Rolling, client};
use super::{Rival, RivalVerdict, country};
use crate::simulate::{DAY, HOUR};
use crate::traffic::{LoggedOutcome, Send};

/// An adaptive budget of unverified sends, for each country and each client: a send is poured into leaky buckets, a
/// verification takes it back.
///
/// * A country's capacity for a day is a fifth of those it verifies on a day (the mean of the last 7 days, or of as many
///   as there are), and 20 at least; for an hour, a sixth of that.
/// * A client (IPv4 address or IPv6 /64) has 30 a day and 10 an hour; where more than 30 were verified from it in the
///   last day, as many as those, and a third.
/// * Numbers that were verified before are not counted.
/// * What it blocks is poured in all the same, as far as there is room.
///
/// At first it only learns. Without that it would never learn: a busy country is blocked after 20 sends, nobody verifies
/// there, and its budget stays what it was.
#[derive(Debug)]
pub(crate) struct AdaptiveBudget {
    learning: Duration,
    countries: HashMap<Option<Country>, Budget>,
    clients: HashMap<IpKey, Budget>,
    verified: HashSet<String>,
    since: Option<Duration>,
}

#[derive(Debug, Default)]
struct Budget {
    day: Leaky,
    hour: Leaky,
    verified: Rolling,
}

impl AdaptiveBudget {
    /// One that blocks nobody for so long after the first send, and counts.
    pub(crate) fn learning_for(learning: Duration) -> Self {
        let (countries, clients, verified) = Default::default();
        Self { learning, countries, clients, verified, since: None }
    }
}

const WEEK_HOURS: u64 = 7 * 24;

impl Rival for AdaptiveBudget {
    fn decide(&mut self, send: &Send, now: Duration) -> RivalVerdict {
        let since = *self.since.get_or_insert(now);
        if self.verified.contains(number(send)) {
            return RivalVerdict::Allow;
        }
        let age = now.saturating_sub(since);
        let days = (age.as_secs_f64() / DAY.as_secs_f64()).clamp(1.0, 7.0);
        let budget = self.countries.entry(country(send)).or_default();
        let a_day = (budget.verified.sum(now, WEEK_HOURS) / days * 0.2).max(20.0);
        let mut room = budget.pour(a_day, a_day / 6.0, now);
        if let Some(client) = client(send.client_ip) {
            let budget = self.clients.entry(client).or_default();
            let a_day = budget.verified.sum(now, 24).max(30.0);
            room &= budget.pour(a_day, a_day / 3.0, now);
        }
        if room || age < self.learning { RivalVerdict::Allow } else { RivalVerdict::Block }
    }

    fn outcome(&mut self, send: &Send, outcome: &LoggedOutcome, now: Duration) {
        if *outcome != LoggedOutcome::Verified {
            return;
        }
        // Where the number was known before, nothing had been poured in.
        let counted = self.verified.insert(number(send).to_owned());
        let client = client(send.client_ip).and_then(|client| self.clients.get_mut(&client));
        for budget in self.countries.get_mut(&country(send)).into_iter().chain(client) {
            budget.verified.add(now, WEEK_HOURS);
            if counted {
                budget.day.take_back();
                budget.hour.take_back();
            }
        }
    }
}

impl Budget {
    /// Whether there was room in both.
    fn pour(&mut self, a_day: f64, an_hour: f64, now: Duration) -> bool {
        let room = self.day.has_room(a_day, DAY, now) & self.hour.has_room(an_hour, HOUR, now);
        self.day.pour(a_day);
        self.hour.pour(an_hour);
        room
    }
}

fn number(send: &Send) -> &str {
    send.number.as_ref().unwrap_or(&send.destination)
}
