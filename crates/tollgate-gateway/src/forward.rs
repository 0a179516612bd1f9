//! What a reverse proxy does to a request on its way.

use http::header::{CONNECTION, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Version};
use tollgate::core::{Refusal, RefusalKind, refusal};

use crate::auth::Secrets;
use crate::upstream::Bases;

/// Headers that hold for one connection only (RFC 9110 §7.6.1).
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers that tell of the network on this side: 8x8 is told the client IP in the body.
const OURS: [&str; 17] = [
    "cf-connecting-ip",
    "fastly-client-ip",
    "forwarded",
    "true-client-ip",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-path",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-uri",
    "x-original-forwarded-for",
    "x-original-uri",
    "x-real-ip",
];

/// Turns a request to the gateway into one to 8x8. Its `Host` becomes the upstream's.
pub(crate) fn outbound(parts: &mut Parts, bases: &Bases, secrets: &Secrets) -> Result<(), Refusal> {
    parts.uri = bases.uri(parts.uri.clone()).ok_or_else(|| {
        Refusal::new(RefusalKind::UnknownEndpoint, "this path cannot be sent on: check its spelling")
    })?;
    parts.version = Version::HTTP_11;
    hop_by_hop(&mut parts.headers);
    parts.headers.remove(HOST);
    for name in OURS {
        parts.headers.remove(name);
    }
    secrets.show(&mut parts.headers);
    Ok(())
}

/// Makes 8x8's answer one of the gateway's: what only the gateway says, 8x8 cannot.
pub(crate) fn inbound(headers: &mut HeaderMap) {
    hop_by_hop(headers);
    headers.remove(refusal::HEADER);
}

fn hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_for_one_connection_stays_behind_and_the_rest_goes_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Private"),
            ("x-private", "1"),
            ("te", "trailers"),
            ("authorization", "Bearer x"),
            ("x-request-id", "7"),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        hop_by_hop(&mut headers);
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "x-request-id"]);
    }
}
