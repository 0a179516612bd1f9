use std::fmt;
use std::net::IpAddr;

use tollgate_core::{IpKey, PrefixLengths};

/// The attempt that a challenge is issued for.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Binding {
    /// The number: its digits, or a hash of it that is the same whenever it is asked for within the challenge's life.
    pub number: u64,
    /// Who asks, as the trusted chain vouches for; `None` where nobody does, which is a client of its own.
    pub client_ip: Option<IpAddr>,
}

impl Binding {
    /// This number, asked for by this client.
    #[must_use]
    pub const fn new(number: u64, client_ip: Option<IpAddr>) -> Self {
        Self { number, client_ip }
    }

    /// As bytes, of one length whatever is bound. An IPv6 client is its /64: a host moves within it.
    pub(super) fn to_bytes(self) -> [u8; 25] {
        let client = self.client_ip.map(|addr| IpKey::new(addr, PrefixLengths::default()).bits());
        let mut bytes = [0; 25];
        let (number, rest) = bytes.split_at_mut(8);
        let (known, prefix) = rest.split_at_mut(1);
        number.copy_from_slice(&self.number.to_be_bytes());
        known.copy_from_slice(&[client.is_some().into()]);
        prefix.copy_from_slice(&client.unwrap_or_default().to_be_bytes());
        bytes
    }
}

/// Without its values: neither belongs into a log.
impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binding").finish_non_exhaustive()
    }
}
