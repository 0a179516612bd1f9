use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// An address cut to its prefix: what limits are counted by.
///
/// IPv4 and IPv4-mapped IPv6 give the same key; masking never mixes the two families (an IPv4-mapped address cut to a
/// /64 would put all of IPv4 into one bucket: CVE-2026-30827).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IpKey {
    /// IPv4 is stored IPv4-mapped, so that one integer holds both families.
    bits: u128,
    /// Length counted in the 128 bits: 96 + n for an IPv4 /n.
    length: u8,
}

impl IpKey {
    /// The key of `addr` under `lengths`.
    #[must_use]
    pub fn new(addr: IpAddr, lengths: PrefixLengths) -> Self {
        let (bits, length) = match lengths.embedded(addr.to_canonical()) {
            IpAddr::V4(v4) => (u128::from(v4.to_ipv6_mapped()), 96 + lengths.v4),
            IpAddr::V6(v6) => (u128::from(v6), lengths.v6),
        };
        let mask = if length == 0 { 0 } else { u128::MAX << (128 - u32::from(length)) };
        Self { bits: bits & mask, length }
    }

    /// The key as one integer, unique among keys of the same [`PrefixLengths`]: for hashing into a table.
    #[must_use]
    pub fn bits(&self) -> u128 {
        self.bits
    }
}

impl fmt::Display for IpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v6 = Ipv6Addr::from(self.bits);
        match v6.to_ipv4_mapped() {
            Some(v4) if self.length >= 96 => write!(f, "{v4}/{}", self.length - 96),
            _ => write!(f, "{v6}/{}", self.length),
        }
    }
}

impl fmt::Debug for IpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IpKey({self})")
    }
}

/// How much of an address counts: IPv4 /32 and IPv6 /64 by default.
///
/// A host is given a whole IPv6 /64 (RFC 6177 §2 lets sites have more), so its lower 64 bits say nothing about who
/// it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PrefixLengths {
    v4: u8,
    v6: u8,
    nat64: bool,
    sixtofour: bool,
}

/// NAT64's well-known prefix, `64:ff9b::/96`, without its 32 bits of IPv4.
const NAT64: u128 = 0x64_ff9b << 96;

impl PrefixLengths {
    /// Lengths in bits: `v4` from 8 to 32, `v6` from 16 to 128.
    ///
    /// # Errors
    ///
    /// A length outside these ranges: too short a prefix would put strangers into one bucket.
    pub const fn new(v4: u8, v6: u8) -> Result<Self, PrefixLengthsError> {
        if v4 < 8 || v4 > 32 {
            return Err(PrefixLengthsError { family: "IPv4", length: v4, least: 8, most: 32 });
        }
        if v6 < 16 || v6 > 128 {
            return Err(PrefixLengthsError { family: "IPv6", length: v6, least: 16, most: 128 });
        }
        Ok(Self { v4, v6, nat64: false, sixtofour: false })
    }

    /// Counts an address of NAT64's well-known prefix (`64:ff9b::/96`, RFC 6052 §2.1) by the IPv4 address in it: for a
    /// server that IPv4 clients reach through a translator of its own. Otherwise all of them are one /64.
    ///
    /// Anybody who can send from that prefix writes the IPv4 address himself: without such a translator nobody can, and
    /// there is nothing to count.
    #[must_use]
    pub const fn with_nat64_as_ipv4(mut self) -> Self {
        self.nat64 = true;
        self
    }

    /// Counts a 6to4 address (`2002::/16`, RFC 3056 §2) by the IPv4 address in it: who holds one IPv4 address holds a
    /// /48 of these, that is 65,536 /64s.
    #[must_use]
    pub const fn with_6to4_as_ipv4(mut self) -> Self {
        self.sixtofour = true;
        self
    }

    /// Bits of an IPv4 address that count.
    #[must_use]
    pub const fn v4(self) -> u8 {
        self.v4
    }

    /// Bits of an IPv6 address that count.
    #[must_use]
    pub const fn v6(self) -> u8 {
        self.v6
    }

    /// Whether an IPv6 address may be counted by an IPv4 address in it.
    #[must_use]
    pub const fn embeds(self) -> bool {
        self.nat64 || self.sixtofour
    }

