//! What would have happened, in figures: what `--json` prints.

mod text;

use serde::Serialize;

/// What would have happened to the sends of a log.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Report {
    /// What whoever reads it has to know first.
    pub(crate) notes: Vec<String>,
    /// When the first event happened and when the last, in UTC.
    pub(crate) from: Option<String>,
    pub(crate) until: Option<String>,
    pub(crate) sends: u64,
    pub(crate) outcomes: Outcomes,
    pub(crate) bad_lines: u64,
    /// Events older than the one before them in their log.
    pub(crate) out_of_order: u64,
    /// The price list's, where there is one.
    pub(crate) currency: Option<String>,
    pub(crate) money: Money,
    pub(crate) verdicts: Vec<VerdictRow>,
    /// By the main reason of what was stopped, the most frequent first.
    pub(crate) signals: Vec<SignalRow>,
    /// The ranges most was stopped of.
    pub(crate) ranges: Vec<RangeRow>,
    /// The countries most was sent to first.
    pub(crate) countries: Vec<CountryRow>,
    /// Stopped, yet verified later in the log, and not labelled fraud: the estimate of false positives.
    pub(crate) verified_but_stopped: Stops,
    /// Where sends are labelled.
    pub(crate) labels: Option<Labels>,
    pub(crate) timeline: Timeline,
}

/// What the log says became of its sends.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Outcomes {
    /// Sends, each once.
    pub(crate) verified: u64,
    pub(crate) wrong_code: u64,
    pub(crate) delivery: u64,
    /// Of sends that are not in the log, or more than two days older.
    pub(crate) of_no_send: u64,
}

/// In the currency of the price list; a price in the log is taken to be in it too. Where no send has a price, all is 0.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Money {
    pub(crate) priced_sends: u64,
    pub(crate) total: f64,
    /// Of what was shifted, challenged or blocked.
    pub(crate) stopped: f64,
}

/// How many were stopped, in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Stops {
    pub(crate) shifted: u64,
    pub(crate) challenged: u64,
    pub(crate) blocked: u64,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct VerdictRow {
    /// `allow`, `repeat` (the first answer again, no other message), `shift`, `challenge`, `block`.
    pub(crate) verdict: &'static str,
    pub(crate) sends: u64,
    pub(crate) price: f64,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct SignalRow {
    pub(crate) signal: &'static str,
    #[serde(flatten)]
    pub(crate) stops: Stops,
    pub(crate) price: f64,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct RangeRow {
    /// A 1k or 10k range, such as `+62812345xxx`.
    pub(crate) range: String,
    pub(crate) country: String,
    pub(crate) stopped: u64,
    pub(crate) price: f64,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct CountryRow {
    /// ISO 3166-1 alpha-2, or `-` for what is no number.
    pub(crate) country: String,
    pub(crate) sends: u64,
    pub(crate) stopped: u64,
    pub(crate) stopped_percent: f64,
    /// In the log, whatever the guard would have done.
    pub(crate) verified: u64,
    pub(crate) verified_percent: f64,
    pub(crate) price: f64,
}

/// The guard's score, as `tollgate simulate` has it: half of the challenges stop a fraudster, shifts and blocks all.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Labels {
    pub(crate) fraud: u64,
    /// A send without a price counts 1.
    pub(crate) fraud_spend: f64,
    pub(crate) fraud_stopped_percent: Option<f64>,
    /// Messages of fraudsters that went out before 90 % were stopped; all that did, where it never came to that.
    pub(crate) let_through: f64,
    pub(crate) caught: bool,
    pub(crate) first_fraud: Option<String>,
    pub(crate) first_stop: Option<String>,
    pub(crate) legit: u64,
    /// But for what one number's cool-down stopped.
    pub(crate) legit_stopped: Stops,
    pub(crate) legit_cooled_down: u64,
}

/// What happened when, in pieces of the same length.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Timeline {
    pub(crate) bin_minutes: u64,
    pub(crate) bins: Vec<Bin>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Bin {
    pub(crate) at: String,
    pub(crate) sends: u64,
    #[serde(flatten)]
    pub(crate) stops: Stops,
    /// Of these sends, later.
    pub(crate) verified: u64,
}

impl Report {
    /// With the currency, where it is known.
    pub(crate) fn told(&self, amount: f64) -> String {
        match &self.currency {
            Some(currency) => format!("{amount:.2} {currency}"),
            None => format!("{amount:.2}"),
        }
    }

    /// How many were stopped, in whichever way.
    pub(crate) fn stopped(&self) -> u64 {
        self.signals.iter().map(|row| row.stops.all()).sum()
    }
}

impl Stops {
    pub(crate) const fn all(self) -> u64 {
        self.shifted + self.challenged + self.blocked
    }
}

/// `part` of `of` in per cent; 0 of nothing.
pub(crate) fn percent(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { 100.0 * part as f64 / of as f64 }
}
