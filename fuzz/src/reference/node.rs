//! One address, as entries and nodes hold it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Answer, Refusal, text};

/// A header of one address: `v4`, `v4:port`, `v6`, `[v6]`, `[v6]:port`, each also in quotes.
pub fn single(lines: &[impl AsRef<[u8]>]) -> Answer {
    one(lines, entry)
}

/// A header of one address and port: `v4:port`, `v6:port`, `[v6]:port`.
pub fn single_with_port(lines: &[impl AsRef<[u8]>]) -> Answer {
    one(lines, |text| {
        let addr = before_port(text, is_port)
            .and_then(|host| v4(host).or_else(|| v6(host)).or_else(|| bracketed(host)));
        usable(addr.ok_or_else(|| nobody(text))?)
    })
}

fn one(lines: &[impl AsRef<[u8]>], read: impl Fn(&str) -> Result<IpAddr, &'static str>) -> Answer {
    match lines {
        [] => Err(Refusal::of_list("header_missing")),
        // An empty value is an address that the proxy does not know.
        [line] if trim(&text(line.as_ref())).is_empty() => Err(Refusal::of_list("header_missing")),
        [line] => read(trim(&text(line.as_ref()))).map_err(|code| Refusal { code, index: Some(0) }),
        _ => Err(Refusal::of_list("repeated_header")),
    }
}

/// RFC 9110 §5.6.3: space and tab, and nothing else.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// An entry of `X-Forwarded-For`; the error is the reason's name.
pub(super) fn entry(text: &str) -> Result<IpAddr, &'static str> {
    let text = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    let addr = v4(text).or_else(|| v6(text)).or_else(|| bracketed(text)).or_else(|| {
        let host = before_port(text, is_port)?;
        v4(host).or_else(|| bracketed(host))
    });
    usable(addr.ok_or_else(|| nobody(text))?)
}

/// A node of `Forwarded`, out of its quotes (RFC 7239 §6); the error is the reason's name.
pub(super) fn node(text: &str) -> Result<IpAddr, &'static str> {
    let host = before_port(text, |port| is_port(port) || is_obfuscated(port));
    let addr = v4(text)
        .or_else(|| bracketed(text))
        .or_else(|| host.and_then(|host| v4(host).or_else(|| bracketed(host))));
    usable(addr.ok_or_else(|| nobody(text))?)
}

fn v4(text: &str) -> Option<IpAddr> {
    text.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
}

/// With or without a zone, which goes.
fn v6(text: &str) -> Option<IpAddr> {
    let addr = match text.split_once('%') {
        Some((addr, zone)) if is_name(zone, "-._~") => addr,
        Some(_) => return None,
        None => text,
    };
    addr.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

fn bracketed(text: &str) -> Option<IpAddr> {
    v6(text.strip_prefix('[')?.strip_suffix(']')?)
}

fn before_port(text: &str, is_port: impl Fn(&str) -> bool) -> Option<&str> {
    text.rsplit_once(':').filter(|(_, port)| is_port(port)).map(|(host, _)| host)
}

/// At most five digits (RFC 7239 §6), and at most 65535.
fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_digit())
        && text.parse::<u32>().is_ok_and(|port| port <= 65_535)
}

/// RFC 7239 §6.3.
fn is_obfuscated(text: &str) -> bool {
    text.strip_prefix('_').is_some_and(|name| is_name(name, "-._"))
}

fn is_name(text: &str, marks: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c))
}

/// Why a text that is no address is none.
fn nobody(text: &str) -> &'static str {
    let is_hidden = |host: &str| host.eq_ignore_ascii_case("unknown") || is_obfuscated(host);
    let host = before_port(text, |port| is_port(port) || is_obfuscated(port));
    if is_hidden(text) || host.is_some_and(is_hidden) { "obfuscated" } else { "malformed_entry" }
}

fn usable(addr: IpAddr) -> Result<IpAddr, &'static str> {
    match addr.to_canonical() {
        addr if addr.is_unspecified() => Err("unspecified"),
        addr if addr.is_multicast() || addr == IpAddr::V4(Ipv4Addr::BROADCAST) => Err("malformed_entry"),
        addr => Ok(addr),
    }
}
