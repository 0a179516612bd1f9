use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use crate::ConfigError;

/// How long requests wait for their turn instead of being refused, and how many at most.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) at_most: Duration,
    places: usize,
    taken: Arc<AtomicUsize>,
    told: Arc<AtomicBool>,
}

/// The longest a request may be made to wait.
const LONGEST: Duration = Duration::from_secs(3600);

impl Waiting {
    pub(crate) fn new(at_most: Duration, places: usize) -> Result<Self, ConfigError> {
        if at_most.is_zero() || at_most > LONGEST {
            let remedy = "give a time above zero, at most an hour";
            return Err(ConfigError::new("waiting", format_args!("{at_most:?}"), remedy));
        }
        if places == 0 {
            return Err(ConfigError::new("waiting", 0, "nobody could wait; give at least one place"));
        }
        Ok(Self { at_most, places, taken: Arc::default(), told: Arc::default() })
    }

    /// Says once that nobody can wait.
    pub(crate) fn tell_of_runtime(&self) {
        if !self.told.swap(true, Relaxed) {
            tracing::error!("no tokio runtime to wait in: requests over a limit are refused at once");
        }
    }

    /// A place to wait in, if there is one left.
    pub(crate) fn place(&self) -> Option<Place> {
        let taken =
            self.taken.fetch_update(AcqRel, Relaxed, |taken| (taken < self.places).then_some(taken + 1));
        taken.is_ok().then(|| Place(Arc::clone(&self.taken)))
    }
}

/// One place; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, AcqRel);
    }
}
