use std::time::Duration;

use tollgate::pump_guard::{Signal, Verdict};

use super::{rfc3339, stops};
use crate::replay::report::{Labels, Stops};
use crate::simulate::before_it_was_stopped;
use crate::traffic::Label;

/// How the guard did with sends of which it is known what they were.
#[derive(Debug, Default)]
pub(super) struct Labelled {
    /// How much of each of the fraudsters' sends was stopped, in order.
    fraud: Vec<f64>,
    fraud_spend: f64,
    saved: f64,
    first_fraud: Option<Duration>,
    first_stop: Option<Duration>,
    legit: u64,
    legit_stopped: Stops,
    legit_cooled_down: u64,
}

impl Labelled {
    pub(super) fn send(&mut self, at: Duration, label: Option<Label>, price: Option<f64>, verdict: &Verdict) {
        match label {
            None => {}
            Some(Label::Legit) => {
                self.legit += 1;
                let stops = stops(verdict);
                let cooldown =
                    verdict.main_reason().is_some_and(|reason| reason.signal == Signal::NumberCooldown);
                if stops.all() > 0 && cooldown {
                    self.legit_cooled_down += 1;
                } else {
                    self.legit_stopped.add(stops);
                }
            }
            Some(Label::Fraud) => {
                let stopped = saved(stops(verdict));
                let spend = price.unwrap_or(1.0);
                self.fraud.push(stopped);
                self.fraud_spend += spend;
                self.saved += spend * stopped;
                self.first_fraud.get_or_insert(at);
                if stopped > 0.0 {
                    self.first_stop.get_or_insert(at);
                }
            }
        }
    }

    /// None where nothing is labelled.
    pub(super) fn score(self) -> Option<Labels> {
        if self.fraud.is_empty() && self.legit == 0 {
            return None;
        }
        let (let_through, caught) = before_it_was_stopped(&self.fraud);
        Some(Labels {
            fraud: self.fraud.len() as u64,
            fraud_spend: self.fraud_spend,
            fraud_stopped_percent: (self.fraud_spend > 0.0).then(|| 100.0 * self.saved / self.fraud_spend),
            let_through,
            caught,
            first_fraud: self.first_fraud.map(rfc3339),
            first_stop: self.first_stop.map(rfc3339),
            legit: self.legit,
            legit_stopped: self.legit_stopped,
            legit_cooled_down: self.legit_cooled_down,
        })
    }
}

/// Half of the challenges are solved.
fn saved(stops: Stops) -> f64 {
    if stops.challenged > 0 { 0.5 } else { stops.all() as f64 }
}
