use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::clients::judge_budget;
use super::fade::DAY;
use super::policy::{Mode, PolicyError, Preset};
use super::state::Seen;
use super::{Reason, Signal};

/// Who asks, as the app knows him: insert one into the request's extensions. The guard keeps hashes under its secret.
///
/// Only what whoever asks cannot choose helps: a session that anybody gets anew with each request is none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Caller {
    session: Option<Arc<str>>,
    user: Option<Arc<str>>,
}

impl Caller {
    /// Nobody known.
    #[must_use]
    pub const fn new() -> Self {
        Self { session: None, user: None }
    }

    /// With this session. An empty one is none.
    #[must_use]
    pub fn with_session(mut self, session: impl Into<Arc<str>>) -> Self {
        self.session = Some(session.into()).filter(|session| !session.is_empty());
        self
    }

    /// With this user. An empty one is none.
    #[must_use]
    pub fn with_user(mut self, user: impl Into<Arc<str>>) -> Self {
        self.user = Some(user.into()).filter(|user| !user.is_empty());
        self
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }
}

/// Shows which there are, and nothing of them.
impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |known: bool| if known { "…" } else { "none" };
        f.debug_struct("Caller")
            .field("session", &format_args!("{}", shown(self.session.is_some())))
            .field("user", &format_args!("{}", shown(self.user.is_some())))
            .finish()
    }
}

/// The autonomous system of the client's address, where the app looks it up: insert one into the request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Asn(pub u32);

/// How many new numbers that do not verify one session, and one user, may ask for within about a day.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct UsersPolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
    /// So many numbers: 1 to 1,000. Those that verify repay.
    pub strangers: f32,
}

/// Half of what a session or a user owes is forgotten within these seconds.
pub(super) const FORGOTTEN: u32 = 2 * DAY;

/// What a few hours take off does not make room for one more.
const FADED: f32 = 0.25;

impl UsersPolicy {
    pub(super) fn preset(preset: Preset) -> Self {
        Self { mode: Mode::Enforce, strangers: (3.0 * preset.factor()).max(2.0) }
    }

    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        if (1.0..=1000.0).contains(&self.strangers) {
            return Ok(());
        }
        let field = "user_budget.strangers";
        Err(PolicyError { field, value: self.strangers.to_string(), remedy: "not within 1 to 1000" })
    }

    /// The user's budget, and the session's.
    pub(super) fn judge(&self, seen: &Seen<'_>) -> Option<Reason> {
        if self.mode == Mode::Off {
            return None;
        }
        seen.callers.iter().zip(["this session", "this user"]).find_map(|(caller, name)| {
            let (score, evidence) = judge_budget(name, &caller.as_ref()?.budget, self.strangers - FADED)?;
            self.mode.reason(Signal::UserBudget, score, evidence, Some(Duration::from_secs(DAY.into())))
        })
    }
}
