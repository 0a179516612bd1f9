use std::sync::Arc;

use tollgate_core::{Origin, RefusalFormat, SharedClock};
use tower_layer::Layer;

use crate::record::Record;
use crate::resolver::peer_address;
use crate::{Resolution, Resolver, TrustedClientIp};

/// Finds who asks and tells the inner service; see the [crate's documentation](crate) for the rules.
///
/// Where the client is undetermined the request is refused, unless [`pass_without`](Self::pass_without) or
/// [`insecure_use_peer`](Self::insecure_use_peer) says otherwise.
#[derive(Clone, Debug)]
#[must_use]
pub struct TrustedClientIpLayer {
    settings: Arc<Settings>,
}

impl TrustedClientIpLayer {
    /// A layer that refuses requests whose client is undetermined, in [`RefusalFormat::auto`].
    ///
    /// A [`Resolver`] in a request's extensions is used in its place: so a listener with proxies of its own says who
    /// they are, where one app serves several.
    pub fn new(resolver: Resolver) -> Self {
        Self {
            settings: Arc::new(Settings {
                resolver,
                policy: Policy::Refuse,
                format: RefusalFormat::auto(),
                rewrites: false,
                dry_run: None,
                record: Record::default(),
            }),
        }
    }

    /// The form of refusals.
    pub fn with_refusal_format(mut self, format: RefusalFormat) -> Self {
        self.settings().format = format;
        self
    }

    /// Lets a request through whose client is undetermined, as [`Origin::Undetermined`]: without any client IP, even
    /// one that was there before.
    pub fn pass_without(mut self) -> Self {
        self.settings().policy = Policy::PassWithout;
        self
    }

    /// Takes the peer for the client where the client is undetermined.
    ///
    /// Insecure: whoever can make the header unreadable is taken for the proxy, shares its limits and its reputation,
    /// and has no address of his own. A peer without an address is refused still.
    pub fn insecure_use_peer(mut self) -> Self {
        self.settings().policy = Policy::InsecureUsePeer;
        self
    }

    /// Replaces the header that was read by one line that holds the client alone, or takes it away where the client is
    /// undetermined: for services behind this one that read it for themselves.
    pub fn with_rewritten_header(mut self) -> Self {
        self.settings().rewrites = true;
        self
    }

    /// Resolves every request a second time, by other rules, and counts where the two differ
    /// (`tollgate_client_ip_dry_run_total`): to see what new rules would do before they do it. Nothing else comes of it.
    pub fn with_dry_run(mut self, other: Resolver) -> Self {
        self.settings().dry_run = Some(other);
        self
    }

    /// The clock by which trace events are sampled; for tests.
    pub fn with_clock(mut self, clock: SharedClock) -> Self {
        self.settings().record = Record::with_clock(clock);
        self
    }

    /// The rules it goes by.
    pub fn resolver(&self) -> &Resolver {
        &self.settings.resolver
    }

    /// The rules that are tried beside these.
    #[must_use]
    pub fn dry_run(&self) -> Option<&Resolver> {
        self.settings.dry_run.as_ref()
    }

    fn settings(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }
}

impl<S> Layer<S> for TrustedClientIpLayer {
    type Service = TrustedClientIp<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TrustedClientIp::new(inner, Arc::clone(&self.settings))
    }
}

/// What a layer and its services share.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) resolver: Resolver,
    pub(crate) policy: Policy,
    pub(crate) format: RefusalFormat,
    pub(crate) rewrites: bool,
    pub(crate) dry_run: Option<Resolver>,
    pub(crate) record: Record,
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
            (None, Self::InsecureUsePeer) => peer_address(resolution).map(Origin::Client),
        }
    }
}
