//! A request's header lines out of a fuzzer's bytes.

use http::{HeaderMap, HeaderValue};

/// What the attacker sent, and what the trusted proxies made of it or wrote beside it.
///
/// Lines end with a line feed, and a form feed separates the attacker's lines from the proxies'. No header line can
/// hold either byte, so nothing is out of reach, and the seeds can be read and edited.
pub(crate) struct Input<'a> {
    /// None of them where there is no form feed.
    pub(crate) attacker: Vec<&'a [u8]>,
    pub(crate) proxies: Vec<&'a [u8]>,
}

impl<'a> Input<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        match data.iter().position(|&b| b == b'\x0c') {
            Some(at) => Self { attacker: lines(&data[..at]), proxies: lines(&data[at + 1..]) },
            None => Self { attacker: Vec::new(), proxies: lines(data) },
        }
    }
}

/// The lines that can be header lines. A server refuses a request with any other.
pub(crate) fn lines(data: &[u8]) -> Vec<&[u8]> {
    let data = data.strip_suffix(b"\n").unwrap_or(data);
    data.split(|&b| b == b'\n').filter(|line| HeaderValue::from_bytes(line).is_ok()).collect()
}

/// The request's headers.
pub(crate) fn headers(name: &'static str, lines: &[impl AsRef<[u8]>]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        if let Ok(value) = HeaderValue::from_bytes(line.as_ref()) {
            headers.append(name, value);
        }
    }
    headers
}

/// All lines as one, as a proxy on the way may write them (RFC 9110 §5.3).
pub(crate) fn joined(lines: &[&[u8]]) -> Vec<u8> {
    lines.join(&b", "[..])
}

/// The attacker's bytes to the left in the proxies' first line, which is what appending makes of them.
pub(crate) fn appended(attacker: &[u8], proxies: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = proxies.iter().map(|line| line.to_vec()).collect();
    if let Some(first) = lines.first_mut() {
        first.splice(0..0, [attacker, b", "].concat());
    }
    lines
}
