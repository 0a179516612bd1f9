use std::time::Duration;

use tollgate_core::ClientIp;

use crate::decision::Outcome;
use crate::limiter::Moment;
use crate::store::{Debt, Step, Store, Verdict, Wait, refusal};
use crate::waiting::{Place, Waiting};
use crate::{Limiter, RequestHead, Ticket};

/// A request on its way to an answer: it asks the store, perhaps more than once.
#[derive(Debug)]
pub(crate) struct Admission {
    client: ClientIp,
    moment: Moment,
    pub(crate) ticket: Ticket,
    /// How long it has waited, and will have by its next turn.
    waited: Duration,
    place: Option<Place>,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Next<L> {
    /// Wait for the store.
    Ask(L),
    /// Wait so long, and ask again.
    Wait(Duration),
    /// It is decided.
    Answer(Outcome),
}

impl Admission {
    #[inline]
    pub(crate) fn new<S: Store>(limiter: &Limiter<S>, client: ClientIp) -> Self {
        let (moment, ticket) = (limiter.moment(), Ticket::default());
        Self { client, moment, ticket, waited: Duration::ZERO, place: None }
    }

    /// What lists and bans say, before any limit is asked.
    #[inline]
    pub(crate) fn admit<S: Store>(&self, limiter: &Limiter<S>) -> Option<Outcome> {
        limiter.admit(self.client, self.moment)
    }

    #[inline]
    pub(crate) fn begin<S: Store>(
        &mut self,
        limiter: &Limiter<S>,
        waiting: Option<&Waiting>,
        head: &RequestHead<'_>,
    ) -> Next<S::Later> {
        match limiter.take(self.client, head, &mut self.ticket, self.moment) {
            Step::Now => self.answered(limiter, waiting),
            Step::Later(later) => Next::Ask(later),
        }
    }

    /// The store has said what it thinks of the ticket's counts.
    #[inline]
    pub(crate) fn answered<S: Store>(
        &mut self,
        limiter: &Limiter<S>,
        waiting: Option<&Waiting>,
    ) -> Next<S::Later> {
        if let Some(waiting) = waiting
            && let Some(wait) = refusal(&self.ticket.counts)
            && let Some(wait) = self.turn(waiting, wait)
        {
            return Next::Wait(wait);
        }
        Next::Answer(limiter.conclude(self.client, &self.ticket, self.moment))
    }

    /// Its wait is over: asks like any other. It was charged nothing so far, so that it takes nothing from anybody, and no
    /// limit lets more through because somebody waited for another one.
    pub(crate) fn ask_again<S: Store>(
        &mut self,
        limiter: &Limiter<S>,
        waiting: Option<&Waiting>,
    ) -> Next<S::Later> {
        self.moment = limiter.moment();
        self.ticket.at = self.moment.now;
        if let Some(outcome) = limiter.admit(self.client, self.moment) {
            return Next::Answer(outcome);
        }
        self.ticket.counts.iter_mut().for_each(|count| count.verdict = Verdict::Fits(Debt(0)));
        match limiter.store.take(&mut self.ticket.counts, self.moment.now) {
            Step::Now => self.answered(limiter, waiting),
            Step::Later(later) => Next::Ask(later),
        }
    }

    /// How long to wait, if that is bearable, may help, and there is a place to wait in.
    #[cold]
    fn turn(&mut self, waiting: &Waiting, wait: Wait) -> Option<Duration> {
        let wait = wait.from(self.moment.monotonic);
        let never = self
            .ticket
            .counts
            .iter()
            .any(|count| count.is_enforced && u64::from(count.cost) > count.gcra.burst());
        if never || self.waited.saturating_add(wait) > waiting.at_most {
            return None;
        }
        // Whoever waits is woken by tokio.
        if tokio::runtime::Handle::try_current().is_err() {
            waiting.tell_of_runtime();
            return None;
        }
        self.place = Some(self.place.take().or_else(|| waiting.place())?);
        self.waited += wait;
        Some(wait)
    }

    #[inline]
    pub(crate) fn client(&self) -> ClientIp {
        self.client
    }
}
