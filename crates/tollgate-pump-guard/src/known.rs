//! What somebody else knows of a request's number, asked for once.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::engine::{Attempt, Facts};
use crate::guard::PumpGuard;
use crate::step::{Later, Step};

#[derive(Default)]
pub(crate) enum Known {
    #[default]
    NotAsked,
    Asking(Later<Facts>),
    /// `None`: nobody was asked.
    Told(Option<Facts>),
}

impl Known {
    pub(crate) fn poll(
        &mut self,
        guard: &PumpGuard,
        attempt: &Attempt,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Facts>> {
        loop {
            match self {
                Self::NotAsked => {
                    *self = match guard.ask(attempt) {
                        None => Self::Told(None),
                        Some(Step::Now(facts)) => Self::Told(Some(facts)),
                        Some(Step::Later(later)) => Self::Asking(later),
                    };
                }
                Self::Asking(later) => *self = Self::Told(Some(ready!(Pin::new(later).poll(cx)))),
                Self::Told(facts) => return Poll::Ready(facts.take()),
            }
        }
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known(..)")
    }
}
