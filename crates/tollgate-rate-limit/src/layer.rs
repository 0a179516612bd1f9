use std::sync::Arc;
use std::time::Duration;

use tollgate_core::{RefusalFormat, Sampler};
use tower_layer::Layer;

use crate::store::{Memory, Store};
use crate::waiting::Waiting;
use crate::{ConfigError, HeaderForm, IpRateLimit, Limit, Limiter};

/// Limits how often a client IP may ask; the [crate] says how.
///
/// It owns what it counts: its clones, and all services it makes, count together (axum calls `layer` once for each
/// route). Say how large it is, what clock it goes by and whom it bans on the [`Limiter`], and make the layer
/// of that: `IpRateLimitLayer::from(limiter)`.
#[derive(Debug)]
#[must_use = "a layer limits nothing until it is put around a service"]
pub struct IpRateLimitLayer<S: Store = Memory> {
    pub(crate) limiter: Arc<Limiter<S>>,
    pub(crate) refusal_format: RefusalFormat,
    pub(crate) header_form: HeaderForm,
    pub(crate) pass_without_client_ip: bool,
    pub(crate) waiting: Option<Waiting>,
    pub(crate) refused: Arc<Sampler>,
    pub(crate) monitored: Arc<Sampler>,
}

impl IpRateLimitLayer {
    /// All of `limits` at once, as [`Limiter::new`] has them.
    ///
    /// # Errors
    ///
    /// Those of [`Limiter::new`].
    pub fn new(limits: impl IntoIterator<Item = Limit>) -> Result<Self, ConfigError> {
        Limiter::new(limits).map(Self::from)
    }
}
impl<S: Store> IpRateLimitLayer<S> {
    /// The form of refusals; [`RefusalFormat::auto`] if not said. [`RefusalFormat::from_fn`] is for the application's own.
    pub fn with_refusal_format(mut self, format: RefusalFormat) -> Self {
        self.refusal_format = format;
        self
    }

    /// The fields that tell of limits; [`HeaderForm::Draft10`] if not said. When they do, each limit says for itself
    /// ([`Limit::with_headers`]).
    pub fn with_header_form(mut self, form: HeaderForm) -> Self {
        self.header_form = form;
        self
    }

    /// Makes requests wait that would otherwise be refused, `at_most` for so long and at most so many of them at once; what
    /// is over either is refused.
    ///
    /// A request that waits is charged nothing. When its wait is over it asks like any other, and may have to wait again,
    /// so that limits hold exactly, and no order is promised. It holds on to the service behind this layer that was ready
    /// for it: put limits on what is in progress in front. One client can take all places, and the others are then
    /// refused, as they would be without waiting. This needs a tokio runtime with its timer
    /// enabled: without a runtime requests are refused at once, and tokio panics in one without a timer.
    ///
    /// # Errors
    ///
    /// No time, more than an hour, or no request.
    pub fn with_waiting(mut self, at_most: Duration, requests: usize) -> Result<Self, ConfigError> {
        self.waiting = Some(Waiting::new(at_most, requests)?);
        Ok(self)
    }

    /// Lets requests pass that no client IP was resolved for, without limit, instead of refusing them.
    ///
    /// Insecure: a route that a request can reach without `TrustedClientIpLayer` in front is not limited at all. Such
    /// requests are counted in `tollgate_rate_limit_without_client_ip_total`.
    pub fn insecure_pass_without_client_ip(mut self) -> Self {
        self.pass_without_client_ip = true;
        self
    }

    /// The limiter: for handlers that ask it themselves and count together with this layer, and for whoever changes its
    /// limits while it is at work.
    #[must_use]
    pub fn limiter(&self) -> &Arc<Limiter<S>> {
        &self.limiter
    }
}

impl<S: Store> From<Arc<Limiter<S>>> for IpRateLimitLayer<S> {
    fn from(limiter: Arc<Limiter<S>>) -> Self {
        Self {
            limiter,
            refusal_format: RefusalFormat::auto(),
            header_form: HeaderForm::default(),
            pass_without_client_ip: false,
            waiting: None,
            refused: Arc::default(),
            monitored: Arc::default(),
        }
    }
}

impl<S: Store> From<Limiter<S>> for IpRateLimitLayer<S> {
    fn from(limiter: Limiter<S>) -> Self {
        Arc::new(limiter).into()
    }
}

impl<S: Store> Clone for IpRateLimitLayer<S> {
    fn clone(&self) -> Self {
        Self {
            limiter: Arc::clone(&self.limiter),
            refusal_format: self.refusal_format.clone(),
            header_form: self.header_form,
            pass_without_client_ip: self.pass_without_client_ip,
            waiting: self.waiting.clone(),
            refused: Arc::clone(&self.refused),
            monitored: Arc::clone(&self.monitored),
        }
    }
}

impl<Inner, S: Store> Layer<Inner> for IpRateLimitLayer<S> {
    type Service = IpRateLimit<Inner, S>;

    fn layer(&self, inner: Inner) -> Self::Service {
        IpRateLimit::new(inner, self.clone())
    }
}
