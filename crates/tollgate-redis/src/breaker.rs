//! When a server is given up, and when it is believed again.

use std::time::Duration;

/// How many calls in a row have to fail.
const FAULTS: u32 = 5;

/// How many probes in a row have to succeed: a server that answers just about in time now and then is no help.
const PROBES: u32 = 3;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Where it opens again within so long, and before so many calls succeeded, that is still the same trouble.
const CALM: Duration = Duration::from_secs(10);
const CALLS: u32 = 100;

/// A circuit breaker. Closed, calls pass. Open, none does; probes are made one after the other, and only when some in a
/// row succeeded it closes. Where it opens again soon, probes succeed and calls do not: it rests then before the first one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Breaker {
    state: State,
    /// Calls that succeeded since it was closed.
    succeeded: u32,
    /// How long it rests when it opens next.
    rest: Duration,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed { faults: u32 },
    Open { probed: u32, pause: Duration },
}

/// It has opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    /// How long to wait before the first probe: not at all, unless it was opened a moment ago.
    pub(crate) rest: Duration,
}

impl Breaker {
    /// Nobody has been asked yet: a probe has to succeed first. One is enough, as none has failed.
    pub(crate) fn new() -> Self {
        let state = State::Open { probed: PROBES - 1, pause: FIRST_PAUSE };
        Self { state, succeeded: CALLS, rest: Duration::ZERO }
    }

    #[cfg(test)]
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// A call succeeded.
    pub(crate) fn succeeded(&mut self) {
        if let State::Closed { faults } = &mut self.state {
            *faults = 0;
            self.succeeded = self.succeeded.saturating_add(1);
        }
    }

    /// A call failed, so long after it was closed; `for_good`: there is no connection any more. Whether that has opened it.
    pub(crate) fn failed(&mut self, for_good: bool, closed_for: Duration) -> Option<Opened> {
        let State::Closed { faults } = &mut self.state else { return None };
        *faults += 1;
        if !for_good && *faults < FAULTS {
            return None;
        }
        self.state = State::Open { probed: 0, pause: FIRST_PAUSE };
        self.rest = if self.succeeded >= CALLS || closed_for >= CALM {
            Duration::ZERO
        } else {
            (self.rest * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE)
        };
        Some(Opened { rest: self.rest })
    }

    /// What came of a probe: how long to wait until the next, or nothing, when that has closed it.
    pub(crate) fn probed(&mut self, succeeded: bool) -> Option<Duration> {
        let State::Open { probed, pause } = &mut self.state else { return None };
        if !succeeded {
            let wait = *pause;
            self.state = State::Open { probed: 0, pause: (wait * 2).min(LONGEST_PAUSE) };
            return Some(wait);
        }
        *probed += 1;
        if *probed < PROBES {
            return Some(FIRST_PAUSE / 10);
        }
        (self.state, self.succeeded) = (State::Closed { faults: 0 }, 0);
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
            (0..4).for_each(|_| assert!(breaker.failed(false, CALM).is_none()));
            breaker.succeeded();
        }
        (0..4).for_each(|_| assert!(breaker.failed(false, CALM).is_none()));
        assert!(breaker.failed(false, CALM).is_some());
        assert!(breaker.failed(false, CALM).is_none(), "opened once");
        assert!(closed().failed(true, CALM).is_some(), "a lost connection at once");
    }

    #[test]
    fn three_probes_in_a_row_close_it() {
        let mut breaker = closed();
        breaker.failed(true, CALM);
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
    fn probes_come_less_and_less_often_but_once_a_second() {
        let mut breaker = closed();
        breaker.failed(true, CALM);
        let pauses: Vec<_> =
            (0..6).filter_map(|_| breaker.probed(false)).map(|pause| pause.as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1000, 1000]);
    }

    #[test]
    fn where_it_opens_again_soon_it_rests_longer_and_longer_until_calls_succeed() {
        let mut breaker = closed();
        (0..CALLS).for_each(|_| breaker.succeeded());
        let soon = CALM / 2;
        let mut rests = |closed_for: Duration, succeed: u32| {
            let opened = breaker.failed(true, closed_for).map(|opened| opened.rest.as_millis());
            while breaker.probed(true).is_some() {}
            (0..succeed).for_each(|_| breaker.succeeded());
            opened.unwrap()
        };
        let all = [rests(soon, 0), rests(soon, 99), rests(soon, 5), rests(soon, 0), rests(soon, CALLS)];
        assert_eq!(all, [0, 100, 200, 400, 800]);
        assert_eq!(rests(soon, 0), 0, "calls succeeded");
        assert_eq!(rests(soon, 0), 100);
        assert_eq!(rests(CALM, 0), 0, "a while ago");
    }
}