    /// The address that counts: the IPv4 address in `addr`, where that was asked for and there is one; else `addr`.
    #[must_use]
    pub fn embedded(self, addr: IpAddr) -> IpAddr {
        let IpAddr::V6(v6) = addr else { return addr };
        match v6.octets() {
            [.., a, b, c, d] if self.nat64 && u128::from(v6) >> 32 == NAT64 >> 32 => {
                IpAddr::from([a, b, c, d])
            }
            [0x20, 0x02, a, b, c, d, ..] if self.sixtofour => IpAddr::from([a, b, c, d]),
            _ => addr,
        }
    }
}

impl Default for PrefixLengths {
    fn default() -> Self {
        Self { v4: 32, v6: 64, nat64: false, sixtofour: false }
    }
}

/// A prefix length outside its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixLengthsError {
    family: &'static str,
    length: u8,
    least: u8,
    most: u8,
}

impl fmt::Display for PrefixLengthsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { family, length, least, most } = self;
        write!(f, "{family} prefix length {length} is not within {least}–{most}")
    }
}

impl std::error::Error for PrefixLengthsError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> IpKey {
        IpKey::new(text.parse().unwrap(), PrefixLengths::default())
    }

    #[test]
    fn every_address_of_a_64_is_one_key_and_its_neighbour_another() {
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
    }

    #[test]
    fn two_ipv4_mapped_clients_are_two_keys() {
        assert_ne!(key("::ffff:192.0.2.1"), key("::ffff:192.0.2.2"));
        assert_eq!(key("::ffff:102:304"), key("1.2.3.4"));
    }

    #[test]
    fn a_key_prints_as_its_cidr() {
        assert_eq!(key("203.0.113.7").to_string(), "203.0.113.7/32");
        let lengths = PrefixLengths::new(24, 48).unwrap();
        assert_eq!(IpKey::new("203.0.113.7".parse().unwrap(), lengths).to_string(), "203.0.113.0/24");
        assert_eq!(IpKey::new("2001:db8:1:2::1".parse().unwrap(), lengths).to_string(), "2001:db8:1::/48");
        assert_eq!(IpKey::new("::1".parse().unwrap(), lengths).to_string(), "::/48");
    }

    #[test]
    fn a_nat64_address_is_ipv6_unless_it_is_asked_for_as_ipv4() {
        let embedded = "64:ff9b::203.0.113.7".parse().unwrap();
        assert_eq!(key("64:ff9b::203.0.113.7").to_string(), "64:ff9b::/64");
        let lengths = PrefixLengths::default().with_nat64_as_ipv4();
        assert_eq!(IpKey::new(embedded, lengths), IpKey::new("203.0.113.7".parse().unwrap(), lengths));
        // Neither its neighbours nor 6to4, which any host can write.
        for other in
            ["64:ff9b:1::203.0.113.7", "64:ff9b::1:203.0.113.7", "2002:cb00:7107::1", "::203.0.113.7"]
        {
            assert!(IpKey::new(other.parse().unwrap(), lengths).to_string().ends_with("/64"), "{other}");
        }
    }

    #[test]
    fn a_6to4_address_is_its_ipv4_where_that_is_asked_for() {
        let lengths = PrefixLengths::default().with_6to4_as_ipv4();
        for text in ["2002:cb00:7107::1", "2002:cb00:7107:ffff::2"] {
            assert_eq!(IpKey::new(text.parse().unwrap(), lengths).to_string(), "203.0.113.7/32");
        }
        assert_ne!(key("2002:cb00:7107:1::1"), key("2002:cb00:7107:2::1"));
        assert_eq!(
            IpKey::new("2003:cb00:7107::1".parse().unwrap(), lengths).to_string(),
            "2003:cb00:7107::/64"
        );
    }

    #[test]
    fn lengths_that_would_mix_strangers_are_refused() {
        assert!(PrefixLengths::new(0, 64).is_err());
        assert_eq!(
            PrefixLengths::new(32, 8).unwrap_err().to_string(),
            "IPv6 prefix length 8 is not within 16–128"
        );
    }
}
