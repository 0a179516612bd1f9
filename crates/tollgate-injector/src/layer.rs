use tollgate_8x8::{Hosts, Placement, envelope};
use tollgate_core::RefusalFormat;
use tower_layer::Layer;

use crate::service::ClientIpInjector;

/// What becomes of a request whose client IP 8x8 cannot use: private, loopback, link-local, documentation, ….
///
/// Such an address says that the chain of proxies is not set up, or that the caller is inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Unusable {
    /// It is refused.
    #[default]
    Refuse,
    /// It is sent without `clientIp`.
    Omit,
    /// It is sent with the address as it is.
    Pass,
}

/// Puts [`ClientIpInjector`] around an outbound client. The layer is its configuration.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientIpInjectorLayer {
    pub(crate) hosts: Hosts,
    pub(crate) format: RefusalFormat,
    pub(crate) limit: usize,
    pub(crate) placement: Placement,
    pub(crate) unusable: Unusable,
    pub(crate) documentation: bool,
    pub(crate) pass_unknown: bool,
}

impl ClientIpInjectorLayer {
    /// For 8x8's own hosts, at the top level, with bodies up to 8 MiB, refusing unusable addresses, in 8x8's error
    /// envelope.
    pub fn new() -> Self {
        Self {
            hosts: Hosts::new(),
            format: envelope(),
            limit: 8 << 20,
            placement: Placement::Top,
            unusable: Unusable::Refuse,
            documentation: false,
            pass_unknown: false,
        }
    }

    /// Which hosts are 8x8's.
    #[must_use]
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// The form of refusals.
    #[must_use]
    pub fn refusal_format(&self) -> &RefusalFormat {
        &self.format
    }

    /// Which hosts are 8x8's.
    pub fn with_hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// The form of refusals.
    pub fn with_refusal_format(mut self, format: RefusalFormat) -> Self {
        self.format = format;
        self
    }

    /// The largest body, in bytes.
    pub fn with_body_limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Where a batch's `clientIp` goes. [`Placement::Nowhere`] removes it everywhere.
    pub fn with_placement(mut self, placement: Placement) -> Self {
        self.placement = placement;
        self
    }

    /// What becomes of an address 8x8 cannot use.
    pub fn with_unusable(mut self, unusable: Unusable) -> Self {
        self.unusable = unusable;
        self
    }

    /// Takes addresses of the documentation ranges (203.0.113.0/24, 2001:db8::/32, …) for usable: for demonstrations.
    pub fn with_documentation_addresses(mut self) -> Self {
        self.documentation = true;
        self
    }

    /// Passes calls to 8x8 that are not known, with whatever `clientIp` is in them.
    pub fn insecure_pass_unknown(mut self) -> Self {
        self.pass_unknown = true;
        self
    }
}

/// [`ClientIpInjectorLayer::new`].
impl Default for ClientIpInjectorLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for ClientIpInjectorLayer {
    type Service = ClientIpInjector<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ClientIpInjector::new(inner, self.clone())
    }
}
