use std::fmt;
use std::time::Duration;

use crate::engine::{Attempt, Charge, Outcome, Verdict};

/// Is told what a guard judges and learns, such as to write it down. It is called on the way of a request, outside the
/// guard's locks: it must not wait.
///
/// Times are the engine's, in whole milliseconds since 1970. Calls from several threads come in any order.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// An attempt was judged. What goes out has a charge, by whose [`key`](Charge::key) what becomes of it is told; what
    /// is stopped, repeated or part of a campaign has none. Whether the verdict is acted on is the policy's mode.
    fn judged(&self, attempt: &Attempt, verdict: &Verdict, charge: Option<&Charge>, at: Duration);

    /// Something became of a message that went out. The same may be told twice.
    fn outcome(&self, charge: &Charge, outcome: Outcome, at: Duration);

    /// An attempt that may have gone out was not sent after all, and counts nowhere.
    fn not_sent(&self, charge: &Charge, at: Duration);
}
