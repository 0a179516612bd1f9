//! What a guard stopped, and whom it hurt.

use std::collections::HashSet;
use std::time::Duration;

use tollgate::pump_guard::engine::Country;

use super::HOUR;
use super::rivals::country;
use crate::traffic::{Event, Kind, Label, Send};

/// What a guard did with one send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// What became of it.
    pub(crate) action: Action,
    /// Whether the reason was that this one number was asked for too soon or too often: a person waits and tries again.
    pub(crate) cooldown: bool,
}

/// What becomes of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// It goes out.
    Allow,
    /// It goes out by a channel that pays nobody.
    Shift,
    /// It goes out once a challenge is solved.
    Challenge,
    /// It does not go out.
    Block,
}

impl Action {
    /// How much of a fraudster's send is stopped, from 0 to 1: half of the challenges are solved.
    const fn stops(self) -> f64 {
        match self {
            Self::Allow => 0.0,
            Self::Challenge => 0.5,
            Self::Shift | Self::Block => 1.0,
        }
    }
}

/// How a guard did.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Score {
    /// How many sends were fraud.
    pub(crate) fraud: usize,
    /// What they would have cost.
    pub(crate) fraud_spend: f64,
    /// How much of that was not spent, in per cent; none where there was no fraud.
    pub(crate) stopped_percent: Option<f64>,
    /// How many of them got through before 90 % were stopped; all that did, where it never came to that.
    pub(crate) let_through: f64,
    /// Whether it came to that.
    pub(crate) caught: bool,
    /// What happened to legitimate attempts.
    pub(crate) everywhere: Harm,
    /// What happened to those in the attacked countries, from the first fraud to the last.
    pub(crate) under_attack: Harm,
    /// How long after the last fraud somebody legitimate in an attacked country was still stopped, within 6 hours.
    pub(crate) recovery: Duration,
}

/// What happened to legitimate attempts. What a number's cool-down stopped is counted apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Harm {
    /// All of them.
    pub(crate) attempts: usize,
    /// Those blocked.
    pub(crate) blocked: usize,
    /// Those sent by another channel.
    pub(crate) shifted: usize,
    /// Those challenged.
    pub(crate) challenged: usize,
    /// Those that one number's cool-down stopped, in whatever way.
    pub(crate) cooled_down: usize,
}

/// Scores the decisions of a guard on labelled `events`: one for each send, in order.
///
/// A send without a label is passed over. One without a price costs 1.
pub(crate) fn score(events: &[Event], decisions: &[Decision]) -> Score {
    let sends = events.iter().filter_map(|event| match &event.kind {
        Kind::Send(send) => Some((event.at, send)),
        Kind::Outcome { .. } => None,
    });
    let judged: Vec<Judged<'_>> =
        sends.zip(decisions).map(|((at, send), by)| Judged { at, send, by }).collect();
    let labelled = |label| judged.iter().filter(move |one| one.send.label == Some(label));
    let fraud: Vec<&Judged<'_>> = labelled(Label::Fraud).collect();
    let attack = Attack::of(&fraud);
    let attacked = |one: &&Judged<'_>| attack.as_ref().is_some_and(|attack| attack.hits(one));

    let spend = |one: &&Judged<'_>| one.send.price.unwrap_or(1.0);
    let fraud_spend: f64 = fraud.iter().map(spend).sum();
    let saved: f64 = fraud.iter().map(|one| spend(one) * one.by.action.stops()).sum();
    let stops: Vec<f64> = fraud.iter().map(|one| one.by.action.stops()).collect();
    let (let_through, caught) = before_it_was_stopped(&stops);
    Score {
        fraud: fraud.len(),
        fraud_spend,
        stopped_percent: (fraud_spend > 0.0).then(|| 100.0 * saved / fraud_spend),
        let_through,
        caught,
        everywhere: Harm::of(labelled(Label::Legit)),
        under_attack: Harm::of(labelled(Label::Legit).filter(attacked)),
        recovery: attack.as_ref().map_or(Duration::ZERO, |attack| attack.recovery(labelled(Label::Legit))),
    }
}

/// A send, and what the guard did with it.
#[derive(Clone, Copy)]
struct Judged<'a> {
    at: Duration,
    send: &'a Send,
    by: &'a Decision,
}

impl Judged<'_> {
    /// Stopped, and not by its number's cool-down.
    fn is_hurt(&self) -> bool {
        self.by.action != Action::Allow && !self.by.cooldown
    }
}

/// From when to when, and where.
struct Attack {
    from: Duration,
    until: Duration,
    countries: HashSet<Country>,
}

/// How long it is watched who is still hurt.
const AFTERMATH: Duration = HOUR.saturating_mul(6);

impl Attack {
    fn of(fraud: &[&Judged<'_>]) -> Option<Self> {
        let (first, last) = (fraud.first()?, fraud.last()?);
        let countries = fraud.iter().filter_map(|one| country(one.send)).collect();
        Some(Self { from: first.at, until: last.at, countries })
    }

    fn hits(&self, one: &Judged<'_>) -> bool {
        (self.from..=self.until).contains(&one.at) && self.is_in_reach(one)
    }

    fn is_in_reach(&self, one: &Judged<'_>) -> bool {
        country(one.send).is_some_and(|country| self.countries.contains(&country))
    }

    fn recovery<'a>(&self, legit: impl Iterator<Item = &'a Judged<'a>>) -> Duration {
        let after = legit.filter(|one| one.at > self.until && one.at <= self.until + AFTERMATH);
        let hurt = after.filter(|one| one.is_hurt() && self.is_in_reach(one));
        hurt.last().map_or(Duration::ZERO, |one| one.at - self.until)
    }
}

impl Harm {
    fn of<'a>(attempts: impl Iterator<Item = &'a Judged<'a>>) -> Self {
        let mut harm = Self::default();
        for one in attempts {
            harm.attempts += 1;
            match one.by.action {
                Action::Allow => {}
                _ if one.by.cooldown => harm.cooled_down += 1,
                Action::Shift => harm.shifted += 1,
                Action::Challenge => harm.challenged += 1,
                Action::Block => harm.blocked += 1,
            }
        }
        harm
    }

    /// One of the counts in per cent of the attempts; 0 where there were none.
    #[cfg(test)]
    pub(crate) fn percent(&self, count: usize) -> f64 {
        if self.attempts == 0 { 0.0 } else { 100.0 * count as f64 / self.attempts as f64 }
    }
}

/// So many sends show that it is stopped for good.
const WINDOW: usize = 50;
const STOPPED: f64 = 0.9;

/// What got through before the first one that was stopped and from which on, over 50, 90 % were; and whether there was one.
///
/// `stops` is how much of each of the fraudsters' sends was stopped, from 0 to 1.
pub(crate) fn before_it_was_stopped(stops: &[f64]) -> (f64, bool) {
    let window = WINDOW.min(stops.len()).max(1);
    let is_stopped = |next: &[f64]| {
        next.first().is_some_and(|first| *first > 0.0)
            && next.iter().sum::<f64>() >= STOPPED * window as f64 - 1e-9
    };
    let moment = stops.windows(window).position(is_stopped);
    let before = stops.get(..moment.unwrap_or(stops.len())).unwrap_or_default();
    (before.iter().fold(0.0, |through, stopped| through + (1.0 - stopped)), moment.is_some())
}

#[cfg(test)]
mod tests;
