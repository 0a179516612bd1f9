use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A server that comes and goes is said to be away so often at the most.
const AGAIN: Duration = Duration::from_secs(10);

/// What was last said of a server in the log.
#[derive(Debug, Default)]
pub(crate) struct Said(Mutex<Last>);

#[derive(Debug, Default)]
struct Last {
    is_up: Option<bool>,
    away: Option<Instant>,
}

impl Said {
    /// It is away: whether that is to be said now. Asked again while it stays away, it is said in the end.
    pub(crate) fn away(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_up == Some(false) || last.away.is_some_and(|said| now < said + AGAIN) {
            return false;
        }
        *last = Last { is_up: Some(false), away: Some(now) };
        true
    }

    /// It is there: whether that is to be said.
    pub(crate) fn there(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_up.replace(true) != Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_comes_and_goes_is_said_every_ten_seconds_and_how_it_ends_always() {
        let (said, start) = (Said::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert!(said.away(at(0)) && !said.away(at(10_000)), "once");
        assert!(said.there() && !said.there());
        let (mut away, mut there) = (0, 0);
        for flap in 0..300 {
            away += usize::from(said.away(at(20_000 + 100 * flap)));
            there += usize::from(said.there());
        }
        assert_eq!((away, there), (3, 3));
        assert!(!said.away(at(50_000 - 1)), "a moment ago");
        assert!(said.away(at(60_000)), "still away");
    }
}
