//! When a server is given up, and when it is believed again.

use std::time::Duration;

/// How many calls in a row have to fail.
const FAULTS: u32 = 5;

/// How many probes in a row have to succeed: a server that answers just about in time now and then is no help.
const PROBES: u32 = 3;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Nodes that find the server at different times let through more by as much as they are apart.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// A circuit breaker. Closed, calls pass. Open, none does; probes are made one after the other, and only when some in a
/// row succeeded it closes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Breaker {
    Closed { faults: u32 },
    Open { probed: u32, pause: Duration },
}

impl Breaker {
    /// Nobody has been asked yet: a probe has to succeed first. One is enough, as none has failed.
    pub(crate) fn new() -> Self {
        Self::Open { probed: PROBES - 1, pause: FIRST_PAUSE }
    }

    #[cfg(test)]
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// A call succeeded.
    pub(crate) fn succeeded(&mut self) {
        if let Self::Closed { faults } = self {
            *faults = 0;
        }
    }

    /// A call failed; `for_good`: there is no connection any more. Whether that has opened it.
    pub(crate) fn failed(&mut self, for_good: bool) -> bool {
        let Self::Closed { faults } = self else { return false };
        *faults += 1;
        if !for_good && *faults < FAULTS {
            return false;
        }
        *self = Self::Open { probed: 0, pause: FIRST_PAUSE };
        true
    }

    /// What came of a probe: how long to wait until the next, or nothing, when that has closed it.
    pub(crate) fn probed(&mut self, succeeded: bool) -> Option<Duration> {
        let Self::Open { probed, pause } = self else { return None };
        if !succeeded {
            let wait = *pause;
            *self = Self::Open { probed: 0, pause: (wait * 2).min(LONGEST_PAUSE) };
            return Some(wait);
        }
        *probed += 1;
        if *probed < PROBES {
            return Some(FIRST_PAUSE / 10);
        }
        *self = Self::Closed { faults: 0 };
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed() -> Breaker {
        let mut breaker = Breaker::new();
        assert_eq!(breaker.probed(true), None);
        breaker
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_fewer_do_not() {
        let mut breaker = closed();
        for _ in 0..100 {
            (0..4).for_each(|_| assert!(!breaker.failed(false)));
            breaker.succeeded();
        }
        (0..4).for_each(|_| assert!(!breaker.failed(false)));
        assert!(breaker.failed(false));
        assert!(!breaker.failed(false), "opened once");
        assert!(closed().failed(true), "a lost connection at once");
    }

    #[test]
    fn three_probes_in_a_row_close_it() {
        let mut breaker = closed();
        breaker.failed(true);
        for _ in 0..10 {
            assert!(breaker.probed(true).is_some());
            assert!(breaker.probed(true).is_some());
            assert!(breaker.probed(false).is_some());
        }
        assert!(!breaker.is_closed());
        (0..2).for_each(|_| assert!(breaker.probed(true).is_some()));
        assert_eq!(breaker.probed(true), None);
        assert!(breaker.is_closed());
    }

    #[test]
    fn probes_come_less_and_less_often_but_four_times_a_second() {
        let mut breaker = closed();
        breaker.failed(true);
        let pauses: Vec<_> =
            (0..6).filter_map(|_| breaker.probed(false)).map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [100, 200, 250, 250, 250, 250]);
    }
}
