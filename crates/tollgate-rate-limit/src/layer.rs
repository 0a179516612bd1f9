use std::sync::Arc;

use tollgate_core::{RefusalFormat, SharedClock};
use tower_layer::Layer;

use crate::{ConfigError, HeaderForm, IpRateLimit, Limit, Limiter};

/// Limits how often a client IP may ask; the [crate] says how.
///
/// It owns what it counts: its clones, and all services it makes, count together (axum calls `layer` once for each
/// route). The `with_` methods that change clock or memory start afresh, apart from clones made before.
#[derive(Clone, Debug)]
#[must_use = "a layer limits nothing until it is put around a service"]
pub struct IpRateLimitLayer {
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) refusal_format: RefusalFormat,
    pub(crate) header_form: HeaderForm,
    pub(crate) pass_without_client_ip: bool,
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

    /// Another clock; see [`Limiter::with_clock`].
    pub fn with_clock(mut self, clock: SharedClock) -> Self {
        self.limiter = Arc::new(self.limiter.emptied(clock));
        self
    }

    /// How much memory all tables take together; see [`Limiter::with_table_bytes`].
    ///
    /// # Errors
    ///
    /// Those of [`Limiter::with_table_bytes`].
    pub fn with_table_bytes(mut self, bytes: usize) -> Result<Self, ConfigError> {
        self.limiter = Arc::new(self.limiter.resized(bytes)?);
        Ok(self)
    }

    /// The form of refusals; [`RefusalFormat::auto`] if not said.
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

    /// Lets requests pass that no client IP was resolved for, without limit, instead of refusing them.
    ///
    /// Insecure: a route that a request can reach without `TrustedClientIpLayer` in front is not limited at all. Such
    /// requests are counted in `tollgate_rate_limit_without_client_ip_total`.
    pub fn insecure_pass_without_client_ip(mut self) -> Self {
        self.pass_without_client_ip = true;
        self
    }

    /// The limiter: for handlers that ask it themselves, and count together with this layer.
    #[must_use]
    pub fn limiter(&self) -> &Limiter {
        &self.limiter
    }
}

impl From<Limiter> for IpRateLimitLayer {
    fn from(limiter: Limiter) -> Self {
        Self {
            limiter: Arc::new(limiter),
            refusal_format: RefusalFormat::auto(),
            header_form: HeaderForm::default(),
            pass_without_client_ip: false,
        }
    }
}

impl<S> Layer<S> for IpRateLimitLayer {
    type Service = IpRateLimit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        IpRateLimit::new(inner, self.clone())
    }
}
