//! What becomes of headers that nobody has vouched for, before anything behind the layer can read them.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::format::Format;
use crate::resolution::Resolution;
use crate::resolver::Resolver;
use crate::rule::{Grammar, Rule};

/// Removes what was not believed, and the proofs that rules require; keeps in the resolution what was there.
pub(crate) fn clean(resolver: &Resolver, headers: &mut HeaderMap, resolution: &mut Resolution) {
    let applied = resolution.rule.and_then(|rule| resolver.rules().get(rule));
    if resolution.spoof.is_some() {
        let names: Vec<HeaderName> =
            resolver.unbelieved(applied, headers).map(|(name, _)| name.clone()).collect();
        for name in &names {
            // Where it is your proxy's after all, its value is a secret.
            if !resolver.rules().iter().filter_map(Rule::required).any(|required| required.header == name) {
                resolution.received.keep(name, headers);
            }
            headers.remove(name);
        }
    }
    if let Some(required) = applied.and_then(Rule::required) {
        headers.remove(required.header);
    }
}

/// Keeps the lines of the header that was read, which the request is about to lose.
pub(crate) fn keep(headers: &HeaderMap, resolution: &mut Resolution) {
    if let Some(header) = resolution.header() {
        resolution.received.keep(header, headers);
    }
}

/// Replaces the header that was read by the client alone.
pub(crate) fn rewrite(headers: &mut HeaderMap, resolution: &mut Resolution) {
    keep(headers, resolution);
    let Some((header, grammar)) = resolution.read else { return };
    let client = resolution.client_ip().map(|client| canonical(client.addr(), grammar));
    match client.and_then(|client| HeaderValue::try_from(client).ok()) {
        // All other lines go.
        Some(client) => drop(headers.insert(header, client)),
        None => drop(headers.remove(header)),
    }
}

fn canonical(client: IpAddr, grammar: Grammar) -> String {
    match (grammar, client) {
        (Grammar::Entries(Format::Address), client) => client.to_string(),
        // Its readers cut at the last colon; the port was the client's own affair.
        (Grammar::Entries(Format::AddressPort), client) => format!("{client}:0"),
        (Grammar::Forwarded, IpAddr::V4(client)) => format!("for={client}"),
        (Grammar::Forwarded, IpAddr::V6(client)) => format!("for=\"[{client}]\""),
    }
}
