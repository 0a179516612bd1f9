//! The header on the wire: how far it reaches, and whose connection it names.
//!
//! The library parses a whole header; this file finds its end, and refuses what the library lets through: in version 1
//! any byte behind `PROXY`, `+1` and `0443` as ports, `UNKNOWNER`, lines of any length; in version 2 datagrams and
//! broken TLVs.

use bytes::{BufMut, Bytes, BytesMut};
use proxy_header::{ParseConfig, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt};
use tollgate_core::ProxySource;

use super::ProxyHeaderError;
use crate::addr::Addr;

const V1_SIGNATURE: &[u8] = b"PROXY ";
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The longest line of version 1, with its CRLF (§2.1).
const V1_LIMIT: usize = 107;

/// Version 2 up to its length field.
const V2_FIXED: usize = 16;

/// The length field could say 65535, but proxies write some addresses and TLVs: a certificate's names at most.
const V2_LIMIT: usize = V2_FIXED + 4096;

/// How far a header reaches, as far as its first bytes tell.
#[derive(Debug, PartialEq, Eq)]
enum Extent {
    Complete(usize),
    /// Not there yet, and no longer than this.
    AtMost(usize),
}

/// The source that the header names, and what was read behind the header.
///
/// It takes no more memory than the longest header, and reads no further than the header may reach.
pub(super) async fn read(
    io: &mut (impl AsyncRead + Unpin),
) -> Result<(ProxySource, Bytes), ProxyHeaderError> {
    let mut bytes = BytesMut::with_capacity(V1_LIMIT);
    let length = loop {
        match extent(&bytes)? {
            Extent::Complete(length) => break length,
            Extent::AtMost(limit) => {
                let room = limit.saturating_sub(bytes.len());
                if io.read_buf(&mut (&mut bytes).limit(room)).await? == 0 {
                    return Err(if bytes.is_empty() {
                        ProxyHeaderError::Missing
                    } else {
                        malformed("is cut off by the end of the connection")
                    });
                }
            }
        }
    };
    let behind = bytes.split_off(length);
    let source = source(&bytes)?;
    // An empty part would keep the header's memory for as long as the connection lives.
    Ok((source, if behind.is_empty() { Bytes::new() } else { behind.freeze() }))
}

/// Refuses at the first byte that no header has, without waiting for the rest.
fn extent(bytes: &[u8]) -> Result<Extent, ProxyHeaderError> {
    match (starts(bytes, V1_SIGNATURE), starts(bytes, V2_SIGNATURE)) {
        (true, true) => Ok(Extent::AtMost(V2_FIXED)),
        (true, false) => v1_extent(bytes),
        (false, true) => v2_extent(bytes),
        (false, false) => Err(ProxyHeaderError::Missing),
    }
}

/// Whether they agree as far as both reach.
fn starts(bytes: &[u8], signature: &[u8]) -> bool {
    bytes.iter().zip(signature).all(|(byte, expected)| byte == expected)
}

fn v1_extent(bytes: &[u8]) -> Result<Extent, ProxyHeaderError> {
    let end = bytes.iter().position(|byte| b"\r\n".contains(byte)).unwrap_or(bytes.len());
    match bytes.get(end..) {
        // Both ends of the line have to fit in.
        _ if end + 2 > V1_LIMIT => Err(ProxyHeaderError::TooLong { limit: V1_LIMIT }),
        Some([] | [b'\r']) => Ok(Extent::AtMost(V1_LIMIT)),
        Some([b'\r', b'\n', ..]) => Ok(Extent::Complete(end + 2)),
        _ => Err(malformed("is not one line that ends with CRLF")),
    }
}

fn v2_extent(bytes: &[u8]) -> Result<Extent, ProxyHeaderError> {
    let Some(&[high, low]) = bytes.get(V2_FIXED - 2..V2_FIXED) else {
        return Ok(Extent::AtMost(V2_FIXED));
    };
    let length = V2_FIXED + usize::from(u16::from_be_bytes([high, low]));
    match bytes.len() {
        _ if length > V2_LIMIT => Err(ProxyHeaderError::TooLong { limit: V2_LIMIT }),
        there if there < length => Ok(Extent::AtMost(length)),
        _ => Ok(Extent::Complete(length)),
    }
}

/// Of a whole header: whose connection it is.
fn source(header: &[u8]) -> Result<ProxySource, ProxyHeaderError> {
    let named = if header.starts_with(V2_SIGNATURE) { v2_source(header) } else { v1_source(header) }?;
    match named {
        ProxySource::Client(source) if Addr::from(source.ip()).of_a_host().is_err() => {
            Err(malformed("names a source that no host has (unspecified, multicast or broadcast)"))
        }
        usable => Ok(usable),
    }
}

fn v1_source(header: &[u8]) -> Result<ProxySource, ProxyHeaderError> {
    let line = header.strip_suffix(b"\r\n").unwrap_or(header);
    let fields: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    match fields.as_slice() {
        // Whatever is behind it has to be ignored (§2.1).
        [_, b"UNKNOWN", ..] => Ok(ProxySource::Unknown),
        [_, b"TCP4" | b"TCP6", _, _, from, to] if is_port(from) && is_port(to) => parse(header),
        [_, b"TCP4" | b"TCP6", _, _, _, _] => {
            Err(malformed("has a port that is not a plain decimal number from 0 to 65535"))
        }
        [_, b"TCP4" | b"TCP6", ..] => {
            Err(malformed("does not have two addresses and two ports, with one space before each"))
        }
        _ => Err(malformed("is of a protocol other than TCP4, TCP6 and UNKNOWN")),
    }
}

/// Digits without a leading zero; the library looks at their value.
fn is_port(text: &[u8]) -> bool {
    matches!(text, b"0" | [b'1'..=b'9', ..]) && text.iter().all(u8::is_ascii_digit)
}

fn v2_source(header: &[u8]) -> Result<ProxySource, ProxyHeaderError> {
    match header.get(V2_SIGNATURE.len()..V2_FIXED - 2) {
        // LOCAL: the proxy's own connection. Family and addresses are there in some headers, and mean nothing (§2.2).
        Some([0x20, _]) => Ok(ProxySource::Itself),
        // AF_UNSPEC: the length of the addresses is not known, so nothing behind them can be read.
        Some([0x21, 0x00]) => Ok(ProxySource::Unknown),
        Some([0x21, 0x11 | 0x21 | 0x31]) => parse(header),
        Some([0x21, 0x12 | 0x22 | 0x32]) => Err(malformed("speaks of datagrams, and this is a stream")),
        Some([0x21, _]) => Err(malformed("has an unknown address family or transport")),
        Some([0x20..=0x2f, _]) => Err(malformed("has an unknown command")),
        _ => Err(malformed("is of an unknown version")),
    }
}

fn parse(header: &[u8]) -> Result<ProxySource, ProxyHeaderError> {
    let config = ParseConfig { include_tlvs: true, ..ParseConfig::default() };
    match ProxyHeader::parse(header, config) {
        Ok((parsed, length)) if length == header.len() && parsed.tlvs().all(|tlv| tlv.is_ok()) => {
            let addresses = parsed.proxied_address();
            Ok(addresses.map_or(ProxySource::Unknown, |addresses| ProxySource::Client(addresses.source)))
        }
        Ok(_) => Err(malformed("has TLVs that do not add up to its length, or are not of their type's form")),
        Err(_) => Err(malformed("has an address or a port that cannot be read")),
    }
}

fn malformed(what: &'static str) -> ProxyHeaderError {
    ProxyHeaderError::Malformed { what }
}
