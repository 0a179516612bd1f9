use super::policy::Mode;
use super::{Attempt, Reason, Signal};

/// Whoever filled a field that people do not see, or sent a form faster than a person can. It adds to what else speaks
/// against an attempt: a browser that fills in forms does the same to a person.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct HoneytokenPolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
}

impl HoneytokenPolicy {
    pub(super) fn judge(self, attempt: &Attempt) -> Option<Reason> {
        if !attempt.trap {
            return None;
        }
        let evidence =
            "the app saw a hidden field filled, or a form sent faster than a person can".to_owned();
        self.mode.reason(Signal::Honeytoken, 30, evidence, None)
    }
}
