use std::net::{IpAddr, Ipv6Addr};

use tollgate_core::{PrefixLengths, PrefixLengthsError};

use crate::Key;
use crate::error::ConfigError;
use crate::gcra::Gcra;

/// Which prefixes of a client's address are counted, and how many times the quota each of them gets.
///
/// A host is given an IPv6 /64, its site a /56 or a /48 (RFC 6177): whoever holds one of these has 256 or 65,536 /64s
/// to ask from. So by default an address is counted three times over, and has to be within all of them:
///
/// | | IPv4 | IPv6 | quota |
/// |---|---|---|---|
/// | host | /32 | /64 | × 1 |
/// | site | | /56 | × 4 |
/// | large site | | /48 | × 16 |
///
/// No prefix gets more than 62,500 requests a second, which is what a tick of 16 µs can tell apart.
///
/// ```
/// use tollgate_core::PrefixLengths;
/// use tollgate_rate_limit::IpLevels;
///
/// // Also 8 times the quota for each IPv4 /24, and NAT64 addresses as the IPv4 addresses they are.
/// let hosts = PrefixLengths::default().with_nat64_as_ipv4();
/// let levels = IpLevels::of(hosts).with_wider_v4(24, 8)?.with_wider_v6(56, 4)?;
/// # Ok::<(), tollgate_rate_limit::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpLevels {
    hosts: PrefixLengths,
    wider: Vec<Wider>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wider {
    is_v4: bool,
    length: u8,
    times: u32,
}

/// The most wider prefixes of one limit.
const MOST: usize = 7;

impl IpLevels {
    /// These prefixes once the quota, and no wider ones.
    #[must_use]
    pub fn of(hosts: PrefixLengths) -> Self {
        Self { hosts, wider: Vec::new() }
    }

    /// Also every IPv4 prefix of `length` bits, which gets `times` the quota.
    ///
    /// # Errors
    ///
    /// A length that is not shorter than those before, or below 8; `times` that is not more than theirs, or above 256.
    pub fn with_wider_v4(self, length: u8, times: u32) -> Result<Self, ConfigError> {
        self.with_wider(true, length, times)
    }

    /// Also every IPv6 prefix of `length` bits, which gets `times` the quota.
    ///
    /// # Errors
    ///
    /// A length that is not shorter than those before, or below 16; `times` that is not more than theirs, or above 256.
    pub fn with_wider_v6(self, length: u8, times: u32) -> Result<Self, ConfigError> {
        self.with_wider(false, length, times)
    }

    fn with_wider(mut self, is_v4: bool, length: u8, times: u32) -> Result<Self, ConfigError> {
        let field = if is_v4 { "wider_v4" } else { "wider_v6" };
        let last = self.wider.iter().rev().find(|wider| wider.is_v4 == is_v4);
        let host = if is_v4 { self.hosts.v4() } else { self.hosts.v6() };
        let (above, more_than) = last.map_or((host, 1), |wider| (wider.length, wider.times));
        if length >= above {
            let remedy = format!("give a prefix shorter than the /{above} before it");
            return Err(ConfigError::new(field, format_args!("/{length}"), remedy));
        }
        if times <= more_than || times > Gcra::MAX_TIMES {
            let remedy = format!("give {} to {} times the quota", more_than + 1, Gcra::MAX_TIMES);
            return Err(ConfigError::new(field, format_args!("× {times}"), remedy));
        }
        if self.wider.len() == MOST {
            return Err(ConfigError::new(field, format_args!("/{length}"), "give at most 7 wider prefixes"));
        }
        let invalid =
            |error: PrefixLengthsError| ConfigError::new(field, format_args!("/{length}"), error.to_string());
        let lengths = if is_v4 { PrefixLengths::new(length, 64) } else { PrefixLengths::new(32, length) };
        lengths.map_err(invalid)?;
        self.wider.push(Wider { is_v4, length, times });
        Ok(self)
    }

    /// How many times the quota each level gets, the hosts first.
    pub(crate) fn times(&self) -> impl Iterator<Item = u32> {
        std::iter::once(1).chain(self.wider.iter().map(|wider| wider.times))
    }

