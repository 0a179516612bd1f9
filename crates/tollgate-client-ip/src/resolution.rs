use http::{HeaderName, HeaderValue};
use tollgate_core::{ClientIp, Peer};

use crate::Reason;
use crate::received::Received;
use crate::source::Grammar;

/// What was found out about a request, and how; in the request's extensions, and in those of a refusal's response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    pub(crate) outcome: Outcome,
    pub(crate) peer: Option<Peer>,
    pub(crate) rule: Option<usize>,
    pub(crate) read: Option<(&'static HeaderName, Grammar)>,
    pub(crate) hops_skipped: usize,
    pub(crate) spoof: Option<Spoof>,
    pub(crate) received: Received,
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

    /// The header that was read; none where the peer or its PROXY protocol header said enough.
    #[must_use]
    pub fn header(&self) -> Option<&'static HeaderName> {
        self.read.map(|(header, _)| header)
    }

    /// How many entries right of the client were passed over as trusted proxies; 0 where there is no client.
    #[must_use]
    pub fn hops_skipped(&self) -> usize {
        self.hops_skipped
    }

    /// What looks like an attempt to be taken for somebody else, if anything does. It changed nothing.
    #[must_use]
    pub fn spoof_suspected(&self) -> Option<Spoof> {
        self.spoof
    }

    /// The lines that the layer removed or rewrote, as they came: what was not believed; and the header that was read,
    /// where it was rewritten or the request refused.
    pub fn received(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.received.lines().iter().map(|(name, value)| (name, value))
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// A trusted peer named the client, in a header or by the PROXY protocol.
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

/// What looks like an attempt to be taken for somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Spoof {
    /// A peer that no rule believes sent a header that some rule reads.
    UntrustedPeer,
    /// A trusted peer sent, or passed on, a header that other rules read and its own does not.
    OtherHeader,
    /// A header's name is that of one that is read, but for characters that CGI and its kind take for the same:
    /// `X_Forwarded_For`.
    Alias,
}

impl Spoof {
    /// Its name in snake case, as in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UntrustedPeer => "untrusted_peer",
            Self::OtherHeader => "other_header",
            Self::Alias => "alias",
        }
    }
}
