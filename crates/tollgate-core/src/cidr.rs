//! CIDRs: read from text, and sets of them.

mod parse;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use parse::canonical;
pub use parse::{parse_cidr, read_as};

/// A set of addresses: merged, sorted, disjoint ranges, looked up by binary search.
///
/// The two families are kept apart, and addresses are canonical on both sides: `::ffff:10.0.0.1` is in `10.0.0.0/8`
/// and no IPv4 address is in `::/0`.
///
/// ```
/// use tollgate_core::{CidrSet, parse_cidr};
///
/// let set = CidrSet::new([parse_cidr("10.0.0.0/8")?, parse_cidr("2001:db8::/32")?]);
/// assert!(set.contains("::ffff:10.1.2.3".parse().unwrap()));
/// assert!(!set.contains("11.0.0.0".parse().unwrap()));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CidrSet {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

/// What stands in front of IPv4 in an IPv4-mapped address.
const MAPPED: u128 = 0xffff << 32;

impl CidrSet {
    /// The addresses of all of these.
    #[must_use]
    pub fn new(nets: impl IntoIterator<Item = IpNet>) -> Self {
        let mut set = Self::default();
        for net in nets {
            match canonical(net) {
                IpNet::V4(net) => set.v4.push((net.network().into(), net.broadcast().into())),
                IpNet::V6(net) => set.v6.push((net.network().into(), net.broadcast().into())),
            }
        }
        set.v4 = merge(set.v4, |end| end.checked_add(1));
        set.v6 = merge(set.v6, |end| end.checked_add(1));
        set
    }

    /// Whether no address is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// How many IPv4 addresses are in it.
    #[must_use]
    pub fn v4_addresses(&self) -> u64 {
        self.v4.iter().map(|&(start, end)| u64::from(end - start) + 1).sum()
    }

    /// Whether all of the other's addresses are in it.
    #[must_use]
    pub fn contains_all(&self, other: &Self) -> bool {
        other.v4.iter().all(|&(start, end)| covers_range(&self.v4, start, end))
            && other.v6.iter().all(|&(start, end)| covers_range(&self.v6, start, end))
    }

    /// Whether the address, made canonical, is in it.
    #[inline]
    #[must_use]
    pub fn contains(&self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V4(addr) => covers(&self.v4, addr.into()),
            IpAddr::V6(addr) => self.contains_bits(addr.into()),
        }
    }

    /// The same for all 128 bits of an address, IPv4 in its IPv4-mapped place (RFC 4291 §2.5.5.2).
    #[inline]
    #[must_use]
    pub fn contains_bits(&self, bits: u128) -> bool {
        match u32::try_from(bits ^ MAPPED) {
            Ok(bits) => covers(&self.v4, bits),
            Err(_) => covers(&self.v6, bits),
        }
    }
}

impl fmt::Debug for CidrSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v4 = self.v4.iter().map(|&(start, end)| Ipv4Addr::from(start)..=Ipv4Addr::from(end));
        let v6 = self.v6.iter().map(|&(start, end)| Ipv6Addr::from(start)..=Ipv6Addr::from(end));
        f.debug_list().entries(v4).entries(v6).finish()
    }
}

