use tollgate_8x8::{Hosts, envelope};
use tollgate_core::RefusalFormat;
use tower_layer::Layer;

use crate::guard::PumpGuard;
use crate::service::SmsPumpGuard;

/// Puts [`SmsPumpGuard`] around an outbound client.
///
/// The layer is its configuration; services made from it and from its clones share the guard's memory.
#[derive(Clone, Debug)]
pub struct SmsPumpGuardLayer {
    pub(crate) guard: PumpGuard,
    pub(crate) hosts: Hosts,
    pub(crate) format: RefusalFormat,
    pub(crate) limit: usize,
    pub(crate) pass_unknown: bool,
}

impl SmsPumpGuardLayer {
    /// A layer around this guard, for 8x8's own hosts, with bodies up to 8 MiB, refusing in 8x8's error envelope.
    #[must_use]
    pub fn new(guard: PumpGuard) -> Self {
        let (hosts, format) = (Hosts::new(), envelope());
        Self { guard, hosts, format, limit: 8 << 20, pass_unknown: false }
    }

    /// Which hosts are 8x8's.
    #[must_use]
    pub fn with_hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// The form of refusals.
    #[must_use]
    pub fn with_refusal_format(mut self, format: RefusalFormat) -> Self {
        self.format = format;
        self
    }

    /// The largest body of a dispatch, in bytes.
    #[must_use]
    pub fn with_body_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Passes calls to 8x8 that are not known. They may send messages that nobody judges.
    #[must_use]
    pub fn insecure_pass_unknown(mut self) -> Self {
        self.pass_unknown = true;
        self
    }
}

/// The default policy enforced, with the defaults of [`SmsPumpGuardLayer::new`].
impl Default for SmsPumpGuardLayer {
    fn default() -> Self {
        match PumpGuard::new(crate::Policy::default()) {
            Ok(guard) => Self::new(guard),
            Err(error) => unreachable!("the default policy is valid: {error}"),
        }
    }
}

impl<S> Layer<S> for SmsPumpGuardLayer {
    type Service = SmsPumpGuard<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SmsPumpGuard::new(inner, self.clone())
    }
}
