use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tollgate_core::{Origin, RefusalFormat};
use tower_layer::Layer;

use crate::resolver::peer_address;
use crate::{Outcome, Reason, Resolution, Resolver, TrustedClientIp};

/// Finds who asks and tells the inner service; see the [crate's documentation](crate) for the rules.
///
/// Where the client is undetermined the request is refused, unless [`pass_without`](Self::pass_without) or
/// [`insecure_use_peer`](Self::insecure_use_peer) says otherwise.
#[derive(Clone, Debug)]
#[must_use]
pub struct TrustedClientIpLayer {
    settings: Settings,
}

impl TrustedClientIpLayer {
    /// A layer that refuses requests whose client is undetermined, in [`RefusalFormat::auto`].
    pub fn new(resolver: Resolver) -> Self {
        Self {
            settings: Settings {
                resolver: Arc::new(resolver),
                policy: Policy::Refuse,
                format: RefusalFormat::auto(),
                no_peer_said: Arc::default(),
            },
        }
    }

    /// The form of refusals.
    pub fn with_refusal_format(mut self, format: RefusalFormat) -> Self {
        self.settings.format = format;
        self
    }

    /// Lets a request through whose client is undetermined, as [`Origin::Undetermined`]: without any client IP, even
    /// one that was there before.
    pub fn pass_without(mut self) -> Self {
        self.settings.policy = Policy::PassWithout;
        self
    }

    /// Takes the peer for the client where the client is undetermined.
    ///
    /// Insecure: whoever can make the header unreadable is taken for the proxy, shares its limits and its reputation,
    /// and has no address of his own. A peer without an address is refused still.
    pub fn insecure_use_peer(mut self) -> Self {
        self.settings.policy = Policy::InsecureUsePeer;
        self
    }
}

impl<S> Layer<S> for TrustedClientIpLayer {
    type Service = TrustedClientIp<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TrustedClientIp::new(inner, self.settings.clone())
    }
}

/// What a layer and its services share.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) resolver: Arc<Resolver>,
    pub(crate) policy: Policy,
    pub(crate) format: RefusalFormat,
    /// A server that names no peer never does: one line says it, a line for each request would bury it.
    no_peer_said: Arc<AtomicBool>,
}

/// What becomes of a request whose client is undetermined.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Policy {
    Refuse,
    PassWithout,
    InsecureUsePeer,
}

impl Policy {
    /// On whose behalf the inner service is called; `None` refuses.
    pub(crate) fn origin(self, resolution: &Resolution) -> Option<Origin> {
        match (resolution.client_ip(), self) {
            (Some(client), _) => Some(Origin::Client(client)),
            (None, Self::Refuse) => None,
            (None, Self::PassWithout) => Some(Origin::Undetermined),
            (None, Self::InsecureUsePeer) => peer_address(resolution.peer()).map(Origin::Client),
        }
    }
}

impl Settings {
    /// Counters and trace events. Addresses and evidence are logged at `debug`, and no request is logged above it.
    pub(crate) fn record(&self, resolution: &Resolution) {
        match resolution.outcome() {
            // Written out: labels that are all literals make a static key, without allocation.
            Outcome::Client(client) => {
                metrics::counter!("tollgate_client_ip_resolved_total", "outcome" => "client", "reason" => "none")
                    .increment(1);
                tracing::trace!(%client, hops_skipped = resolution.hops_skipped(), "client IP from a header");
            }
            Outcome::DirectPeer(client) => {
                metrics::counter!("tollgate_client_ip_resolved_total", "outcome" => "direct_peer", "reason" => "none")
                    .increment(1);
                tracing::trace!(%client, "client IP is the peer");
            }
            Outcome::Undetermined(reason) => {
                metrics::counter!(
                    "tollgate_client_ip_resolved_total",
                    "outcome" => "undetermined",
                    "reason" => reason.as_str()
                )
                .increment(1);
                let peer = resolution.peer().map(tracing::field::display);
                tracing::debug!(
                    peer,
                    rule = resolution.rule(),
                    reason = reason.as_str(),
                    "client IP undetermined: {reason}"
                );
                if *reason == Reason::NoPeer && !self.no_peer_said.swap(true, Ordering::Relaxed) {
                    tracing::error!("{reason}");
                }
            }
        }
        if resolution.spoof_suspected() {
            metrics::counter!("tollgate_client_ip_spoof_suspected_total").increment(1);
            let peer = resolution.peer().map(tracing::field::display);
            tracing::debug!(peer, "a client IP header from a peer that is not trusted was ignored");
        }
    }
}
