use std::time::Duration;

use super::fade::{DAY, HOUR};
use super::policy::{Mode, PolicyError};
use super::state::Seen;
use super::{Reason, Signal};

/// How many clients may ask for messages to one number within 24 hours. Many that ask for one number are one who
/// bombs it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ActorsPolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
    /// From so many on it is stopped: 2 to 5. Clients are told apart by their /24 or /48.
    pub clients: u8,
}

/// 4 clients.
impl Default for ActorsPolicy {
    fn default() -> Self {
        Self { mode: Mode::Enforce, clients: 4 }
    }
}

impl ActorsPolicy {
    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        if (2..=5).contains(&self.clients) {
            return Ok(());
        }
        let field = "number_actors.clients";
        Err(PolicyError { field, value: self.clients.to_string(), remedy: "not within 2 to 5" })
    }

    pub(super) fn judge(&self, seen: &Seen<'_>) -> Option<Reason> {
        let actors = seen.cell.actors_with(seen.actor(), seen.now);
        // Where no outcomes are reported, it may be somebody who logs in from many places, but hardly within the hour.
        let since = seen.now.saturating_sub(if seen.armed { DAY } else { HOUR });
        let lately = seen.cell.sends(seen.now).take_while(|at| *at >= since).count() + 1;
        if actors < usize::from(self.clients) || lately < usize::from(self.clients) {
            return None;
        }
        let oldest = seen.cell.sends(seen.now).last()?;
        let wait = Some(Duration::from_secs((oldest + DAY).saturating_sub(seen.now).into()));
        let evidence = format!(
            "{actors} clients with nothing in common ask for this number ({}) within 24 hours; nobody verified it",
            seen.number
        );
        self.mode.reason(Signal::NumberActors, 90, evidence, wait)
    }
}
