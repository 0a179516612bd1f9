//! What a header says, and what is none.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt;

use super::{INET, PROXY, V1, gate, read, tcp, v2, v2_inet};

async fn source(header: &[u8]) -> Option<SocketAddr> {
    let (source, rest) = read(&[header, b"GET / HTTP/1.1\r\n"].concat()).await.unwrap();
    assert_eq!(rest, b"GET / HTTP/1.1\r\n", "{}", header.escape_ascii());
    source
}

/// The kind of refusal: the same whether the connection ends there, or goes on, or waits for the answer.
async fn refused(bytes: &[u8]) -> &'static str {
    let kind = read(bytes).await.expect_err(&bytes.escape_ascii().to_string()).as_str();
    let more = [bytes, &[b'x'; 8192]].concat();
    assert_eq!(read(&more).await.unwrap_err().as_str(), kind, "{}", bytes.escape_ascii());
    let (_far, silent) = tokio::io::duplex(1);
    let at_once = gate().with_timeout(Duration::ZERO);
    let error = at_once.accept(bytes.chain(silent), tcp(PROXY)).await.unwrap_err();
    assert_eq!(error.as_str(), kind, "{}", bytes.escape_ascii());
    kind
}

#[tokio::test]
async fn the_source_of_both_versions_and_families_is_the_client() {
    let v4: SocketAddr = "203.0.113.7:50000".parse().unwrap();
    let v6: SocketAddr = "[2001:db8::7]:50000".parse().unwrap();
    assert_eq!(source(V1).await, Some(v4));
    assert_eq!(source(b"PROXY TCP6 2001:db8::7 2001:DB8:0:0:0:0:0:1 50000 443\r\n").await, Some(v6));
    assert_eq!(source(&v2_inet(0x21, 0x11, &[])).await, Some(v4));
    let mut block = "2001:db8::7".parse::<std::net::Ipv6Addr>().unwrap().octets().to_vec();
    block.extend([0; 16]);
    block.extend([0xc3, 0x50, 1, 0xbb]);
    assert_eq!(source(&v2(0x21, 0x21, 36, &block)).await, Some(v6));
    assert_eq!(source(b"PROXY TCP4 203.0.113.7 198.51.100.1 0 65535\r\n").await.unwrap().port(), 0);
}

#[tokio::test]
async fn an_ipv4_mapped_source_is_ipv4_to_those_who_ask_for_the_ip() {
    let header = b"PROXY TCP6 ::ffff:203.0.113.7 ::ffff:198.51.100.1 1 2\r\n";
    let peer = gate().accept(&header[..], tcp(PROXY)).await.unwrap().peer();
    assert_eq!(peer.ip(), Some("203.0.113.7".parse().unwrap()));
    let long = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let longest = format!("PROXY UNKNOWN {long} {long} 65535 65535\r\n");
    assert_eq!((longest.len(), source(longest.as_bytes()).await), (107, None));
}

#[tokio::test]
async fn a_local_connection_is_the_proxys_own_whatever_addresses_stand_behind_it() {
    for header in [
        v2_inet(0x20, 0x11, &[]),
        v2_inet(0x20, 0x12, b"\x01\xff"),
        v2(0x20, 0x00, 0, &[]),
        v2(0x20, 0x11, 0, &[]),
        v2(0x20, 0xff, 3, b"abc"),
    ] {
        assert_eq!(source(&header).await, None);
        let peer = gate().accept(&header[..], tcp(PROXY)).await.unwrap().peer();
        assert_eq!(peer.ip(), tcp(PROXY).ip());
    }
}

#[tokio::test]
async fn a_proxy_that_does_not_know_whose_connection_it_is_names_no_source() {
    for header in [
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN 203.0.113.7 198.51.100.1 50000 443\r\n".to_vec(),
        b"PROXY UNKNOWN \xff \0  what ever has to be ignored\r\n".to_vec(),
        v2_inet(0x21, 0x00, &[]),
        v2(0x21, 0x00, 0, &[]),
        v2(0x21, 0x31, 216, &[b'/'; 216]),
    ] {
        assert_eq!(source(&header).await, None, "{}", header.escape_ascii());
    }
}

#[tokio::test]
async fn tlvs_are_part_of_the_header_and_have_to_be_whole() {
    let vpce = [&[0xea, 0, 23, 1][..], b"vpce-08d2bf15fac5001c9", &[0x04, 0, 1, 0][..]].concat();
    assert!(source(&v2_inet(0x21, 0x11, &vpce)).await.is_some());
    assert!(source(&v2_inet(0x21, 0x11, &[0xe0, 0, 0])).await.is_some());
    let most = [&[0x04, 0x0f, 0xf1][..], &[0; 4096 - 12 - 3]].concat();
    assert!(source(&v2_inet(0x21, 0x11, &most)).await.is_some());
    for broken in [&[0xea][..], &[0xea, 0], &[0xea, 0, 1], &[0xea, 0, 9, 1, 2], &[0xea, 0, 0, 0]] {
        assert_eq!(refused(&v2_inet(0x21, 0x11, broken)).await, "malformed", "{broken:?}");
    }
}

#[tokio::test]
async fn what_begins_otherwise_is_no_header() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"proxy TCP4 203.0.113.7 198.51.100.1 50000 443\r\n",
        b" PROXY TCP4 203.0.113.7 198.51.100.1 50000 443\r\n",
        b"PROXYxTCP4 203.0.113.7 198.51.100.1 50000 443\r\n",
        b"PROXY\tTCP4 203.0.113.7 198.51.100.1 50000 443\r\n",
        b"\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        b"\r\n\r\n\0\r\nQUIT\r",
        b"\x16\x03\x01\x02\x00\x01",
    ] {
        assert_eq!(refused(bytes).await, "missing", "{}", bytes.escape_ascii());
    }
    assert_eq!(read(b"").await.unwrap_err().as_str(), "missing");
}

