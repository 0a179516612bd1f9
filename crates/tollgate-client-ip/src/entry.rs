//! The grammar of one entry: what `X-Forwarded-For`, single-address headers, and a node of `Forwarded` hold.

use std::net::Ipv6Addr;

use crate::addr::Addr;

/// Why an entry names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Malformed,
    /// `unknown` or `_name` (RFC 7239 §6.2, §6.3): the proxy will not say.
    Obfuscated,
    /// `0.0.0.0` or `::`.
    Unspecified,
}

/// Optional whitespace is space and tab (RFC 9110 §5.6.3); any other is part of the entry, and makes it malformed.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// The canonical address of a trimmed entry: `v4`, `v4:port`, `v6`, `[v6]`, `[v6]:port`, each also in quotes.
///
/// A bare IPv6 address has no port: its last group cannot be told from one.
pub(crate) fn parse(entry: &[u8]) -> Result<Addr, Fault> {
    if let Some(addr) = v4(entry) {
        return addr.of_a_host();
    }
    let entry = match entry {
        [b'"', inside @ .., b'"'] => inside,
        bare => bare,
    };
    address(entry)?.of_a_host()
}

/// The canonical address of a trimmed `v4:port`, `v6:port` or `[v6]:port`: the last colon is the port's.
pub(crate) fn parse_with_port(entry: &[u8]) -> Result<Addr, Fault> {
    let colon = entry.iter().rposition(|&b| b == b':');
    let parts = colon.and_then(|at| Some((entry.get(..at)?, entry.get(at + 1..)?)));
    let (host, port) = parts.ok_or_else(|| name(entry, None))?;
    if !is_port(port) {
        return Err(name(host, Some(port)));
    }
    let addr = match host {
        [b'[', inside @ .., b']'] => v6(inside)?,
        host if host.contains(&b':') => v6(host)?,
        host => v4(host).ok_or_else(|| name(host, Some(port)))?,
    };
    addr.of_a_host()
}

/// The canonical address of a `Forwarded` node (RFC 7239 §6), out of its quotes: `v4`, `[v6]`, either with `:port`,
/// where a port may be hidden too (`:_name`).
pub(crate) fn parse_node(node: &[u8]) -> Result<Addr, Fault> {
    if let [b'[', rest @ ..] = node {
        let (inside, after) = split_at_byte(rest, b']').ok_or(Fault::Malformed)?;
        return match after {
            [] => v6(inside)?.of_a_host(),
            [b':', port @ ..] if is_port(port) || is_obfuscated(port) => v6(inside)?.of_a_host(),
            _ => Err(Fault::Malformed),
        };
    }
    let (host, port) = match split_at_byte(node, b':') {
        None => (node, None),
        Some((host, port)) => (host, Some(port)),
    };
    match v4(host) {
        Some(addr) if port.is_none_or(|port| is_port(port) || is_obfuscated(port)) => addr.of_a_host(),
        Some(_) => Err(Fault::Malformed),
        None => Err(name(host, port)),
    }
}

fn address(entry: &[u8]) -> Result<Addr, Fault> {
    if let [b'[', rest @ ..] = entry {
        let (inside, after) = split_at_byte(rest, b']').ok_or(Fault::Malformed)?;
        return match after {
            [] => v6(inside),
            [b':', port @ ..] if is_port(port) => v6(inside),
            _ => Err(Fault::Malformed),
        };
    }
    match split_at_byte(entry, b':') {
        None => v4(entry).ok_or_else(|| name(entry, None)),
        Some((host, port)) if !port.contains(&b':') => match v4(host) {
            Some(addr) if is_port(port) => Ok(addr),
            Some(_) => Err(Fault::Malformed),
            None => Err(name(host, Some(port))),
        },
        Some(_) => v6(entry),
    }
}

/// Around the first `byte`, which is in neither part.
fn split_at_byte(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&b| b == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Four decimal octets, in one pass: most entries are IPv4, and this is a good part of what an answer costs.
fn v4(text: &[u8]) -> Option<Addr> {
    let (a, rest) = octet(text)?;
    let (b, rest) = octet(rest.strip_prefix(b".")?)?;
    let (c, rest) = octet(rest.strip_prefix(b".")?)?;
    let (d, rest) = octet(rest.strip_prefix(b".")?)?;
    rest.is_empty().then(|| Addr::v4(u32::from_be_bytes([a, b, c, d])))
}

/// One to three digits up to 255, and what is behind them. A leading zero is refused: `010.0.0.1` is 8.0.0.1 to some
/// readers and 10.0.0.1 to others.
fn octet(text: &[u8]) -> Option<(u8, &[u8])> {
    let digit = |b: u8| b.is_ascii_digit().then(|| b - b'0');
    let (first, rest) = text.split_first()?;
    let first = digit(*first)?;
    let Some((second, behind)) = rest.split_first().and_then(|(b, rest)| Some((digit(*b)?, rest))) else {
        return Some((first, rest));
    };
    if first == 0 {
        return None;
    }
    let (two, rest) = (first * 10 + second, behind);
    match rest.split_first().and_then(|(b, rest)| Some((digit(*b)?, rest))) {
        Some((third, rest)) => Some((two.checked_mul(10)?.checked_add(third)?, rest)),
        None => Some((two, rest)),
    }
}

/// Every digit, at most five of them.
fn decimal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 5 {
        return None;
    }
    digits.iter().try_fold(0, |value, &b| b.is_ascii_digit().then(|| value * 10 + u32::from(b - b'0')))
}

