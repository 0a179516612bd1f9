use std::fmt;
use std::sync::Arc;

use tollgate_core::RefusalFormat;
use tower_layer::Layer;

use super::extract::NumberFrom;
use super::service::RouteGuard;
use crate::engine::Profile;
use crate::guard::PumpGuard;

/// Puts [`RouteGuard`] around a route of the app's own that makes a message go out.
///
/// The layer is its configuration; services made from it and from its clones share the guard's memory.
///
/// ```
/// use tollgate_pump_guard::{JsonField, Policy, PumpGuard, RouteGuardLayer, SmsPumpGuardLayer};
///
/// let guard = PumpGuard::new(Policy::default())?;
/// // Around the route, and around the client with which its handler sends: one guard, and one count of each attempt.
/// let inbound = RouteGuardLayer::new(guard.clone(), JsonField::new("phone")).with_outbound_guard();
/// let outbound = SmsPumpGuardLayer::new(guard);
/// # let _ = (inbound, outbound);
/// # Ok::<(), tollgate_pump_guard::PolicyError>(())
/// ```
#[derive(Clone)]
pub struct RouteGuardLayer {
    pub(super) guard: PumpGuard,
    pub(super) from: Arc<dyn NumberFrom + Send + Sync>,
    pub(super) profile: Profile,
    pub(super) format: RefusalFormat,
    pub(super) limit: usize,
    pub(super) outbound: bool,
}

impl RouteGuardLayer {
    /// A layer around this guard that finds the number with `from`, reads bodies up to 64 KiB, takes attempts for
    /// [`Profile::Otp`] and refuses in [`RefusalFormat::auto`].
    #[must_use]
    pub fn new(guard: PumpGuard, from: impl NumberFrom + Send + Sync + 'static) -> Self {
        let format = RefusalFormat::auto();
        Self { guard, from: Arc::new(from), profile: Profile::Otp, format, limit: 64 << 10, outbound: false }
    }

    /// The use case of the messages. What [`SmsPumpGuard`](crate::SmsPumpGuard) takes them for has to be the same.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// The form of refusals.
    #[must_use]
    pub fn with_refusal_format(mut self, format: RefusalFormat) -> Self {
        self.format = format;
        self
    }

    /// The largest body, in bytes.
    #[must_use]
    pub fn with_body_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Everything the route sends goes through a [`SmsPumpGuard`](crate::SmsPumpGuard) of the same guard. Then an attempt
    /// that the handler does not send is forgotten, and a second press goes on, to get 8x8's first answer there.
    ///
    /// Without it every attempt that went on counts as sent, and a second press is refused.
    #[must_use]
    pub fn with_outbound_guard(mut self) -> Self {
        self.outbound = true;
        self
    }
}

impl<S> Layer<S> for RouteGuardLayer {
    type Service = RouteGuard<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RouteGuard::new(inner, self.clone())
    }
}

impl fmt::Debug for RouteGuardLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteGuardLayer")
            .field("guard", &self.guard)
            .field("profile", &self.profile)
            .field("format", &self.format)
            .field("limit", &self.limit)
            .field("outbound", &self.outbound)
            .finish_non_exhaustive()
    }
}
