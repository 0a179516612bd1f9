//! `[[pump_guard.entry]]`: what was decided by hand.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tollgate::core::{CidrSet, parse_cidr};
use tollgate::pump_guard::{Country, Entry as Decided, EntryAction, Matcher};

use super::Problems;

/// One entry: of `numbers`, `country`, `operator` and `clients` exactly one is given.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What becomes of them.
    pub action: Action,
    /// Numbers that begin so, such as `+628123456` or `+628123456xxxx`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<String>,
    /// Numbers of this country, ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Numbers of this operator, by its name among `[[pump_guard.operator]]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Whoever asks from these CIDRs and addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clients: Option<Vec<String>>,
    /// Why.
    pub reason: String,
    /// Until when, RFC 3339. A block has to have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// What becomes of whom an entry is about.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Let through.
    Allow,
    /// Stopped.
    Block,
}

impl Entry {
    /// What it means; `field` is its place in the configuration.
    pub(super) fn decided(&self, field: &str, problems: &mut Problems) -> Option<Decided> {
        let of = self.matcher(field, problems)?;
        let action = match self.action {
            Action::Allow => EntryAction::Allow,
            Action::Block => EntryAction::Block,
        };
        let mut entry = Decided::new(of, action, self.reason.trim());
        if self.reason.trim().is_empty() {
            problems.add(format!("{field}.reason"), "\"\" is no reason: say who decided it and why");
        }
        if let Some(until) = &self.until {
            entry.until = Some(problems.take(format!("{field}.until"), instant(until))?);
        }
        if matches!(self.action, Action::Block) && self.until.is_none() {
            problems.add(
                format!("{field}.until"),
                "is missing: a block has to end, such as \"2027-01-01T00:00:00Z\"",
            );
            return None;
        }
        Some(entry)
    }

    /// Whether it has ended at `now`, since 1970.
    pub(super) fn is_over(&self, now: Duration) -> bool {
        self.until.as_deref().and_then(|until| instant(until).ok()).is_some_and(|until| until < now)
    }

    fn matcher(&self, field: &str, problems: &mut Problems) -> Option<Matcher> {
        match (&self.numbers, &self.country, &self.operator, &self.clients) {
            (Some(numbers), None, None, None) => {
                let digits = numbers.trim_start_matches('+').trim_end_matches(['x', 'X']);
                let right = (3..=15).contains(&digits.len())
                    && digits.bytes().all(|byte| byte.is_ascii_digit())
                    && !digits.starts_with('0');
                if !right {
                    let remedy = "is no beginning of a number: write 3 to 15 digits, the calling code first, such as \
                                  \"+628123456\"";
                    problems.add(format!("{field}.numbers"), format!("{numbers:?} {remedy}"));
                    return None;
                }
                Some(Matcher::Numbers(digits.to_owned()))
            }
            (None, Some(country), None, None) => {
                problems.take(format!("{field}.country"), country.parse::<Country>()).map(Matcher::Country)
            }
            (None, None, Some(operator), None) => Some(Matcher::Operator(operator.clone())),
            (None, None, None, Some(clients)) => {
                let narrow = |cidr: &str| match parse_cidr(cidr) {
                    Ok(wide) if wide.prefix_len() < 4 => {
                        Err(format!("{cidr:?} is a great part of the internet; give prefixes of at least /4"))
                    }
                    other => other,
                };
                let cidrs = clients
                    .iter()
                    .enumerate()
                    .map(|(i, cidr)| problems.take(format!("{field}.clients[{i}]"), narrow(cidr)));
                let cidrs: Option<Vec<_>> = cidrs.collect();
                Some(Matcher::Clients(CidrSet::new(cidrs?)))
            }
            _ => {
                problems.add(field, "has to have one of numbers, country, operator and clients");
                None
            }
        }
    }
}

fn instant(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time: write RFC 3339, such as \"2027-01-01T00:00:00Z\"");
    let instant: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
    let seconds = u64::try_from(instant.as_second()).map_err(|_| wrong())?;
    Ok(Duration::from_secs(seconds))
}