    /// The same, to be asked for every request.
    pub(crate) fn masks(&self) -> Masks {
        let of_family = |is_v4, host| {
            let host = std::iter::once((0, mask(is_v4, host)));
            let wider = self.wider.iter().zip(1..).filter(move |(wider, _)| wider.is_v4 == is_v4);
            host.chain(wider.map(|(wider, level)| (level, mask(is_v4, wider.length)))).collect()
        };
        Masks {
            hosts: self.hosts,
            v4: of_family(true, self.hosts.v4()),
            v6: of_family(false, self.hosts.v6()),
            embeds: self.hosts.embeds(),
        }
    }
}

/// The levels of each family, with what of an address counts on them.
#[derive(Clone, Debug)]
pub(crate) struct Masks {
    hosts: PrefixLengths,
    v4: Box<[(u8, u128)]>,
    v6: Box<[(u8, u128)]>,
    embeds: bool,
}

impl Masks {
    /// The levels that an address is counted by, each with its key.
    #[inline]
    pub(crate) fn keys(&self, addr: IpAddr) -> impl Iterator<Item = (u8, Key)> {
        let mut bits = bits_of(addr);
        if self.embeds && !is_v4(bits) {
            // An address that is counted by the IPv4 address in it is an IPv4 address on all levels.
            bits = bits_of(self.hosts.embedded(Ipv6Addr::from(bits).into()));
        }
        let levels = if is_v4(bits) { &self.v4 } else { &self.v6 };
        levels.iter().map(move |&(level, mask)| (level, Key::from_bits(bits & mask)))
    }

    /// The key of the client itself.
    pub(crate) fn host(&self, addr: IpAddr) -> Key {
        self.keys(addr).next().map_or_else(|| Key::from_bits(bits_of(addr)), |(_, key)| key)
    }
}

/// An address as one integer, IPv4 as IPv4-mapped IPv6.
pub(crate) fn bits_of(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().into(),
        IpAddr::V6(v6) => v6.into(),
    }
}

pub(crate) fn is_v4(bits: u128) -> bool {
    bits >> 32 == 0xffff
}

/// The first `length` bits of an address (8 to 32 of IPv4, 16 to 128 of IPv6).
fn mask(is_v4: bool, length: u8) -> u128 {
    u128::MAX << (if is_v4 { 32 } else { 128 } - u32::from(length))
}

/// IPv4 /32; IPv6 /64, four times the quota for a /56 and 16 times for a /48.
impl Default for IpLevels {
    fn default() -> Self {
        let site = |length, times| Wider { is_v4: false, length, times };
        Self { hosts: PrefixLengths::default(), wider: vec![site(56, 4), site(48, 16)] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(levels: &IpLevels, addr: &str) -> Vec<u8> {
        levels.masks().keys(addr.parse().unwrap()).map(|(level, _)| level).collect()
    }

    #[test]
    fn an_address_is_counted_by_the_prefixes_of_its_own_family() {
        let both = IpLevels::default().with_wider_v4(24, 8).unwrap();
        assert_eq!(levels(&both, "203.0.113.7"), [0, 3]);
        assert_eq!(levels(&both, "::ffff:203.0.113.7"), [0, 3]);
        assert_eq!(levels(&both, "2001:db8::1"), [0, 1, 2]);
    }

    #[test]
    fn an_embedded_ipv4_address_is_ipv4_on_all_levels() {
        let hosts = PrefixLengths::default().with_nat64_as_ipv4().with_6to4_as_ipv4();
        let by_24 = IpLevels::of(hosts).with_wider_v4(24, 8).unwrap();
        let keys = |addr: &str| by_24.masks().keys(addr.parse().unwrap()).collect::<Vec<_>>();
        assert_eq!(keys("64:ff9b::203.0.113.7"), keys("203.0.113.7"));
        assert_eq!(keys("2002:cb00:7107::1"), keys("203.0.113.7"));
    }

    #[test]
    fn levels_that_cannot_be_say_what_would_be_right() {
        let of = || IpLevels::of(PrefixLengths::default());
        let error = of().with_wider_v6(64, 4).unwrap_err();
        assert_eq!(error.to_string(), "wider_v6: /64: give a prefix shorter than the /64 before it");
        let error = of().with_wider_v6(56, 4).unwrap().with_wider_v6(48, 4).unwrap_err();
        assert_eq!(error.to_string(), "wider_v6: × 4: give 5 to 256 times the quota");
        assert!(of().with_wider_v4(4, 4).is_err());
    }
}
