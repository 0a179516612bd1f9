use std::net::IpAddr;

use tollgate_8x8::{Hosts, Placement, envelope};
use tollgate_core::RefusalFormat;
use tower_layer::Layer;

use crate::insecure::Insecure;

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
    /// It is sent with this address instead: one of your own that 8x8 knows, so that all of them share its limits. It is
    /// not looked at itself.
    Replace(IpAddr),
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
    pub(crate) insecure: Insecure,
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
            insecure: Insecure::default(),
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
        self.insecure.unknown = true;
        self
    }

    /// Passes, as they came, requests of which it is in doubt where they go: a path that is not in its normal form, a
    /// `Host` that differs from the authority, a header that changes the method.
    pub fn insecure_pass_doubtful(mut self) -> Self {
        self.insecure.doubtful = true;
        self
    }

    /// Passes, as they came and with whatever `clientIp` is in them, dispatches that it cannot write into: of another
    /// content type, encoded, signed, with trailers (which are lost), not strict JSON, or to be read in two ways.
    pub fn insecure_pass_unreadable(mut self) -> Self {
        self.insecure.unreadable = true;
        self
    }

    /// Passes, as they came and with whatever `clientIp` is in them, dispatches of which no client IP is known.
    pub fn insecure_pass_without_client_ip(mut self) -> Self {
        self.insecure.without_client_ip = true;
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
