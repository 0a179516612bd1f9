use std::time::Duration;

use super::fade::DAY;
use super::numbers::NumberCell;
use super::policy::{Mode, PolicyError};
use super::{Number, Reason, Signal};

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

    pub(super) fn judge(
        &self,
        cell: &NumberCell,
        number: &Number,
        actor: Option<u16>,
        now: u32,
    ) -> Option<Reason> {
        let actors = cell.actors_with(actor, now);
        if actors < usize::from(self.clients) {
            return None;
        }
        let oldest = cell.sends(now).last()?;
        let wait = Some(Duration::from_secs((oldest + DAY).saturating_sub(now).into()));
        let evidence = format!(
            "{actors} clients with nothing in common ask for this number ({number}) within 24 hours; nobody verified it"
        );
        self.mode.reason(Signal::NumberActors, 90, evidence, wait)
    }
}
