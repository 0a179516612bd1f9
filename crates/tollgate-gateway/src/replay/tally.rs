//! Counts what the guard does with a log, event by event, into a [`Report`].

mod labelled;
mod pending;
mod ranges;
mod timeline;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tollgate::pump_guard::engine::Reading;
use tollgate::pump_guard::{Action, Verdict};

pub(crate) use self::pending::FalsePositive;
use self::{
    labelled::Labelled,
    pending::{Pending, Waiting},
    ranges::Ranges,
    timeline::Minutes,
};
use super::Replayed;
use super::report::{CountryRow, Money, Outcomes, Report, SignalRow, Stops, VerdictRow, percent};
use crate::traffic::{Event, Kind, Label, LoggedOutcome, NOT_SENT, Send};

/// What was counted so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sends: u64,
    span: Option<(Duration, Duration)>,
    outcomes: Outcomes,
    money: Money,
    verdicts: [(u64, f64); VERDICTS.len()],
    signals: BTreeMap<&'static str, (Stops, f64)>,
    countries: BTreeMap<String, Place>,
    ranges: Ranges,
    minutes: Minutes,
    pending: Pending,
    verified_but_stopped: Stops,
    labelled: Labelled,
}

#[derive(Debug, Default)]
struct Place {
    sends: u64,
    stopped: u64,
    verified: u64,
    price: f64,
}

const VERDICTS: [&str; 5] = ["allow", "repeat", "shift", "challenge", "block"];

impl Tally {
    /// Counts an event, and what the guard made of it where it is a send. Answers with the false positive that it shows:
    /// a send labelled legit that is stopped, or one without a label that was stopped and is now verified.
    pub(crate) fn event(&mut self, event: &Event, replayed: Option<&Replayed>) -> Option<FalsePositive> {
        let (from, until) = self.span.unwrap_or((event.at, event.at));
        self.span = Some((from.min(event.at), until.max(event.at)));
        match (&event.kind, replayed) {
            (Kind::Send(send), Some(replayed)) => self.send(event.at, send, replayed),
            (Kind::Send(_), None) => None,
            (Kind::Outcome { id, outcome }, _) => self.outcome(id, outcome),
        }
    }

    fn send(&mut self, at: Duration, send: &Send, replayed: &Replayed) -> Option<FalsePositive> {
        let Replayed { verdict, reading, price } = replayed;
        let stops = stops(verdict);
        let stopped = stops.all() > 0;
        self.sends += 1;
        self.money.priced_sends += u64::from(price.is_some());
        self.labelled.send(at, send.label, *price, verdict);
        let price = price.unwrap_or_default();
        self.money.total += price;
        if let Some((count, sum)) = self.verdicts.get_mut(row(verdict)) {
            *count += 1;
            *sum += price;
        }
        let country = country(reading);
        let place = self.countries.entry(country.clone()).or_default();
        place.sends += 1;
        place.stopped += u64::from(stopped);
        place.price += price;
        if stopped {
            self.money.stopped += price;
            let signal = verdict.main_reason().map_or("-", |reason| reason.signal.as_str());
            let (sum, money) = self.signals.entry(signal).or_default();
            sum.add(stops);
            *money += price;
            if let Reading::Number(number) = reading {
                self.ranges.add(&number.to_string(), &country, price);
            }
        }
        self.minutes.send(at, stops);
        let wrong = stopped.then(|| FalsePositive::new(at, &send.id, verdict));
        let (now, later) = match send.label {
            Some(Label::Legit) => (wrong, None),
            Some(Label::Fraud) => (None, None),
            None => (None, wrong),
        };
        let waits_for_proof = if send.label == Some(Label::Fraud) { Stops::default() } else { stops };
        let waiting = Waiting { at, country, stops: waits_for_proof, false_positive: later.map(Box::new) };
        self.pending.insert(send.id.clone(), waiting);
        now
    }

    fn outcome(&mut self, id: &str, outcome: &LoggedOutcome) -> Option<FalsePositive> {
        match outcome {
            _ if !self.pending.knows(id) => self.outcomes.of_no_send += 1,
            LoggedOutcome::WrongCode => self.outcomes.wrong_code += 1,
            LoggedOutcome::Delivery(state) if state == NOT_SENT => {}
            LoggedOutcome::Delivery(_) => self.outcomes.delivery += 1,
            LoggedOutcome::Verified => return self.verified(id),
        }
        None
    }

    fn verified(&mut self, id: &str) -> Option<FalsePositive> {
        let waiting = self.pending.verified(id)?;
        self.outcomes.verified += 1;
        self.minutes.verified(waiting.at);
        if let Some(place) = self.countries.get_mut(&waiting.country) {
            place.verified += 1;
        }
        self.verified_but_stopped.add(waiting.stops);
        waiting.false_positive.map(|boxed| *boxed)
    }

    /// The figures.
    pub(crate) fn report(self) -> Report {
        let mut signals: Vec<SignalRow> = self
            .signals
            .into_iter()
            .map(|(signal, (stops, price))| SignalRow { signal, stops, price })
            .collect();
        signals.sort_by_key(|row| std::cmp::Reverse(row.stops.all()));
        let mut countries: Vec<CountryRow> =
            self.countries.into_iter().map(|(country, place)| place.row(country)).collect();
        countries.sort_by_key(|row| std::cmp::Reverse(row.sends));
        let verdicts = VERDICTS
            .into_iter()
            .zip(self.verdicts)
            .map(|(verdict, (sends, price))| VerdictRow { verdict, sends, price })
            .collect();
        Report {
            from: self.span.map(|(from, _)| rfc3339(from)),
            until: self.span.map(|(_, until)| rfc3339(until)),
            sends: self.sends,
            outcomes: self.outcomes,
            money: self.money,
            verdicts,
            signals,
            ranges: self.ranges.top(),
            countries,
            verified_but_stopped: self.verified_but_stopped,
            labels: self.labelled.score(),
            timeline: self.minutes.timeline(),
            ..Report::default()
        }
    }
}

impl Place {
    fn row(self, country: String) -> CountryRow {
        CountryRow {
            country,
            sends: self.sends,
            stopped: self.stopped,
            stopped_percent: percent(self.stopped, self.sends),
            verified: self.verified,
            verified_percent: percent(self.verified, self.sends),
            price: self.price,
        }
    }
}

impl Stops {
    fn add(&mut self, other: Self) {
        self.shifted += other.shifted;
        self.challenged += other.challenged;
        self.blocked += other.blocked;
    }
}

/// One, or none where it goes out.
fn stops(verdict: &Verdict) -> Stops {
    let mut stops = Stops::default();
    match verdict.action {
        Action::Allow => {}
        Action::Shift(_) => stops.shifted = 1,
        Action::Challenge => stops.challenged = 1,
        _ => stops.blocked = 1,
    }
    stops
}

/// Its place among [`VERDICTS`].
fn row(verdict: &Verdict) -> usize {
    match verdict.action {
        Action::Allow => usize::from(verdict.repeat),
        Action::Shift(_) => 2,
        Action::Challenge => 3,
        _ => 4,
    }
}

fn country(reading: &Reading) -> String {
    match reading {
        Reading::Number(number) => number.country().to_string(),
        Reading::Barred(country) => country.to_string(),
        _ => "-".to_owned(),
    }
}

/// `2026-03-01T09:00:00Z`
fn rfc3339(at: Duration) -> String {
    let at = SignedDuration::try_from(at).ok().and_then(|at| Timestamp::from_duration(at).ok());
    at.map_or_else(|| "-".to_owned(), |at| format!("{at:.0}"))
}

#[cfg(test)]
mod tests;
