use std::time::Duration;

use tokio::sync::Semaphore;
use tollgate_injector::{ClientIpInjector, ClientIpInjectorLayer};
use tollgate_pump_guard::{SmsPumpGuard, SmsPumpGuardLayer};
use tower::limit::{ConcurrencyLimit, GlobalConcurrencyLimitLayer};
use tower::retry::Retry;
use tower_layer::Layer;

use super::one_try::OneTry;
use super::replay::Replay;
use super::too_many::TooManyRequests;

/// What [`OutboundLayer`] makes of a client.
pub type Outbound<S> =
    SmsPumpGuard<ClientIpInjector<Replay<Retry<TooManyRequests, ConcurrencyLimit<OneTry<S>>>>>>;

/// Puts all of [the way out](super) around a client.
///
/// The layer is its configuration; services made from it and from its clones share the guard's memory and the limit on
/// how many are on their way.
#[derive(Clone, Debug)]
#[must_use]
pub struct OutboundLayer {
    guard: SmsPumpGuardLayer,
    injector: ClientIpInjectorLayer,
    retries: TooManyRequests,
    concurrency: GlobalConcurrencyLimitLayer,
    timeout: Duration,
}

impl OutboundLayer {
    /// With these two: 3 tries, waits of up to 5 s, 256 on their way at once, 10 s for each try. Which hosts are 8x8's,
    /// and the form of its own refusals, are the injector's.
    pub fn new(guard: SmsPumpGuardLayer, injector: ClientIpInjectorLayer) -> Self {
        Self {
            guard,
            injector,
            retries: TooManyRequests { left: 2, longest: Duration::from_secs(5) },
            concurrency: GlobalConcurrencyLimitLayer::new(256),
            timeout: Duration::from_secs(10),
        }
    }

    /// How often a request is tried in all; 1 (and 0) is once.
    pub fn with_tries(mut self, tries: u32) -> Self {
        self.retries.left = tries.saturating_sub(1);
        self
    }

    /// The longest wait before a try. Where 8x8 asks for a longer one, its answer is given back.
    pub fn with_longest_wait(mut self, longest: Duration) -> Self {
        self.retries.longest = longest;
        self
    }

    /// How many requests are on their way at once; at least 1.
    pub fn with_concurrency(mut self, requests: usize) -> Self {
        let permits = requests.clamp(1, Semaphore::MAX_PERMITS);
        self.concurrency = GlobalConcurrencyLimitLayer::new(permits);
        self
    }

    /// How long each try may take until the head of its answer is there.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl<S> Layer<S> for OutboundLayer {
    type Service = Outbound<S>;

    fn layer(&self, client: S) -> Self::Service {
        let format = self.injector.refusal_format();
        let one_try = OneTry::new(client, self.timeout, format.clone());
        let retry = Retry::new(self.retries.clone(), self.concurrency.layer(one_try));
        let replay = Replay::new(retry, self.injector.hosts().clone(), format.clone());
        self.guard.layer(self.injector.layer(replay))
    }
}