#[tokio::test]
async fn a_line_that_is_not_to_the_letter_is_refused() {
    for line in [
        "PROXY tcp4 203.0.113.7 198.51.100.1 50000 443\r\n",
        "PROXY  TCP4 203.0.113.7 198.51.100.1 50000 443\r\n",
        "PROXY TCP4  203.0.113.7 198.51.100.1 50000 443\r\n",
        "PROXY TCP4 203.0.113.7 198.51.100.1 50000 443 \r\n",
        "PROXY TCP4 203.0.113.7 198.51.100.1 50000 443 1\r\n",
        "PROXY TCP4 203.0.113.7\t198.51.100.1 50000 443\r\n",
        "PROXY TCP4 203.0.113.7\r198.51.100.1 50000 443\r\n",
        "PROXY TCP4 203.0.113.7 198.51.100.1 50000 443\n",
        "PROXY TCP4 203.0.113.7 198.51.100.1 50000 443\rX",
        "PROXY TCP4 203.0.113.007 198.51.100.1 50000 443\r\n",
        "PROXY TCP4 203.0.113.7 198.51.100.01 50000 443\r\n",
        "PROXY TCP4 203.0.113 198.51.100.1 50000 443\r\n",
        "PROXY TCP4 203.0.113.7:1 198.51.100.1 50000 443\r\n",
        "PROXY TCP4 2001:db8::7 2001:db8::1 50000 443\r\n",
        "PROXY TCP4 203.0.113.7 2001:db8::1 50000 443\r\n",
        "PROXY TCP6 203.0.113.7 198.51.100.1 50000 443\r\n",
        "PROXY TCP6 [2001:db8::7] ::1 50000 443\r\n",
        "PROXY TCP6 fe80::7%eth0 ::1 50000 443\r\n",
        "PROXY TCP4 203.0.113.7 198.51.100.1 050000 443\r\n",
        "PROXY TCP4 203.0.113.7 198.51.100.1 50000 0443\r\n",
        "PROXY TCP4 203.0.113.7 198.51.100.1 00 443\r\n",
        "PROXY TCP4 203.0.113.7 198.51.100.1 +50000 443\r\n",
        "PROXY TCP4 203.0.113.7 198.51.100.1 -1 443\r\n",
        "PROXY TCP4 203.0.113.7 198.51.100.1 65536 443\r\n",
        "PROXY TCP4 203.0.113.7 198.51.100.1 50000 \r\n",
        "PROXY TCP4 203.0.113.7 198.51.100.1 50000\r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP5 203.0.113.7 198.51.100.1 50000 443\r\n",
        "PROXY UDP4 203.0.113.7 198.51.100.1 50000 443\r\n",
        "PROXY UNKNOWNER\r\n",
        "PROXY UNKNOWN\n",
        "PROXY \r\n",
    ] {
        assert_eq!(refused(line.as_bytes()).await, "malformed", "{line:?}");
    }
    assert_eq!(read(b"PROXY TCP4 203.0.113.7 198").await.unwrap_err().as_str(), "malformed");
}

#[tokio::test]
async fn a_block_that_is_not_to_the_letter_is_refused() {
    for header in [
        v2_inet(0x11, 0x11, &[]),
        v2_inet(0x31, 0x11, &[]),
        v2_inet(0x22, 0x11, &[]),
        v2_inet(0x2f, 0x11, &[]),
        v2_inet(0x21, 0x12, &[]),
        v2_inet(0x21, 0x22, &[0; 24]),
        v2_inet(0x21, 0x10, &[]),
        v2_inet(0x21, 0x01, &[]),
        v2_inet(0x21, 0x13, &[]),
        v2_inet(0x21, 0x41, &[]),
        v2_inet(0x21, 0x21, &[]),
        v2(0x21, 0x32, 216, &[b'/'; 216]),
        v2(0x21, 0x31, 12, &INET),
        v2(0x21, 0x11, 11, &INET[..11]),
        v2(0x21, 0x11, 0, &[]),
    ] {
        assert_eq!(refused(&header).await, "malformed", "{}", header.escape_ascii());
    }
    assert_eq!(read(&v2(0x21, 0x11, 13, &INET)).await.unwrap_err().as_str(), "malformed");
}

#[tokio::test]
async fn a_header_that_is_too_long_is_refused_before_its_end_is_there() {
    let long = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let line = format!("PROXY UNKNOWN {long} {long} 65535 655350\r\n");
    assert_eq!((line.len(), refused(line.as_bytes()).await), (108, "too_long"));
    assert_eq!(refused(&line.as_bytes()[..106]).await, "too_long");
    for length in [4097, 65535] {
        assert_eq!(refused(&v2(0x21, 0x11, length, &INET)).await, "too_long");
        assert_eq!(refused(&v2(0x20, 0x00, length, &[])).await, "too_long");
    }
}

#[tokio::test]
async fn a_source_that_no_host_has_is_refused() {
    for addr in ["0.0.0.0", "224.0.0.1", "255.255.255.255"] {
        assert_eq!(refused(format!("PROXY TCP4 {addr} 198.51.100.1 1 2\r\n").as_bytes()).await, "malformed");
    }
    for addr in ["::", "ff02::1", "::ffff:0.0.0.0", "::ffff:224.0.0.1", "::ffff:255.255.255.255"] {
        assert_eq!(refused(format!("PROXY TCP6 {addr} ::1 1 2\r\n").as_bytes()).await, "malformed");
    }
    assert_eq!(refused(&v2(0x21, 0x11, 12, &[0; 12])).await, "malformed");
}
