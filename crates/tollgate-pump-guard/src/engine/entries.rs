use std::time::Duration;

use tollgate_core::CidrSet;

use super::policy::{Mode, PolicyError};
use super::{Attempt, Country, Number, Operators, Reason, Signal};

/// What somebody decided by hand: numbers, ranges, countries, operators and clients that are always let through, or always stopped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// Whom it is about.
    pub of: Matcher,
    /// What becomes of them.
    pub action: EntryAction,
    /// Why: it is told with every verdict.
    pub reason: String,
    /// Until when, since the Unix epoch. A block has to end.
    pub until: Option<Duration>,
}

/// Whom an entry is about.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Matcher {
    /// Numbers that begin so: E.164 without the plus, 3 to 15 digits. A whole number is one, too.
    Numbers(String),
    /// Numbers of a country.
    Country(Country),
    /// Numbers of an operator, by its name among the policy's.
    Operator(String),
    /// Whoever asks from there.
    Clients(CidrSet),
}

/// What becomes of whom an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryAction {
    /// Let through, whatever strangers do; a number's cool-down and the hard rules hold all the same.
    Allow,
    /// Stopped.
    Block,
}

impl Entry {
    /// An entry without an end.
    #[must_use]
    pub fn new(of: Matcher, action: EntryAction, reason: impl Into<String>) -> Self {
        Self { of, action, reason: reason.into(), until: None }
    }

    /// The same with an end.
    #[must_use]
    pub fn until(mut self, end: Duration) -> Self {
        self.until = Some(end);
        self
    }

    pub(super) fn validate(&self, operators: &Operators) -> Result<(), PolicyError> {
        let wrong = |field, value: String, remedy| Err(PolicyError { field, value, remedy });
        if let Matcher::Numbers(prefix) = &self.of
            && !((3..=15).contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_digit()))
        {
            let remedy = "not 3 to 15 digits, the calling code first";
            return wrong(
                "entry.numbers",
                format!("{:?}", prefix.chars().take(20).collect::<String>()),
                remedy,
            );
        }
        if let Matcher::Operator(name) = &self.of
            && !operators.knows(name)
        {
            let value = format!("{:?}", name.chars().take(64).collect::<String>());
            return wrong("entry.operator", value, "no operator that was named: name it with its prefixes");
        }
        if self.action == EntryAction::Block && self.until.is_none() {
            return wrong("entry.until", "nothing".to_owned(), "no end: a block has to have one");
        }
        Ok(())
    }

    fn matches(&self, operators: &Operators, attempt: &Attempt, number: &Number, now: Duration) -> bool {
        self.until.is_none_or(|until| now < until)
            && match &self.of {
                Matcher::Numbers(prefix) => number.digits().to_string().starts_with(prefix.as_str()),
                Matcher::Country(country) => number.country() == *country,
                Matcher::Operator(name) => operators.of(number) == Some(name.as_str()),
                Matcher::Clients(cidrs) => attempt.client_ip.is_some_and(|client| cidrs.contains(client)),
            }
    }
}

/// Blocks go before those that allow.
pub(super) fn judge(
    entries: &[Entry],
    operators: &Operators,
    attempt: &Attempt,
    number: &Number,
    now: Duration,
) -> Option<(EntryAction, Option<Reason>)> {
    let found = |action| {
        let mut matching = entries.iter().filter(|entry| entry.action == action);
        matching.find(|entry| entry.matches(operators, attempt, number, now))
    };
    let entry = found(EntryAction::Block).or_else(|| found(EntryAction::Allow))?;
    let what = match &entry.of {
        Matcher::Numbers(_) => format!("{number} is of a range"),
        Matcher::Country(country) => format!("{country} is a country"),
        Matcher::Operator(name) => format!("{number} is of an operator ({name})"),
        Matcher::Clients(_) => "this client is one".to_owned(),
    };
    let reason = match entry.action {
        EntryAction::Block => {
            let wait = entry.until.and_then(|until| until.checked_sub(now));
            let evidence = format!("{what} that was blocked by hand: {}", entry.reason);
            Mode::Enforce.reason(Signal::Manual, 100, evidence, wait)
        }
        EntryAction::Allow => {
            let evidence = format!("{what} that was allowed by hand: {}", entry.reason);
            Mode::Monitor.reason(Signal::Manual, 0, evidence, None)
        }
    };
    Some((entry.action, reason))
}
