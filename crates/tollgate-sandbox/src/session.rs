use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::bounded::Bounded;
use crate::time::{Now, later};

/// The wrong code that ends a session.
const MAX_ATTEMPTS: u8 = 5;

/// How long a session that is over can still be asked for.
const KEPT: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Waiting,
    Verified,
    Failed,
    Expired,
}

impl Status {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Verified => "VERIFIED",
            Self::Failed => "FAILED",
            Self::Expired => "EXPIRED",
        }
    }
}

/// One number of one subaccount.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Party {
    pub(crate) sub_account: String,
    /// International digits.
    pub(crate) destination: String,
}

/// How a code is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) validity: Duration,
    pub(crate) interval: Duration,
    pub(crate) silent: bool,
}

/// One verification. Its state changes only by [`Session::check`], [`Session::prove`], [`Session::supersede`] and time.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: Uuid,
    pub(crate) party: Party,
    pub(crate) code: String,
    /// Failed checks.
    pub(crate) attempt: u8,
    terms: Terms,
    sent: Now,
    end: Option<Status>,
}

impl Session {
    fn new(party: Party, code: String, terms: Terms, now: Now) -> Self {
        Self { id: Uuid::new_v4(), party, code, attempt: 0, terms, sent: now, end: None }
    }

    /// A person enters a code; once a session has ended, nothing changes it.
    pub(crate) fn check(&mut self, code: &str, now: Now) {
        if self.status(now) != Status::Waiting {
            return;
        }
        if code == self.code {
            self.end = Some(Status::Verified);
            return;
        }
        self.attempt += 1;
        if self.attempt >= MAX_ATTEMPTS {
            self.end = Some(Status::Failed);
        }
    }

    /// The device of a silent verification opens its URL.
    pub(crate) fn prove(&mut self, now: Now) {
        if self.terms.silent && self.status(now) == Status::Waiting {
            self.end = Some(Status::Verified);
        }
    }

    /// The same code goes out again, and is valid anew.
    fn resend(&mut self, terms: Terms, now: Now) {
        self.terms = terms;
        self.sent = now;
    }

    /// Another session takes over.
    fn supersede(&mut self) {
        self.end.get_or_insert(Status::Expired);
    }

    pub(crate) fn status(&self, now: Now) -> Status {
        match self.end {
            Some(end) => end,
            None if now.monotonic >= self.expires() => Status::Expired,
            None => Status::Waiting,
        }
    }

    pub(crate) fn expires_at(&self) -> Timestamp {
        later(self.sent.wall, self.terms.validity)
    }

    pub(crate) fn retry_after(&self) -> Timestamp {
        later(self.sent.wall, self.terms.interval)
    }

    pub(crate) const fn is_silent(&self) -> bool {
        self.terms.silent
    }

    fn expires(&self) -> Duration {
        self.sent.monotonic.saturating_add(self.terms.validity)
    }
}

/// All sessions, and the newest of each party.
#[derive(Debug)]
pub(crate) struct Sessions {
    by_id: Bounded<Uuid, Session>,
    newest: HashMap<Party, Uuid>,
}

impl Sessions {
    pub(crate) fn new(max: usize) -> Self {
        Self { by_id: Bounded::new(max), newest: HashMap::new() }
    }

    /// How long the party has to wait for another code: `interval` is this request's, whatever the last one said.
    pub(crate) fn too_soon(&self, party: &Party, interval: Duration, now: Now) -> Option<Duration> {
        let last = self.newest.get(party).and_then(|id| self.by_id.get(id))?;
        let next = last.sent.monotonic.saturating_add(interval);
        next.checked_sub(now.monotonic).filter(|wait| !wait.is_zero())
    }

    /// The party's session, resent while it waits, or a new one with a code that `draw` makes.
    pub(crate) fn start(
        &mut self,
        party: Party,
        terms: Terms,
        reset: bool,
        draw: impl FnOnce() -> String,
        now: Now,
    ) -> Option<&Session> {
        self.forget(now);
        let last = self.newest.get(&party).and_then(|id| self.by_id.get_mut(id));
        let id = match last {
            Some(last) if last.status(now) == Status::Waiting && !reset => {
                last.resend(terms, now);
                last.id
            }
            last => {
                if let Some(last) = last {
                    last.supersede();
                }
                let session = Session::new(party.clone(), draw(), terms, now);
                let id = session.id;
                self.newest.insert(party, id);
                if let Some((_, evicted)) = self.by_id.insert(id, session) {
                    self.unlink(&evicted);
                }
                id
            }
        };
        self.by_id.get(&id)
    }

    pub(crate) fn find_mut(&mut self, id: Uuid) -> Option<&mut Session> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn find(&self, id: Uuid) -> Option<&Session> {
        self.by_id.get(&id)
    }

    /// The newest to these digits, of any subaccount.
    pub(crate) fn newest_to(&self, destination: &str) -> Option<&Session> {
        self.by_id.newest_first().find(|session| session.party.destination == destination)
    }

    fn forget(&mut self, now: Now) {
        while self.by_id.oldest().is_some_and(|oldest| oldest.expires().saturating_add(KEPT) <= now.monotonic)
        {
            if let Some((_, evicted)) = self.by_id.pop_oldest() {
                self.unlink(&evicted);
            }
        }
    }

    fn unlink(&mut self, evicted: &Session) {
        if self.newest.get(&evicted.party) == Some(&evicted.id) {
            self.newest.remove(&evicted.party);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms =
        Terms { validity: Duration::from_secs(300), interval: Duration::from_secs(10), silent: false };

    fn at(seconds: u64) -> Now {
        let monotonic = Duration::from_secs(seconds);
        Now { monotonic, wall: later(Timestamp::UNIX_EPOCH, monotonic) }
    }

    fn party(destination: &str) -> Party {
        Party { sub_account: "acme".to_owned(), destination: destination.to_owned() }
    }

    fn start(sessions: &mut Sessions, destination: &str, now: Now) -> Uuid {
        let draw = || "1234".to_owned();
        sessions.start(party(destination), TERMS, false, draw, now).unwrap().id
    }

    #[test]
    fn the_right_code_comes_too_late_when_the_session_has_ended() {
        let mut session = Session::new(party("6591234567"), "1234".to_owned(), TERMS, at(0));
        for _ in 0..4 {
            session.check("0000", at(1));
        }
        assert_eq!((session.status(at(1)), session.attempt), (Status::Waiting, 4));
        session.check("0000", at(1));
        session.check("1234", at(1));
        assert_eq!((session.status(at(1)), session.attempt), (Status::Failed, 5));

        let mut session = Session::new(party("6591234567"), "1234".to_owned(), TERMS, at(0));
        session.check("1234", at(300));
        assert_eq!((session.status(at(300)), session.attempt), (Status::Expired, 0));
    }

    #[test]
    fn sessions_are_bounded_in_number_and_in_time() {
        let mut sessions = Sessions::new(2);
        let first = start(&mut sessions, "6591234561", at(0));
        start(&mut sessions, "6591234562", at(0));
        start(&mut sessions, "6591234563", at(0));
        assert!(sessions.find(first).is_none());
        assert_eq!(sessions.newest.len(), 2);

        start(&mut sessions, "6591234564", at(300 + 24 * 3600));
        assert_eq!(sessions.newest.len(), 1);
    }
}