fn merge<T: Ord + Copy>(mut ranges: Vec<(T, T)>, after: impl Fn(T) -> Option<T>) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (start, end) in ranges {
        match merged.last_mut() {
            // Nothing comes after the family's last address, so whatever starts later starts inside.
            Some(last) if after(last.1).is_none_or(|next| start <= next) => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    merged.shrink_to_fit();
    merged
}

fn covers<T: Ord + Copy>(ranges: &[(T, T)], addr: T) -> bool {
    let candidate = ranges.partition_point(|&(_, end)| end < addr);
    ranges.get(candidate).is_some_and(|&(start, _)| start <= addr)
}

/// Ranges are merged, so whoever holds both ends holds all between them.
fn covers_range<T: Ord + Copy>(ranges: &[(T, T)], start: T, end: T) -> bool {
    let candidate = ranges.partition_point(|&(_, last)| last < start);
    ranges.get(candidate).is_some_and(|&(first, last)| first <= start && end <= last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(texts: &[&str]) -> CidrSet {
        CidrSet::new(texts.iter().map(|text| parse_cidr(text).unwrap()))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn overlapping_and_adjacent_ranges_become_one() {
        let merged = set(&["10.1.0.0/16", "10.0.0.0/8", "11.0.0.0/8", "255.0.0.0/8", "255.255.0.0/16"]);
        assert_eq!(format!("{merged:?}"), "[10.0.0.0..=11.255.255.255, 255.0.0.0..=255.255.255.255]");
    }

    #[test]
    fn the_edges_of_a_range_are_inside_and_their_neighbours_outside() {
        let set = set(&["10.0.0.0/8", "192.0.2.1", "2001:db8:5::/48"]);
        for inside in ["10.0.0.0", "10.255.255.255", "192.0.2.1", "2001:db8:5::", "2001:db8:5:ffff::ffff"] {
            assert!(set.contains(ip(inside)), "{inside}");
        }
        for outside in
            ["9.255.255.255", "11.0.0.0", "192.0.2.0", "192.0.2.2", "2001:db8:4:ffff::", "2001:db8:6::"]
        {
            assert!(!set.contains(ip(outside)), "{outside}");
        }
        assert!(!CidrSet::default().contains(ip("0.0.0.0")));
        assert!(super::tests::set(&["0.0.0.0/0"]).contains(ip("255.255.255.255")));
    }

    #[test]
    fn one_set_contains_another_if_it_holds_all_of_it() {
        let all = set(&["10.0.0.0/9", "10.128.0.0/9", "2001:db8::/32"]);
        for inside in [&["10.0.0.0/8"][..], &["10.1.0.0/16", "2001:db8:5::/48"], &[]] {
            assert!(all.contains_all(&set(inside)), "{inside:?}");
        }
        for outside in [&["10.0.0.0/7"][..], &["10.0.0.1", "11.0.0.1"], &["2001:db9::"]] {
            assert!(!all.contains_all(&set(outside)), "{outside:?}");
        }
    }

    #[test]
    fn ipv4_mapped_ranges_and_addresses_are_ipv4() {
        for text in ["10.0.0.0/8", "::ffff:10.0.0.0/104", "::ffff:a00:0/104"] {
            assert!(set(&[text]).contains(ip("10.1.2.3")), "{text}");
            assert!(set(&[text]).contains(ip("::ffff:10.1.2.3")), "{text}");
        }
        assert!(set(&["::ffff:0:0/96"]).contains(ip("192.0.2.1")));
        assert!(!set(&["::/0"]).contains(ip("192.0.2.1")));
    }

    #[test]
    fn an_address_and_its_bits_are_in_the_same_sets() {
        let sets = ["10.0.0.0/8", "0.0.0.0/0", "::/0", "::ffff:0:0/95", "::ffff:10.0.0.0/104"];
        let sets = sets.map(|text| CidrSet::new([text.parse().unwrap()]));
        for text in ["10.0.0.0", "11.0.0.0", "::ffff:10.0.0.0", "::fffe:a00:0", "::a00:0", "::1:ffff:a00:0"] {
            let addr = ip(text);
            let bits = match addr {
                IpAddr::V4(addr) => addr.to_ipv6_mapped().into(),
                IpAddr::V6(addr) => addr.into(),
            };
            let inside = ["10.0.0.0", "11.0.0.0"].map(|v4| addr.to_canonical() == ip(v4));
            let v4 = inside.contains(&true);
            let expected = [inside[0], v4, !v4, text == "::fffe:a00:0", inside[0]];
            for (set, expected) in sets.iter().zip(expected) {
                assert_eq!(
                    (set.contains(addr), set.contains_bits(bits)),
                    (expected, expected),
                    "{text} {set:?}"
                );
            }
        }
    }

    #[test]
    fn only_a_set_of_no_cidr_is_empty() {
        assert!(CidrSet::default().is_empty() && CidrSet::new([]).is_empty());
        assert!(!set(&["0.0.0.0"]).is_empty() && !set(&["::"]).is_empty());
        assert_eq!(set(&["0.0.0.0/0", "10.0.0.0/8", "::/0"]).v4_addresses(), 1 << 32);
    }
}
