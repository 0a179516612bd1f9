//! Of `[pump_guard]`: what becomes of a dispatch as a whole.

use serde::{Deserialize, Serialize};
use tollgate::pump_guard::{BatchPolicy, CodeLengthPolicy};

use super::Problems;

/// What becomes of a batch of which some recipients may not be sent to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartialBatches {
    /// Nothing of it is sent.
    #[default]
    Refuse,
    /// It is sent without them.
    Send,
}

/// `[pump_guard.code_length]`
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CodeLength {
    /// So many characters, 3 to 10.
    pub minimum: u8,
    /// What becomes of a verification start that asks for fewer.
    pub below: Below,
}

impl Default for CodeLength {
    fn default() -> Self {
        Self { minimum: 6, below: Below::default() }
    }
}

/// What becomes of a verification start that asks for a short code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Below {
    /// It is sent as it is.
    #[default]
    Pass,
    /// It is sent with the minimum.
    Raise,
    /// It is refused.
    Refuse,
}

impl From<PartialBatches> for BatchPolicy {
    fn from(batches: PartialBatches) -> Self {
        match batches {
            PartialBatches::Refuse => Self::Refuse,
            PartialBatches::Send => Self::SendRest,
        }
    }
}

impl CodeLength {
    pub(super) fn policy(self, problems: &mut Problems) -> CodeLengthPolicy {
        let minimum = self.minimum;
        match self.below {
            Below::Raise => CodeLengthPolicy::Raise { minimum },
            Below::Refuse => CodeLengthPolicy::Refuse { minimum },
            Below::Pass => {
                // The policy, which has none then, does not look at it.
                if !CodeLengthPolicy::MINIMUM.contains(&minimum) {
                    let field = "pump_guard.code_length.minimum";
                    problems.add(field, format!("{minimum} is not within 3 to 10"));
                }
                CodeLengthPolicy::Pass
            }
        }
    }
}
