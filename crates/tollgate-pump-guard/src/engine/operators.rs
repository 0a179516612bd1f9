//! Operators by the prefixes of their numbers.

use std::collections::HashMap;
use std::time::Duration;

use super::places::{FAILING, PlacePolicy};
use super::policy::{Mode, PolicyError};
use super::ranges::PEOPLE;
use super::state::Seen;
use super::{Number, Reason, Signal};

/// The operators that were named, each with the prefixes of its numbers; the longest that fits says whose a number is.
/// Numbers that were ported stay with whom they were given to.
#[derive(Clone, Debug, Default)]
pub struct Operators {
    names: Vec<String>,
    /// Which one's each prefix is. E.164 numbers do not begin with 0, so that digits alone tell prefixes apart.
    prefixes: HashMap<u64, usize>,
}

/// No prefix is longer.
const LONGEST: u32 = 12;

impl Operators {
    /// Adds one with its prefixes: E.164 with or without the plus, 2 to 12 digits each.
    ///
    /// # Errors
    ///
    /// A name that is empty, longer than 64 characters or there already; no prefix; one that is none, or another's.
    pub fn add<P: AsRef<str>>(
        &mut self,
        name: &str,
        prefixes: impl IntoIterator<Item = P>,
    ) -> Result<(), PolicyError> {
        let wrong = |field, value: &str, remedy| {
            let value = format!("{:?}", value.chars().take(64).collect::<String>());
            Err(PolicyError { field, value, remedy })
        };
        if name.trim().is_empty() || name.chars().count() > 64 {
            return wrong("operator.name", name, "no name: write 1 to 64 characters");
        }
        if self.names.iter().any(|known| known == name) {
            return wrong("operator.name", name, "there already: put its prefixes into one list");
        }
        let mut own = Vec::new();
        for prefix in prefixes {
            let prefix = prefix.as_ref();
            let digits = prefix.strip_prefix('+').unwrap_or(prefix);
            let fits = (2..=LONGEST as usize).contains(&digits.len())
                && !digits.starts_with('0')
                && digits.bytes().all(|byte| byte.is_ascii_digit());
            let Some(digits) = digits.parse::<u64>().ok().filter(|_| fits) else {
                let remedy = "no prefix: write 2 to 12 digits, the calling code first, such as \"+62811\"";
                return wrong("operator.prefixes", prefix, remedy);
            };
            if self.prefixes.contains_key(&digits) || own.contains(&digits) {
                return wrong("operator.prefixes", prefix, "there twice: it can be one operator's only");
            }
            own.push(digits);
        }
        if own.is_empty() {
            return wrong("operator.prefixes", "", "no prefix: an operator needs one, such as \"+62811\"");
        }
        self.prefixes.extend(own.into_iter().map(|digits| (digits, self.names.len())));
        self.names.push(name.to_owned());
        Ok(())
    }

    /// Whether there is one of this name.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// Whose number it is.
    pub(super) fn of(&self, number: &Number) -> Option<&str> {
        if self.prefixes.is_empty() {
            return None;
        }
        let index = (0..15).find_map(|cut| self.prefixes.get(&number.range(cut)))?;
        self.names.get(*index).map(String::as_str)
    }
}

/// So many times what the rest of its country fails, for each that verifies, makes an operator stand out.
const TIMES: f32 = 3.0;

/// People of these ranges vouch for a number: wider ones are the operator itself.
const NEAR: usize = 3;

/// Strangers of an operator that do not verify, while the rest of its country does. It sees too much to block by itself.
pub(super) fn judge(policy: &PlacePolicy, seen: &Seen<'_>) -> Option<Reason> {
    let (name, operator) = (seen.operator?, seen.operator_budget.as_ref()?);
    if policy.mode == Mode::Off || !policy.used_up(operator) || operator.hold.probes(seen.now, false) {
        return None;
    }
    let people = seen.ranges().take(NEAR).any(|(_, range)| range.verified >= PEOPLE);
    if people && policy.doubt(operator) < 2.0 || seen.is_vouched_for() {
        return None;
    }
    let (owed, rest) =
        (operator.owed(FAILING), (seen.country.owed(FAILING) - operator.owed(FAILING)).max(0.0));
    let rest_verified = (seen.country.verified - operator.verified).max(0.0);
    // Cross-multiplied: where nobody of either has verified, nothing can be told.
    if owed * rest_verified < TIMES * rest * operator.verified || rest_verified < 1.0 {
        return None;
    }
    let evidence = format!(
        "of strangers of the operator {name:?}, {:.1} did not verify and {} may yet, and {:.0} verified in a week; in the \
         rest of {} {rest:.1} did not, and {rest_verified:.0} verified; it bears {:.1}",
        operator.debt.max(0.0),
        operator.in_flight,
        operator.verified,
        seen.number.country(),
        policy.bears(operator)
    );
    let wait = Some(Duration::from_secs(operator.hold.opens_in(seen.now, true).into()));
    policy.mode.reason(Signal::OperatorShare, 60, evidence, wait)
}
