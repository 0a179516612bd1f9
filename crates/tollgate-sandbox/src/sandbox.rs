use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tollgate_core::{SharedClock, SystemClock};
use uuid::Uuid;

use crate::number::strip_formatting;
use crate::record::Recorded;
use crate::router;
use crate::rules::{Limit, Limits};
use crate::running::{self, Running};
use crate::state::State;
use crate::time::Now;

/// A server that behaves like 8x8. Clones share what it has received; set it up before you clone it.
#[derive(Clone)]
pub struct Sandbox {
    config: Arc<Config>,
    state: Arc<Mutex<State>>,
}

#[derive(Clone)]
struct Config {
    clock: SharedClock,
    limits: Limits,
    api_key: Option<String>,
    max_recorded: usize,
}

impl Sandbox {
    /// A sandbox with the system's clock, without limits, that accepts any API key and records the last 1,000 requests.
    #[must_use]
    pub fn new() -> Self {
        Self {
            config: Arc::new(Config {
                clock: SystemClock::shared(),
                limits: Limits::default(),
                api_key: None,
                max_recorded: 1_000,
            }),
            state: Arc::new(Mutex::new(State::new())),
        }
    }

    /// Takes the time from `clock`, so that sessions expire and limits pass without waiting.
    #[must_use]
    pub fn with_clock(self, clock: SharedClock) -> Self {
        self.set(|config| config.clock = clock)
    }

    /// At most `max` messages in any `window` for one `clientIp`; off by default, as it is at 8x8, where support turns it
    /// on for a subaccount and an endpoint.
    ///
    /// It counts single messages, messages of a batch (by their own `clientIp`, or else the batch's) and verification
    /// starts, each of them once it is accepted. A request without a `clientIp` is not limited. Addresses are taken as
    /// they come: no prefix of them is a client.
    ///
    /// **8x8 does not document what it answers when this rule trips, nor how it counts a batch.** This sandbox answers
    /// HTTP 429 with `Retry-After` and code 429, which is what 8x8 documents for its platform's quotas, and refuses a batch
    /// as a whole: nothing of it is sent or counted.
    #[must_use]
    pub fn with_ip_limit(self, max: u32, window: Duration) -> Self {
        self.set(|config| config.limits.ip = Some(Limit { max, window }))
    }

    /// At most `max` messages in any `window` to one number; off by default. 8x8's example of its *MSISDN rule* is 10 in
    /// 30 minutes
    /// (<https://developer.8x8.com/connect/docs/recommendations-to-mitigate-sms-fraud-attacks>).
    ///
    /// It counts and answers as [`Sandbox::with_ip_limit`] does, which 8x8 does not document either; surveys count too.
    /// A verification that is repeated within its `resendingInterval` is refused for that reason first, and not counted.
    #[must_use]
    pub fn with_number_limit(self, max: u32, window: Duration) -> Self {
        self.set(|config| config.limits.number = Some(Limit { max, window }))
    }

    /// Accepts this API key alone. By default any Bearer token that is not empty is accepted.
    #[must_use]
    pub fn with_api_key(self, key: String) -> Self {
        self.set(|config| config.api_key = Some(key))
    }

    /// Records the last `max` requests; 1,000 by default. Their bodies are bounded too, to 256 MiB together.
    #[must_use]
    pub fn with_max_recorded(self, max: usize) -> Self {
        self.set(|config| config.max_recorded = max)
    }

    /// Forgets the recorded requests. Messages, sessions and what the limits have counted stay.
    pub fn clear(&self) {
        self.lock().requests.clear();
    }

    /// The recorded requests, the newest last: all that arrived whole, but those to `/_sandbox/`.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.lock().requests.to_vec()
    }

    /// The code that the person of this session has received, in either spelling of the session's id.
    #[must_use]
    pub fn code_of(&self, session_id: &str) -> Option<String> {
        let id: Uuid = session_id.parse().ok()?;
        Some(self.lock().sessions.find(id)?.code.clone())
    }

    /// The code of the newest session to this number, which is given in international form, with or without `+`, spaces,
    /// brackets and dashes.
    #[must_use]
    pub fn last_code(&self, destination: &str) -> Option<String> {
        let number = strip_formatting(destination);
        let digits = number.strip_prefix('+').unwrap_or(&number);
        Some(self.lock().sessions.newest_to(digits)?.code.clone())
    }

    /// The service, to be called in process or served by a server of yours.
    pub fn router(&self) -> Router {
        router::router(self.clone())
    }

    /// Serves on `listener` until the future is dropped; open connections then end with the answer they are giving.
    ///
    /// # Errors
    ///
    /// None in practice: a connection that cannot be accepted is tried again.
    pub fn serve(&self, listener: TcpListener) -> impl Future<Output = io::Result<()>> + Send + use<> {
        running::serve(listener, self.router())
    }

    /// Serves on `addr`, in a task of its own, until what is returned is dropped. Port 0 is any free port.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound.
    pub async fn start(&self, addr: SocketAddr) -> io::Result<Running> {
        Running::bind(addr, self.router()).await
    }

    pub(crate) fn record(&self, request: Recorded) {
        self.lock().requests.push(request, self.config.max_recorded);
    }

    pub(crate) fn now(&self) -> Now {
        Now::of(&*self.config.clock)
    }

    pub(crate) fn limits(&self) -> Limits {
        self.config.limits
    }

    pub(crate) fn api_key(&self) -> Option<&str> {
        self.config.api_key.as_deref()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("limits", &self.config.limits)
            .field("api_key", &self.config.api_key.as_ref().map(|_| "***"))
            .field("max_recorded", &self.config.max_recorded)
            .finish_non_exhaustive()
    }
}
