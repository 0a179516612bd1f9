use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Method, Uri};
use tollgate_core::{Refusal, RefusalKind};

use crate::endpoint::{Meaning, meaning};
use crate::hosts::{Hosts, Suite, is_8x8s};
use crate::{Endpoint, path};

/// What a request is to Tollgate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// Its body is read: a dispatch, or SMA coverage.
    Body(Endpoint),
    /// Reads a verification session, or checks a code: what an attacker repeats to guess a code.
    Check,
    /// Known to send nothing.
    Quiet,
    /// Messaging Apps: no SMS, no `clientIp`.
    MessagingApps,
    /// Not 8x8's host.
    Foreign,
}

/// Headers by which some servers may be asked to take the method or the path for another. Some read `_` as `-`.
const OVERRIDES: [&str; 6] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-method",
    "x-original-url",
    "x-rewrite-url",
];

impl Hosts {
    /// What an outgoing request is, by method, authority and path.
    ///
    /// The authority is the URI's, or, for a URI without one, that of the `Host` header.
    ///
    /// # Errors
    ///
    /// A refusal where two readers could read two requests, or nothing is known of it: `HostMismatch`,
    /// `MethodOverride`, `DoubtfulPath`, `UnknownEndpoint`.
    pub fn classify(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Class, Refusal> {
        let host = match (host_header(headers), uri.authority()) {
            // Where it goes is nobody's we know, whatever its Host header is.
            (Err(_), Some(authority))
                if self.of(authority, uri).is_none() && !names_one_of(self, headers) =>
            {
                return Ok(Class::Foreign);
            }
            (host, _) => host?,
        };
        let authority = match (uri.authority(), &host) {
            (Some(authority), Some(host)) if !same(authority, host, uri) => {
                // Only where one of them is 8x8's is it ours to refuse.
                return match (self.of(authority, uri), self.of(host, uri)) {
                    (None, None) => Ok(Class::Foreign),
                    _ => Err(mismatch(authority, host)),
                };
            }
            (Some(authority), _) => authority,
            (None, Some(host)) => host,
            (None, None) => {
                return Err(Refusal::new(
                    RefusalKind::UnknownEndpoint,
                    "the request names no host: give the URI an authority, such as https://sms.8x8.com/…",
                ));
            }
        };
        match self.of(authority, uri) {
            None if is_8x8s(authority.host())
                && matches!(meaning(Suite::Sms, method, uri.path()), Some(Meaning::Body(_))) =>
            {
                Err(Refusal::new(
                    RefusalKind::UnknownEndpoint,
                    format!(
                        "{} is no host of 8x8's that is known: say that it is one (Hosts::with_host)",
                        authority.host()
                    ),
                ))
            }
            None => Ok(Class::Foreign),
            Some(suite) => classify_path(suite, method, uri.path(), headers),
        }
    }

    /// What a request to a gateway is, whatever host it names: by method and path alone.
    ///
    /// # Errors
    ///
    /// As [`Hosts::classify`].
    pub fn classify_served(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Class, Refusal> {
        if let (Some(authority), Some(host)) = (uri.authority(), host_header(headers)?)
            && !same(authority, &host, uri)
        {
            return Err(mismatch(authority, &host));
        }
        classify_path(Suite::Sms, method, uri.path(), headers)
    }

    fn of(&self, authority: &Authority, uri: &Uri) -> Option<Suite> {
        self.suite(authority.host(), port(authority, uri))
    }
}

fn classify_path(suite: Suite, method: &Method, path: &str, headers: &HeaderMap) -> Result<Class, Refusal> {
    if let Some(name) = headers.keys().find(|name| is_override(name.as_str())) {
        let detail = format!("the header {name} could change the method or the path: send those themselves");
        return Err(Refusal::new(RefusalKind::MethodOverride, detail));
    }
    if let Some(doubt) = path::doubt(path) {
        let detail = format!("the path holds {doubt}: send it in its normal form (RFC 3986 §6.2.2)");
        return Err(Refusal::new(RefusalKind::DoubtfulPath, detail));
    }
    match meaning(suite, method, path) {
        Some(Meaning::Body(endpoint)) => Ok(Class::Body(endpoint)),
        Some(Meaning::Check) => Ok(Class::Check),
        Some(Meaning::Quiet) => Ok(Class::Quiet),
        Some(Meaning::MessagingApps) => Ok(Class::MessagingApps),
        None => Err(Refusal::new(
            RefusalKind::UnknownEndpoint,
            format!(
                "{method} on this path is no 8x8 call that is known to be a dispatch or to send nothing; \
                 check the spelling, without a slash at the end"
            ),
        )),
    }
}

fn is_override(name: &str) -> bool {
    let same = |a: u8, b: u8| a == b || a == b'_' && b == b'-';
    OVERRIDES
        .iter()
        .any(|known| known.len() == name.len() && name.bytes().zip(known.bytes()).all(|(a, b)| same(a, b)))
}

/// Whether any of the `Host` lines, readable or not, names a host that is ours to look at.
fn names_one_of(hosts: &Hosts, headers: &HeaderMap) -> bool {
    headers.get_all(HOST).iter().any(|line| {
        let host = Authority::try_from(line.as_bytes());
        host.map_or(true, |host| hosts.suite(host.host(), host.port_u16()).is_some())
    })
}

/// The one `Host` header, if there is one.
fn host_header(headers: &HeaderMap) -> Result<Option<Authority>, Refusal> {
    let mut lines = headers.get_all(HOST).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    let parsed = Authority::try_from(line.as_bytes()).ok().filter(|host| !host.as_str().contains('@'));
    match (parsed, lines.next()) {
        (Some(host), None) => Ok(Some(host)),
        (_, Some(_)) => {
            Err(Refusal::new(RefusalKind::HostMismatch, "the Host header is given more than once"))
        }
        (None, None) => Err(Refusal::new(RefusalKind::HostMismatch, "the Host header is not a host")),
    }
}

fn same(authority: &Authority, host: &Authority, uri: &Uri) -> bool {
    authority.host().eq_ignore_ascii_case(host.host()) && port(authority, uri) == port(host, uri)
}

fn port(authority: &Authority, uri: &Uri) -> Option<u16> {
    authority.port_u16().or_else(|| match uri.scheme_str() {
        Some("https") => Some(443),
        Some("http") => Some(80),
        _ => None,
    })
}

fn mismatch(authority: &Authority, host: &Authority) -> Refusal {
    Refusal::new(
        RefusalKind::HostMismatch,
        format!("the Host header says {host}, the URI {}: send the same in both", authority.host()),
    )
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
