use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use crate::entry::Fault;

/// An address as one integer, IPv4 in its IPv4-mapped place (RFC 4291 §2.5.5.2): the two spellings are one value, and it
/// is copied from the parser to the ranges in two registers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Addr(u128);

/// What stands in front of IPv4 in an IPv4-mapped address.
const MAPPED: u128 = 0xffff << 32;

impl Addr {
    pub(crate) fn v4(bits: u32) -> Self {
        Self(MAPPED | u128::from(bits))
    }

    /// The 32 bits of an IPv4 address.
    pub(crate) fn to_v4(self) -> Option<u32> {
        u32::try_from(self.0 ^ MAPPED).ok()
    }

    /// All 128 bits.
    pub(crate) fn bits(self) -> u128 {
        self.0
    }

    pub(crate) fn ip(self) -> IpAddr {
        match self.to_v4() {
            Some(bits) => IpAddr::V4(bits.into()),
            None => IpAddr::V6(self.0.into()),
        }
    }

    /// Refuses what no host can send from.
    pub(crate) fn of_a_host(self) -> Result<Self, Fault> {
        let (unspecified, multicast_or_broadcast) = match self.to_v4() {
            Some(bits) => (bits == 0, bits >> 28 == 0xe || bits == u32::MAX),
            None => (self.0 == 0, self.0 >> 120 == 0xff),
        };
        match (unspecified, multicast_or_broadcast) {
            (true, _) => Err(Fault::Unspecified),
            (_, true) => Err(Fault::Malformed),
            _ => Ok(self),
        }
    }
}

impl From<IpAddr> for Addr {
    fn from(addr: IpAddr) -> Self {
        match addr {
            IpAddr::V4(addr) => Self::v4(addr.into()),
            IpAddr::V6(addr) => addr.into(),
        }
    }
}

impl From<Ipv6Addr> for Addr {
    fn from(addr: Ipv6Addr) -> Self {
        Self(addr.into())
    }
}

impl fmt::Debug for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_canonical_address_and_a_host_or_not_as_std_says() {
        for text in [
            "0.0.0.0",
            "0.0.0.1",
            "127.0.0.1",
            "203.0.113.7",
            "223.255.255.255",
            "224.0.0.0",
            "239.255.255.255",
            "240.0.0.0",
            "255.255.255.254",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:0:0",
            "::ffff:203.0.113.7",
            "::fffe:0:0",
            "::1:ffff:0:0",
            "::203.0.113.7",
            "64:ff9b::1",
            "2001:db8::7",
            "feff::",
            "ff00::",
            "ff02::1",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ] {
            let ip: IpAddr = text.parse().unwrap();
            let (addr, canonical) = (Addr::from(ip), ip.to_canonical());
            assert_eq!(addr.ip(), canonical, "{text}");
            assert_eq!(addr, Addr::from(canonical), "{text}");
            let nobody = canonical.is_unspecified() || canonical.is_multicast() || text == "255.255.255.255";
            assert_eq!(addr.of_a_host().is_err(), nobody, "{text}");
        }
    }
}