fn is_port(text: &[u8]) -> bool {
    decimal(text).is_some_and(|port| port <= u32::from(u16::MAX))
}

/// The zone (RFC 4007 §11) is dropped: it means something to the host that wrote it only, and kept, one client would
/// have as many addresses as it can write zones.
fn v6(text: &[u8]) -> Result<Addr, Fault> {
    let addr = match split_at_byte(text, b'%') {
        None => text,
        Some((addr, zone)) if is_zone(zone) => addr,
        Some(_) => return Err(Fault::Malformed),
    };
    std::str::from_utf8(addr)
        .ok()
        .and_then(|addr| addr.parse::<Ipv6Addr>().ok())
        .map(Addr::from)
        .ok_or(Fault::Malformed)
}

fn is_zone(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(b))
}

fn name(host: &[u8], port: Option<&[u8]>) -> Fault {
    let hidden = host.eq_ignore_ascii_case(b"unknown") || is_obfuscated(host);
    if hidden && port.is_none_or(|port| is_port(port) || is_obfuscated(port)) {
        Fault::Obfuscated
    } else {
        Fault::Malformed
    }
}

fn is_obfuscated(text: &[u8]) -> bool {
    matches!(text, [b'_', rest @ ..] if !rest.is_empty()
        && rest.iter().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Addr {
        text.parse::<std::net::IpAddr>().unwrap().into()
    }

    #[test]
    fn every_spelling_of_an_address_gives_that_address() {
        for (entry, addr) in [
            ("203.0.113.7", "203.0.113.7"),
            ("203.0.113.7:0", "203.0.113.7"),
            ("203.0.113.7:65535", "203.0.113.7"),
            ("\"203.0.113.7:443\"", "203.0.113.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("2001:DB8:0:0:0:0:0:7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:443", "2001:db8::7"),
            ("\"[2001:db8::7]:443\"", "2001:db8::7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("::ffff:cb00:7107", "203.0.113.7"),
            ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:443", "fe80::1"),
            ("0.0.0.1", "0.0.0.1"),
            // Not folded: any IPv6 host can write these.
            ("2002:cb00:7107::1", "2002:cb00:7107::1"),
            ("::203.0.113.7", "::203.0.113.7"),
            ("64:ff9b::203.0.113.7", "64:ff9b::203.0.113.7"),
            // The last group of a bare IPv6 address is never a port.
            ("2001:db8:aaaa::7:4653", "2001:db8:aaaa::7:4653"),
        ] {
            assert_eq!(parse(entry.as_bytes()), Ok(ip(addr)), "{entry}");
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_malformed() {
        for entry in [
            "",
            "\"\"",
            "\"",
            "garbage",
            "203.0.113",
            "203.0.113.7.1",
            "203.0.113.256",
            "203.0.113.",
            ".203.0.113.7",
            "010.0.0.1",
            "203.0.113.07",
            "00.0.0.1",
            "0x7f.0.0.1",
            "2130706433",
            "+1.2.3.4",
            "1e1.2.3.4",
            "203.0.113.7:",
            "203.0.113.7:65536",
            "203.0.113.7:000080",
            "203.0.113.7:+80",
            "203.0.113.7:_x",
            "203.0.113.7%eth0",
            "203.0.113.7 ",
            " 203.0.113.7",
            "\u{b}203.0.113.7",
            "203.0.113.7\u{c}",
            "\"203.0.113.7",
            "203.0.113.7\"",
            "\" 203.0.113.7\"",
            "\"\"203.0.113.7\"\"",
            "'203.0.113.7'",
            "[203.0.113.7]",
            "[2001:db8::7",
            "2001:db8::7]",
            "[2001:db8::7]443",
            "[2001:db8::7]:",
            "[2001:db8::7] :1",
            "[2001:db8::7]:65536",
            "[[2001:db8::7]]",
            "[]",
            "2001:db8::7::1",
            "12345::",
            ":::",
            "fe80::1%",
            "fe80::1%a b",
            "fe80::1%a%b",
            "::ffff:010.0.0.1",
            "224.0.0.1",
            "ff02::1",
            "::ffff:224.0.0.1",
            "255.255.255.255",
            "_",
            "_a b",
            "unknown:",
            "unknowns",
            "for=203.0.113.7",
            "unix:",
        ] {
            assert_eq!(parse(entry.as_bytes()), Err(Fault::Malformed), "{entry}");
        }
        assert_eq!(parse(b"203.0.113.7\xff"), Err(Fault::Malformed));
        assert_eq!(parse(b"2001:db8::\xff"), Err(Fault::Malformed));
    }

    #[test]
    fn where_a_port_is_always_there_the_last_colon_is_its() {
        for (entry, addr) in [
            ("203.0.113.7:443", "203.0.113.7"),
            ("2001:db8:aaaa::7:4653", "2001:db8:aaaa::7"),
            ("2001:db8:aaaa::7:46532", "2001:db8:aaaa::7"),
            ("2001:db8:1:2:3:4:5:6:4653", "2001:db8:1:2:3:4:5:6"),
            ("[2001:db8::7]:443", "2001:db8::7"),
            ("::ffff:203.0.113.7:443", "203.0.113.7"),
        ] {
            assert_eq!(parse_with_port(entry.as_bytes()), Ok(ip(addr)), "{entry}");
        }
        for entry in [
            "",
            ":",
            ":443",
            "203.0.113.7",
            "203.0.113.7:",
            "203.0.113.7:65536",
            "2001:db8::7:",
            "2001:db8::7:65536",
            "[2001:db8::7]",
            "[203.0.113.7]:443",
            "2001:db8:aaaa::7:a653",
            "\"203.0.113.7:443\"",
        ] {
            assert_eq!(parse_with_port(entry.as_bytes()), Err(Fault::Malformed), "{entry}");
        }
        assert_eq!(parse_with_port(b":::443"), Err(Fault::Unspecified));
        assert_eq!(parse_with_port(b"unknown:443"), Err(Fault::Obfuscated));
    }

    #[test]
    fn a_node_is_what_rfc_7239_says_a_node_is() {
        for (node, addr) in [
            ("192.0.2.43", "192.0.2.43"),
            ("192.0.2.43:47011", "192.0.2.43"),
            ("192.0.2.43:_port", "192.0.2.43"),
            ("[2001:db8:cafe::17]", "2001:db8:cafe::17"),
            ("[2001:db8:cafe::17]:47011", "2001:db8:cafe::17"),
            ("[2001:db8:cafe::17]:_p", "2001:db8:cafe::17"),
            ("[fe80::1%eth0]", "fe80::1"),
            ("[::ffff:c000:22b]", "192.0.2.43"),
        ] {
            assert_eq!(parse_node(node.as_bytes()), Ok(ip(addr)), "{node}");
        }
        for node in [
            "",
            "2001:db8:cafe::17",
            "192.0.2.043",
            "192.0.2.43:",
            "192.0.2.43:65536",
            "192.0.2.43:123456",
            "[192.0.2.43]",
            "[2001:db8::1",
            "[2001:db8::1]x",
            "[2001:db8::1]:_",
            "localhost",
            "unknownx",
            "\"192.0.2.43\"",
        ] {
            assert_eq!(parse_node(node.as_bytes()), Err(Fault::Malformed), "{node}");
        }
        for node in ["unknown", "UNKNOWN:80", "_gazonk", "_gazonk:_port", "_SEVKISEK"] {
            assert_eq!(parse_node(node.as_bytes()), Err(Fault::Obfuscated), "{node}");
        }
        assert_eq!(parse_node(b"[::]:1"), Err(Fault::Unspecified));
    }

    #[test]
    fn an_entry_that_hides_its_host_says_so() {
        for entry in
            ["unknown", "Unknown", "\"unknown\"", "unknown:443", "_hidden", "_SEVKISEK.-_", "_hidden:_port"]
        {
            assert_eq!(parse(entry.as_bytes()), Err(Fault::Obfuscated), "{entry}");
        }
    }

    #[test]
    fn the_unspecified_address_is_nobody() {
        for entry in ["0.0.0.0", "0.0.0.0:80", "::", "[::]:80", "::ffff:0.0.0.0", "::ffff:0:0", "::%1"] {
            assert_eq!(parse(entry.as_bytes()), Err(Fault::Unspecified), "{entry}");
        }
    }

    #[test]
    fn only_space_and_tab_are_trimmed() {
        assert_eq!(trim(b" \t 203.0.113.7\t "), b"203.0.113.7");
        assert_eq!(trim(b" \t "), b"");
        assert_eq!(trim(b"\x0b203.0.113.7\xa0"), b"\x0b203.0.113.7\xa0");
    }
}
