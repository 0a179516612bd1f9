//! What is left to do once a request's answer is there.

use http::HeaderMap;

use crate::gcra::Debt;
use crate::headers::{self, HeaderForm, HeadersOn, Told};
use crate::rule::Standing;
use crate::store::{Store, Verdict, by_limit};
use crate::{AnswerHead, Limiter, Ticket};

impl<S: Store> Limiter<S> {
    /// Settles what a request was charged, now that its answer is there, as each limit says
    /// ([`Limit::settled_by`](crate::Limit::settled_by)). The layer does so by itself.
    pub fn settle(&self, mut ticket: Ticket, answer: &AnswerHead<'_>) {
        self.settle_mut(&mut ticket, answer);
    }

    /// Gives back all that a request was charged: nothing came of it. What time has given back since is not given back
    /// again.
    pub fn refund(&self, ticket: Ticket) {
        let now = self.moment().now;
        for count in &ticket.counts {
            if let Some(rule) = self.rules.get(count.limit()) {
                let (count, owed) = rule.still_owed(count, ticket.at, now);
                self.store.give_back(&count, owed.min(count.gcra.charge(count.cost)), now);
            }
        }
    }

    /// Whether something is to be done once the answer is there.
    #[inline]
    pub(crate) fn wants_answer(&self, ticket: &Ticket) -> bool {
        ticket.counts.iter().any(|count| {
            let limit = &self.rules[count.limit()].limit;
            limit.is_settled() || matches!(limit.headers(), HeadersOn::Near | HeadersOn::Always)
        })
    }

    /// Settles, and notes in the ticket what the request is charged by then.
    pub(crate) fn settle_mut(&self, ticket: &mut Ticket, answer: &AnswerHead<'_>) {
        let mut now = None;
        let at = ticket.at;
        for counts in ticket.counts.chunk_by_mut(|one, next| one.limit() == next.limit()) {
            let Some(rule) = self.rules.get(counts[0].limit()) else { continue };
            if !counts.iter().all(|count| matches!(count.verdict, Verdict::Charged(_))) {
                continue;
            }
            let Some(cost) = rule.limit.settle(answer) else { continue };
            let now = *now.get_or_insert_with(|| self.moment().now);
            for count in counts {
                let (current, owed) = rule.still_owed(count, at, now);
                if cost < count.cost {
                    let debt = owed.min(current.gcra.charge(count.cost - cost));
                    self.store.give_back(&current, debt, now);
                } else if cost > count.cost {
                    let more = rule.at_once(cost - count.cost);
                    self.store.charge(&current, more, most(current.gcra.capacity()), now);
                }
                *count = current;
                count.cost = cost;
                count.verdict = Verdict::Charged(self.store.debt(count, now));
            }
        }
    }

    /// Puts what is to be told of the limits into an answer's headers.
    pub(crate) fn tell(&self, ticket: &Ticket, form: HeaderForm, headers: &mut HeaderMap) {
        let told = by_limit(&ticket.counts).filter_map(|counts| {
            let rule = self.rules.get(counts[0].limit())?;
            if rule.limit.headers() == HeadersOn::Never {
                return None;
            }
            let standing = Standing::of(counts);
            let terms = rule.terms();
            let refuses = counts.iter().any(|count| count.is_enforced && count.is_violated());
            let tells = rule.limit.headers().tells(refuses, standing.remaining, terms.quota.burst);
            tells.then(|| Told { name: rule.limit.name(), terms, standing })
        });
        headers::tell(form, told, headers);
    }
}

/// The most that can be owed by being charged after the fact: a burst and as much again.
pub(crate) fn most(capacity: Debt) -> Debt {
    Debt(capacity.0.saturating_mul(2).min(Debt::MOST.0))
}
