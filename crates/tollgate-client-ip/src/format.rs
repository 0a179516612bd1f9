use crate::addr::Addr;
use crate::entry::{self, Fault};

/// How an address is written in a header that is not `Forwarded`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Format {
    /// `v4`, `v4:port`, `v6`, `[v6]`, `[v6]:port`, each also in quotes. A bare IPv6 address has no port.
    #[default]
    Address,
    /// `v4:port`, `v6:port`, `[v6]:port`: the port is always there, and behind the last colon.
    ///
    /// So AWS CloudFront writes `CloudFront-Viewer-Address`. Read as [`Address`](Self::Address),
    /// `2001:db8:aaaa::7:4653` would be another client for each of one client's connections.
    AddressPort,
}

impl Format {
    pub(crate) fn parse(self, text: &[u8]) -> Result<Addr, Fault> {
        match self {
            Self::Address => entry::parse(text),
            Self::AddressPort => entry::parse_with_port(text),
        }
    }
}
