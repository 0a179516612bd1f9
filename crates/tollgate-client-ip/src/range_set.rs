use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

use crate::addr::Addr;

/// A set of addresses: merged, sorted, disjoint ranges, looked up by binary search.
///
/// The two families are kept apart, and addresses are canonical on both sides: `::ffff:10.0.0.1` is in `10.0.0.0/8`
/// and no IPv4 address is in `::/0`.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct RangeSet {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl RangeSet {
    pub(crate) fn new(nets: impl IntoIterator<Item = IpNet>) -> Self {
        let mut set = Self::default();
        for net in nets {
            match net {
                IpNet::V4(net) => set.v4.push((net.network().into(), net.broadcast().into())),
                IpNet::V6(net) => set.v6.push((net.network().into(), net.broadcast().into())),
            }
        }
        set.v4 = merge(set.v4, |end| end.checked_add(1));
        set.v6 = merge(set.v6, |end| end.checked_add(1));
        set
    }

    pub(crate) fn v4_addresses(&self) -> u64 {
        self.v4.iter().map(|&(start, end)| u64::from(end - start) + 1).sum()
    }

    /// Whether all of the other's addresses are in it.
    pub(crate) fn contains_all(&self, other: &Self) -> bool {
        other.v4.iter().all(|&(start, end)| covers_range(&self.v4, start, end))
            && other.v6.iter().all(|&(start, end)| covers_range(&self.v6, start, end))
    }

    #[inline]
    pub(crate) fn contains(&self, addr: Addr) -> bool {
        match addr.to_v4() {
            Some(bits) => covers(&self.v4, bits),
            None => covers(&self.v6, addr.bits()),
        }
    }
}

impl fmt::Debug for RangeSet {
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

/// What a CIDR with bits behind its prefix is read as, if the text is one: nobody can see whether the network or the
/// address was meant.
pub(crate) fn read_as(text: &str, net: &IpNet) -> Option<String> {
    let (addr, _) = text.split_once('/')?;
    let addr: IpAddr = addr.parse().ok()?;
    (net.network() != addr.to_canonical())
        .then(|| format!("is read as \"{net}\"; write that, or \"{addr}\" for the one address"))
}

/// A CIDR or a bare address, canonical, without the bits behind its prefix; the error is the rest of a sentence that starts with the value.
pub(crate) fn parse_net(text: &str) -> Result<IpNet, String> {
    let (addr_text, prefix_text) = match text.split_once('/') {
        Some((addr, prefix)) => (addr, Some(prefix)),
        None => (text, None),
    };
    let addr: IpAddr = addr_text.parse().map_err(|_| {
        "is not a CIDR or an address (write it like \"10.0.0.0/8\", \"2001:db8::/32\" or \"192.0.2.1\")"
            .to_owned()
    })?;
    let most = if addr.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix_text {
        Some(prefix) => parse_prefix(prefix)
            .filter(|&prefix| prefix <= most)
            .ok_or_else(|| format!("is not a CIDR (prefix 0–{most})"))?,
        None => most,
    };
    let net = IpNet::new(addr, prefix).map_err(|_| format!("is not a CIDR (prefix 0–{most})"))?;
    Ok(canonical(net).trunc())
}

/// Decimal without sign or leading zero: `str::parse` would take `+8` and `008`.
fn parse_prefix(text: &str) -> Option<u8> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    (digits && !leading_zero).then(|| text.parse().ok()).flatten()
}

/// `::ffff:a.b.c.d/(96 + n)` is `a.b.c.d/n`. A shorter IPv6 prefix stays IPv6, and matches no IPv4 address.
fn canonical(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net };
    let length = v6.prefix_len().checked_sub(96);
    match (v6.addr().to_ipv4_mapped(), length) {
        (Some(v4), Some(length)) => Ipv4Net::new(v4, length).map_or(net, IpNet::V4),
        _ => net,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(texts: &[&str]) -> RangeSet {
        RangeSet::new(texts.iter().map(|text| parse_net(text).unwrap()))
    }

    fn ip(text: &str) -> Addr {
        text.parse::<IpAddr>().unwrap().into()
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
        assert!(!RangeSet::default().contains(ip("0.0.0.0")));
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
    fn bits_behind_the_prefix_are_nothing_and_are_told() {
        let told = |text| read_as(text, &parse_net(text).unwrap());
        assert_eq!(
            told("10.0.0.1/8").as_deref(),
            Some("is read as \"10.0.0.0/8\"; write that, or \"10.0.0.1\" for the one address")
        );
        assert_eq!(parse_net("::ffff:10.0.0.1/104").unwrap().to_string(), "10.0.0.0/8");
        assert!(told("::ffff:10.0.0.1/104").is_some() && told("2001:db8::1/32").is_some());
        for fine in
            ["10.0.0.0/8", "10.0.0.1", "10.0.0.1/32", "::ffff:10.0.0.0/104", "2001:db8::/32", "::/0", "::1"]
        {
            assert_eq!(told(fine), None, "{fine}");
        }
    }

    #[test]
    fn what_is_no_cidr_is_refused_with_the_remedy() {
        let error = |text| parse_net(text).unwrap_err();
        assert_eq!(error("10.0.0.0/33"), "is not a CIDR (prefix 0–32)");
        assert_eq!(error("2001:db8::/129"), "is not a CIDR (prefix 0–128)");
        for text in [
            "",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "10.0.0.0/8/8",
            "10.0.0/8",
            "010.0.0.0/8",
            "a",
            " ::1",
            "fe80::1%eth0",
        ] {
            assert!(parse_net(text).is_err(), "{text}");
        }
    }
}
