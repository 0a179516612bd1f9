use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde::Serialize;
use tollgate::pump_guard::Verdict;

use super::rfc3339;
use crate::replay::report::Stops;

/// How long after a send its outcomes are waited for: as long as the replayer does.
const OUTCOMES: Duration = Duration::from_secs(2 * 86_400);

/// Sends whose outcome may still come.
#[derive(Debug, Default)]
pub(super) struct Pending {
    sends: HashMap<String, Option<Waiting>>,
    order: VecDeque<(Duration, String)>,
}

/// What an outcome has to be counted for.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) at: Duration,
    pub(super) country: String,
    /// What was a mistake, should it be verified.
    pub(super) stops: Stops,
    pub(super) false_positive: Option<Box<FalsePositive>>,
}

/// A send that was stopped and should not have been.
#[derive(Debug, Serialize)]
pub(crate) struct FalsePositive {
    id: String,
    at: String,
    verdict: &'static str,
    score: u8,
    reasons: Vec<Why>,
}

#[derive(Debug, Serialize)]
struct Why {
    signal: &'static str,
    score: u8,
    evidence: String,
}

impl Pending {
    pub(super) fn insert(&mut self, id: String, waiting: Waiting) {
        while self.order.front().is_some_and(|(at, _)| *at + OUTCOMES < waiting.at) {
            if let Some((_, old)) = self.order.pop_front() {
                self.sends.remove(&old);
            }
        }
        self.order.push_back((waiting.at, id.clone()));
        self.sends.insert(id, Some(waiting));
    }

    pub(super) fn knows(&self, id: &str) -> bool {
        self.sends.contains_key(id)
    }

    /// What to count; once for each send.
    pub(super) fn verified(&mut self, id: &str) -> Option<Waiting> {
        self.sends.get_mut(id)?.take()
    }
}

impl FalsePositive {
    pub(super) fn new(at: Duration, id: &str, verdict: &Verdict) -> Self {
        let enforced = verdict.reasons.iter().filter(|reason| reason.enforced);
        let reasons = enforced.map(|reason| Why {
            signal: reason.signal.as_str(),
            score: reason.score,
            evidence: reason.evidence.clone(),
        });
        Self {
            id: id.to_owned(),
            at: rfc3339(at),
            verdict: verdict.action.as_str(),
            score: verdict.score,
            reasons: reasons.collect(),
        }
    }
}
