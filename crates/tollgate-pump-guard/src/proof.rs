//! A request's proof that a person sent it: the solution of a challenge, in a header.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, HeaderName};

use crate::challenge::{Later, Rejected, Step};
use crate::engine::Attempt;
use crate::guard::PumpGuard;

/// The header in which a solution comes; it is taken off before 8x8.
pub(crate) const SOLUTION: HeaderName = HeaderName::from_static("tollgate-solution");

/// What is known of it.
#[derive(Default)]
pub(crate) enum Proof {
    /// None came.
    #[default]
    None,
    Came(String),
    Judging(Later<Result<(), Rejected>>),
    Judged(Result<(), Rejected>),
}

impl Proof {
    /// Takes the solution off the request. One that came twice is none.
    pub(crate) fn take(headers: &mut HeaderMap) -> Self {
        let mut all = headers.get_all(SOLUTION).iter();
        let proof = match (all.next(), all.next()) {
            (Some(one), None) => one
                .to_str()
                .map_or(Self::Judged(Err(Rejected::Malformed)), |text| Self::Came(text.to_owned())),
            (None, _) => Self::None,
            _ => Self::Judged(Err(Rejected::Malformed)),
        };
        headers.remove(SOLUTION);
        proof
    }

    /// Whether the attempt is proven.
    pub(crate) fn poll(&mut self, guard: &PumpGuard, attempt: &Attempt, cx: &mut Context<'_>) -> Poll<bool> {
        loop {
            match self {
                Self::None => return Poll::Ready(false),
                Self::Came(solution) => {
                    *self = match guard.verify_solution(solution, attempt) {
                        Step::Now(judged) => Self::Judged(judged),
                        Step::Later(later) => Self::Judging(later),
                    };
                }
                Self::Judging(later) => *self = Self::Judged(ready!(Pin::new(later).poll(cx))),
                Self::Judged(judged) => return Poll::Ready(judged.is_ok()),
            }
        }
    }

    pub(crate) fn rejected(&self) -> Option<Rejected> {
        match self {
            Self::Judged(judged) => judged.err(),
            _ => None,
        }
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(..)")
    }
}
