use std::time::Duration;

use super::numbers::NumberCell;
use super::policy::{Mode, PolicyError};
use super::{Number, Reason, Signal};

/// How many wrong codes a number takes, over all its codes and sessions: a guess in ten thousand, made often enough,
/// is right.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct GuessesPolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
    /// Within 24 hours: 1 to 200.
    pub per_day: u8,
    /// Since the last right code, however long that takes: 1 to 200 (NIST SP 800-63B 3.2.2: at most 100).
    pub in_a_row: u8,
}

/// 10 a day, 100 in a row.
impl Default for GuessesPolicy {
    fn default() -> Self {
        Self { mode: Mode::Enforce, per_day: 10, in_a_row: 100 }
    }
}

impl GuessesPolicy {
    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        for (field, value) in
            [("code_guesses.per_day", self.per_day), ("code_guesses.in_a_row", self.in_a_row)]
        {
            if !(1..=200).contains(&value) {
                return Err(PolicyError { field, value: value.to_string(), remedy: "not within 1 to 200" });
            }
        }
        Ok(())
    }

    pub(super) fn judge(&self, cell: &NumberCell, number: &Number, now: u32) -> Option<Reason> {
        let (today, in_a_row) = (cell.wrong_today(now), cell.wrong_in_a_row);
        let (evidence, wait) = if in_a_row >= self.in_a_row {
            (format!("{in_a_row} wrong codes in a row for this number ({number})"), None)
        } else if today >= self.per_day {
            let wait = Duration::from_secs(cell.wrong_for(now).into());
            (format!("{today} wrong codes for this number ({number}) within 24 hours"), Some(wait))
        } else {
            return None;
        };
        self.mode.reason(Signal::CodeGuesses, 90, evidence, wait)
    }
}
