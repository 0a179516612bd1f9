use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use tollgate::eight::{self, SubAccount};

use super::{Mode, Problems, Upstream};

/// `[pump_guard.number_lookup]`: what 8x8 knows of a number that is doubtful.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NumberLookup {
    /// Whether it is asked, and whether that acts. Off by default: a message waits for it.
    pub mode: Mode,
    /// How much is asked for.
    pub kind: LookupKind,
    /// For which subaccount.
    pub subaccount: String,
    /// At most so many in a minute, 1 to 100000.
    pub per_minute: u32,
}

impl Default for NumberLookup {
    fn default() -> Self {
        Self { mode: Mode::Off, kind: LookupKind::default(), subaccount: String::new(), per_minute: 60 }
    }
}

/// How much 8x8 is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LookupKind {
    /// Type and country. Free.
    #[default]
    Format,
    /// Also the operator. Paid for.
    Operator,
    /// Also whether the handset is on. Paid for.
    Live,
}

impl From<LookupKind> for eight::LookupKind {
    fn from(kind: LookupKind) -> Self {
        match kind {
            LookupKind::Format => Self::Format,
            LookupKind::Operator => Self::Operator,
            LookupKind::Live => Self::Live,
        }
    }
}

impl NumberLookup {
    /// For which subaccount, and how many in a minute; `None` where it is not asked at all.
    pub(crate) fn asks(&self) -> Option<(SubAccount, NonZeroU32)> {
        if self.mode == Mode::Off {
            return None;
        }
        Some((self.subaccount.parse().ok()?, NonZeroU32::new(self.per_minute)?))
    }

    pub(super) fn check(&self, upstream: &Upstream, problems: &mut Problems) {
        if !(1..=100_000).contains(&self.per_minute) {
            problems.add(
                "pump_guard.number_lookup.per_minute",
                format!("{} is not within 1 to 100000", self.per_minute),
            );
        }
        if !self.subaccount.is_empty() || self.mode != Mode::Off {
            problems.take("pump_guard.number_lookup.subaccount", self.subaccount.parse::<SubAccount>());
        }
        if self.mode != Mode::Off && upstream.api_key_env.is_empty() {
            problems.add(
                "pump_guard.number_lookup.mode",
                format!(
                    "\"{}\" needs upstream.api_key_env: the gateway asks by itself, with no caller's Authorization",
                    if self.mode == Mode::Enforce { "enforce" } else { "monitor" }
                ),
            );
        }
    }

    /// A profile's, beside that of the whole guard, which is the one that asks.
    pub(super) fn check_beside(&self, guard: &Self, profile: &str, problems: &mut Problems) {
        if *self != (Self { mode: self.mode, ..guard.clone() }) {
            problems.add(
                format!("{profile}.number_lookup"),
                "only its mode may differ: the other keys are for the whole guard, write them in [pump_guard.number_lookup]",
            );
        }
        if self.mode != Mode::Off && guard.mode == Mode::Off {
            problems.add(
                format!("{profile}.number_lookup.mode"),
                "asks nobody where pump_guard.number_lookup.mode is \"off\": set that, and turn it off in other profiles",
            );
        }
    }

    pub(super) fn warning(&self) -> Option<String> {
        let paid = self.mode != Mode::Off && self.kind != LookupKind::Format;
        paid.then(|| {
            let kind = eight::LookupKind::from(self.kind).as_str();
            format!(
                "pump_guard.number_lookup.kind: 8x8 takes money for each {kind} lookup; at most {} a minute are made",
                self.per_minute
            )
        })
    }
}
