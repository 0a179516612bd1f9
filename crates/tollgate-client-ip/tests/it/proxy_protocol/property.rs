//! Headers against a second reader that shares nothing with the first: std's parsers and canonical spelling.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use proptest::prelude::*;

use super::{INET, V1, read, v2, v2_inet};

/// The source, and how long the header is; `None` where it is no header.
fn strict(bytes: &[u8]) -> Option<(Option<SocketAddr>, usize)> {
    let (source, length) = match bytes.strip_prefix(b"\r\n\r\n\0\r\nQUIT\n") {
        Some(rest) => strict_v2(rest).map(|(source, length)| (source, length + 12))?,
        None => strict_v1(bytes)?,
    };
    let nobody = source.is_some_and(|source| {
        let ip = source.ip().to_canonical();
        ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST)
    });
    (!nobody).then_some((source, length))
}

fn strict_v1(bytes: &[u8]) -> Option<(Option<SocketAddr>, usize)> {
    let end = bytes.windows(2).take(106).position(|pair| pair == b"\r\n")?;
    let line = &bytes[..end];
    if line.contains(&b'\n') || line.contains(&b'\r') {
        return None;
    }
    if line == b"PROXY UNKNOWN" || line.starts_with(b"PROXY UNKNOWN ") {
        return Some((None, end + 2));
    }
    let line = std::str::from_utf8(line).ok()?;
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| port.to_string() == text);
    let (family, rest) = line.strip_prefix("PROXY TCP")?.split_once(' ')?;
    let mut fields = rest.split(' ');
    let mut next = || fields.next();
    let source: IpAddr = match family {
        "4" => IpAddr::V4(next()?.parse::<Ipv4Addr>().ok()?),
        "6" => IpAddr::V6(next()?.parse::<Ipv6Addr>().ok()?),
        _ => return None,
    };
    let to: IpAddr = next()?.parse().ok()?;
    let (from_port, _) = (port(next()?)?, port(next()?)?);
    let whole = next().is_none() && to.is_ipv4() == source.is_ipv4();
    whole.then(|| (Some(SocketAddr::new(source, from_port)), end + 2))
}

/// Behind the signature.
fn strict_v2(rest: &[u8]) -> Option<(Option<SocketAddr>, usize)> {
    let (fixed, rest) = rest.split_at_checked(4)?;
    let length = usize::from(fixed[2]) * 256 + usize::from(fixed[3]);
    let block = rest.get(..length).filter(|_| length <= 4096)?;
    let (source, tlvs) = match (fixed[0], fixed[1]) {
        (0x20, _) | (0x21, 0) => (None, &[][..]),
        (0x21, 0x11) => {
            let ip: [u8; 4] = block.get(..4)?.try_into().ok()?;
            (Some((IpAddr::from(ip), block.get(8..10)?)), block.get(12..)?)
        }
        (0x21, 0x21) => {
            let ip: [u8; 16] = block.get(..16)?.try_into().ok()?;
            (Some((IpAddr::from(ip), block.get(32..34)?)), block.get(36..)?)
        }
        (0x21, 0x31) => (None, block.get(216..)?),
        _ => return None,
    };
    let mut tlvs = tlvs;
    while !tlvs.is_empty() {
        let length = usize::from(*tlvs.get(1)?) * 256 + usize::from(*tlvs.get(2)?);
        tlvs = tlvs.get(3 + length..)?;
    }
    let source = source.map(|(ip, port)| SocketAddr::new(ip, u16::from(port[0]) * 256 + u16::from(port[1])));
    Some((source, 4 + length))
}

/// A header that is believed is one to the second reader as well, and says the same to it.
fn agrees(bytes: &[u8]) -> Result<bool, TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let Ok((source, rest)) = runtime.block_on(read(bytes)) else { return Ok(false) };
    let expected = strict(bytes).map(|(source, length)| (source, bytes[length..].to_vec()));
    prop_assert_eq!(Some((source, rest)), expected, "{}", bytes.escape_ascii());
    Ok(true)
}

/// Headers, and all that is nearly one.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let text = prop::sample::select(vec![
        V1.to_vec(),
        b"PROXY TCP6 2001:db8::7 ::ffff:1.2.3.4 1 0\r\n".to_vec(),
        b"PROXY UNKNOWN 1 2 3\r\n".to_vec(),
        v2_inet(0x21, 0x11, &[0xea, 0, 2, 1, 2]),
        v2_inet(0x21, 0x21, &[1; 24]),
        v2_inet(0x20, 0x11, &[]),
        v2(0x21, 0, 3, &[0; 3]),
        v2(0x21, 0x31, 219, &[0; 219]),
        v2(0x21, 0x11, 12, &INET),
    ]);
    let change = (
        any::<prop::sample::Index>(),
        0..4_u8,
        any::<u8>(),
        prop::sample::select(b"\r\n 0+-:.\0P9f".to_vec()),
    );
    (text, prop::collection::vec(change, 0..4), prop::collection::vec(any::<u8>(), 0..40)).prop_map(
        |(mut bytes, changes, behind)| {
            for (index, kind, any, telling) in changes {
                let at = index.index(bytes.len());
                match kind {
                    0 => bytes[at] = any,
                    1 => bytes[at] = telling,
                    2 => bytes.insert(at, telling),
                    _ if bytes.len() > 1 => drop(bytes.remove(at)),
                    _ => {}
                }
            }
            bytes.extend(behind);
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic_or_give_a_source_that_a_strict_reader_does_not_see(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        signature in 0..3_usize,
    ) {
        let signature = [&b""[..], b"PROXY ", b"\r\n\r\n\0\r\nQUIT\n"][signature];
        agrees(&[signature, &bytes].concat())?;
    }

    #[test]
    fn a_changed_header_is_refused_or_says_what_a_strict_reader_sees(bytes in nearly()) {
        agrees(&bytes)?;
    }

    #[test]
    fn every_header_a_proxy_may_write_is_read(
        ip in any::<IpAddr>(), from in any::<u16>(), to in any::<u16>(),
        tlv in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        prop_assume!(strict(format!("PROXY TCP6 {} :: 0 0\r\n", match ip {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        }).as_bytes()).is_some());
        let family = if ip.is_ipv4() { 4 } else { 6 };
        let line = format!("PROXY TCP{family} {ip} {ip} {from} {to}\r\nGET");
        prop_assert!(agrees(line.as_bytes())?);
        let address = match ip { IpAddr::V4(ip) => ip.octets().to_vec(), IpAddr::V6(ip) => ip.octets().to_vec() };
        let mut block = [&address[..], &address, &from.to_be_bytes(), &to.to_be_bytes(), &[0xe3, 0]].concat();
        block.push(u8::try_from(tlv.len()).unwrap());
        block.extend(tlv);
        let header = v2(0x21, if ip.is_ipv4() { 0x11 } else { 0x21 }, block.len(), &block);
        prop_assert!(agrees(&[&header[..], b"GET"].concat())?);
    }
}
