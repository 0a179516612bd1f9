use std::time::Duration;

use tollgate_core::ClientIp;

use crate::decision::Outcome;
use crate::limiter::Moment;
use crate::store::{Counts, Step, Store, Verdict, Wait, refusal};
use crate::waiting::{Place, Waiting};
use crate::{Limiter, RequestHead, Ticket};

/// A request on its way to an answer: it asks the store, and once more for a place to wait.
#[derive(Debug)]
pub(crate) struct Admission {
    client: ClientIp,
    moment: Moment,
    pub(crate) ticket: Ticket,
    booking: Option<Booking>,
}

/// A place to wait in, and what the store said before it was asked to charge ahead of time.
#[derive(Debug)]
struct Booking {
    refused: Counts,
    place: Place,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Next<L> {
    /// Wait for the store.
    Ask(L),
    /// Wait so long in this place, and pass.
    Wait(Duration, Place),
    /// It is decided.
    Answer(Outcome),
}

impl Admission {
    #[inline]
    pub(crate) fn new<S: Store>(limiter: &Limiter<S>, client: ClientIp) -> Self {
        Self { client, moment: limiter.moment(), ticket: Ticket::default(), booking: None }
    }

    #[inline]
    pub(crate) fn begin<S: Store>(
        &mut self,
        limiter: &Limiter<S>,
        waiting: Option<&Waiting>,
        head: &RequestHead<'_>,
    ) -> Next<S::Later> {
        if let Some(outcome) = limiter.admit(self.client, self.moment) {
            return Next::Answer(outcome);
        }
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
        if let Some(booking) = self.booking.take() {
            return self.booked(limiter, booking);
        }
        if let Some(waiting) = waiting
            && let Some(wait) = refusal(&self.ticket.counts)
            && let Some(next) = self.book(limiter, waiting, wait)
        {
            return next;
        }
        Next::Answer(limiter.conclude(self.client, &self.ticket, self.moment))
    }

    /// Asks to be charged ahead of time, if the wait is bearable and there is a place to wait in. Who comes later is
    /// charged later, and waits longer: nobody overtakes.
    fn book<S: Store>(
        &mut self,
        limiter: &Limiter<S>,
        waiting: &Waiting,
        wait: Wait,
    ) -> Option<Next<S::Later>> {
        if wait.from(self.moment.monotonic) > waiting.at_most {
            return None;
        }
        let place = waiting.place()?;
        let refused = self.ticket.counts.clone();
        for count in self.ticket.counts.iter_mut().filter(|count| count.is_enforced) {
            count.gcra = count.gcra.for_waiting(waiting.at_most);
        }
        self.booking = Some(Booking { refused, place });
        Some(match limiter.store.take(&mut self.ticket.counts, self.moment.now) {
            Step::Now => self.answered(limiter, None),
            Step::Later(later) => Next::Ask(later),
        })
    }

    fn booked<S: Store>(&mut self, limiter: &Limiter<S>, booking: Booking) -> Next<S::Later> {
        let Booking { refused, place } = booking;
        if refusal(&self.ticket.counts).is_some() {
            // Others were faster, and the wait is too long by now.
            self.ticket.counts = refused;
            return Next::Answer(limiter.conclude(self.client, &self.ticket, self.moment));
        }
        let mut wait = None;
        for (count, before) in self.ticket.counts.iter_mut().zip(&refused) {
            count.gcra = before.gcra;
            if let (true, Verdict::Charged(debt)) = (count.is_enforced, count.verdict) {
                wait = wait.max(count.gcra.wait(debt, 0));
            }
        }
        let outcome = limiter.conclude(self.client, &self.ticket, self.moment);
        match wait {
            Some(wait) => Next::Wait(wait.from(self.moment.monotonic), place),
            None => Next::Answer(outcome),
        }
    }

    #[inline]
    pub(crate) fn client(&self) -> ClientIp {
        self.client
    }
}
