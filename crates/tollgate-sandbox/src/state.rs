use uuid::Uuid;

use crate::bounded::Bounded;
use crate::outbox::Sent;
use crate::record::Ring;
use crate::rules::Rules;
use crate::session::Sessions;
use crate::webhooks::Webhook;

const MAX_MESSAGES: usize = 100_000;
const MAX_SESSIONS: usize = 100_000;
const MAX_JOBS: usize = 1_000;

/// Everything the sandbox remembers; each part has a bound.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) requests: Ring,
    pub(crate) messages: Bounded<Uuid, Sent>,
    pub(crate) sessions: Sessions,
    pub(crate) rules: Rules,
    pub(crate) webhooks: Vec<Webhook>,
    /// Export jobs, with the subaccount each belongs to.
    pub(crate) jobs: Bounded<String, String>,
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            requests: Ring::default(),
            messages: Bounded::new(MAX_MESSAGES),
            sessions: Sessions::new(MAX_SESSIONS),
            rules: Rules::default(),
            webhooks: Vec::new(),
            jobs: Bounded::new(MAX_JOBS),
        }
    }
}
