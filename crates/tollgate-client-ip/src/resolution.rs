use tollgate_core::{ClientIp, Peer};

use crate::Reason;

/// What was found out about a request, and how; in the request's extensions, and in those of a refusal's response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    pub(crate) outcome: Outcome,
    pub(crate) peer: Option<Peer>,
    pub(crate) rule: Option<usize>,
    pub(crate) hops_skipped: usize,
    pub(crate) spoof_suspected: bool,
}

impl Resolution {
    /// Who asks, or why that is not known.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// The client, where it is known.
    #[must_use]
    pub fn client_ip(&self) -> Option<ClientIp> {
        match self.outcome {
            Outcome::Client(client) | Outcome::DirectPeer(client) => Some(client),
            Outcome::Undetermined(_) => None,
        }
    }

    /// Why the client is not known, where it is not.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        match &self.outcome {
            Outcome::Undetermined(reason) => Some(reason),
            Outcome::Client(_) | Outcome::DirectPeer(_) => None,
        }
    }

    /// Who was connected.
    #[must_use]
    pub fn peer(&self) -> Option<Peer> {
        self.peer
    }

    /// Which of the resolver's rules applied, from 0; none where no rule's peers matched.
    #[must_use]
    pub fn rule(&self) -> Option<usize> {
        self.rule
    }

    /// How many entries right of the client were passed over as trusted proxies; 0 where there is no client.
    #[must_use]
    pub fn hops_skipped(&self) -> usize {
        self.hops_skipped
    }

    /// Whether a peer that no rule believes sent a header that some rule reads. It changed nothing.
    #[must_use]
    pub fn spoof_suspected(&self) -> bool {
        self.spoof_suspected
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// A trusted peer's header named the client.
    Client(ClientIp),
    /// The peer is the client.
    DirectPeer(ClientIp),
    /// The chain does not say.
    Undetermined(Reason),
}

impl Outcome {
    /// The outcome's name in snake case, as in metrics.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Client(_) => "client",
            Self::DirectPeer(_) => "direct_peer",
            Self::Undetermined(_) => "undetermined",
        }
    }
}
