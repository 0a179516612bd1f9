use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What keeps 8x8 from limiting by this address, in words; `None` where nothing does.
///
/// Source: the IANA special-purpose address registries (RFC 6890).
#[must_use]
pub fn why_unusable(addr: IpAddr) -> Option<&'static str> {
    match addr.to_canonical() {
        IpAddr::V4(v4) => unusable_v4(v4),
        IpAddr::V6(v6) => unusable_v6(v6),
    }
}

/// Of a range kept for examples: RFC 5737, RFC 3849, RFC 9637.
pub(crate) fn documentation(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(v4) => v4.is_documentation(),
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            first == 0x2001 && second == 0x0db8 || first == 0x3fff && second < 0x1000
        }
    }
}

fn unusable_v4(v4: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = v4.octets();
    Some(match v4 {
        _ if a == 0 => "unspecified (0.0.0.0/8)",
        _ if v4.is_loopback() => "loopback",
        _ if v4.is_private() => "private",
        _ if a == 100 && b & 0xc0 == 64 => "private to a carrier (100.64.0.0/10)",
        _ if v4.is_link_local() => "link-local",
        _ if v4.is_documentation() => "for documentation",
        _ if v4.is_broadcast() => "broadcast",
        _ if v4.is_multicast() => "multicast",
        _ if a == 192 && (b == 0 && c == 0 || b == 88 && c == 99)
            || a == 198 && b & 0xfe == 18
            || a >= 240 =>
        {
            "reserved"
        }
        _ => return None,
    })
}

fn unusable_v6(v6: Ipv6Addr) -> Option<&'static str> {
    Some(match v6 {
        _ if v6.is_unspecified() => "unspecified (::)",
        _ if v6.is_loopback() => "loopback",
        _ if v6.is_unique_local() => "private (fc00::/7)",
        _ if v6.is_unicast_link_local() => "link-local",
        _ if v6.is_multicast() => "multicast",
        _ if documentation(IpAddr::V6(v6)) => "for documentation",
        // Of what is not global unicast (2000::/3), NAT64's prefix alone goes anywhere; benchmarks go nowhere.
        _ if v6.segments()[0] & 0xe000 != 0x2000 && v6.segments()[..6] != [0x64, 0xff9b, 0, 0, 0, 0]
            || v6.segments()[..3] == [0x2001, 2, 0] =>
        {
            "reserved"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_unusable_and_ordinary_ones_are_not() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.1.1",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.7",
            "192.0.0.8",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "3fff:fff::1",
            "100::1",
            "::1.2.3.4",
            "::ffff:10.0.0.1",
            "192.88.99.1",
            "64:ff9b:1::1",
            "5f00::1",
            "2001:2::1",
            "4000::1",
        ] {
            assert!(why_unusable(text.parse().unwrap()).is_some(), "{text}");
        }
        for text in [
            "8.8.8.8",
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "100.63.255.255",
            "169.253.0.1",
            "198.20.0.1",
            "2606:4700::1111",
            "2a00::1",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "3fff:1000::1",
            "2001:db9::1",
        ] {
            assert_eq!(why_unusable(text.parse().unwrap()), None, "{text}");
        }
    }
}
