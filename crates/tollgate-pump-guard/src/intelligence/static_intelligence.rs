use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use super::{Facts, NumberIntelligence, Step};
use crate::engine::Number;

/// Knows of numbers what it was given: for tests, and for a list of one's own.
#[derive(Clone, Default)]
pub struct StaticIntelligence {
    facts: HashMap<u64, Facts>,
}

impl StaticIntelligence {
    /// Facts by the digits of E.164, such as `6591234567`.
    #[must_use]
    pub fn new(facts: impl IntoIterator<Item = (u64, Facts)>) -> Self {
        Self { facts: facts.into_iter().collect() }
    }
}

impl NumberIntelligence for StaticIntelligence {
    fn facts(&self, number: &Number, _: Duration) -> Step<Facts> {
        Step::Now(self.facts.get(&number.digits()).cloned().unwrap_or_default())
    }
}

/// Without the numbers.
impl fmt::Debug for StaticIntelligence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticIntelligence").field("numbers", &self.facts.len()).finish()
    }
}
