//! What becomes of headers that nobody has vouched for, before anything behind the layer can read them.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::format::Format;
use crate::managed::is_alias;
use crate::resolution::Resolution;
use crate::resolver::{Resolver, is_believed};
use crate::rule::Rule;
use crate::source::Grammar;

/// Removes what was not believed, and the proofs that rules require; keeps in the resolution what was there.
///
/// `other` is the layer's own resolver where a listener's was used in its place: what is behind the layer knows the
/// headers of both.
pub(crate) fn clean(
    used: &Resolver,
    other: Option<&Resolver>,
    headers: &mut HeaderMap,
    resolution: &mut Resolution,
) {
    let applied = resolution.rule.and_then(|rule| used.rules().get(rule));
    let proof = applied.and_then(Rule::required);
    let applied = applied.filter(|_| is_believed(&resolution.outcome));
    let of_the_other = other.and_then(|other| other.unbelieved(applied, headers).next());
    resolution.spoof = resolution.spoof.or(of_the_other.map(|(_, spoof)| spoof));
    if resolution.spoof.is_some() {
        let both = || [Some(used), other].into_iter().flatten();
        let mut names: Vec<HeaderName> = Vec::new();
        for (name, _) in both().flat_map(|resolver| resolver.unbelieved(applied, headers)) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        for name in &names {
            // Where it is your proxy's after all, its value is a secret.
            let mut proofs = both().flat_map(Resolver::rules).filter_map(Rule::required);
            if !proofs.any(|required| is_alias(name, required.header)) {
                resolution.received.keep(name, headers);
            }
            headers.remove(name);
        }
    }
    if let Some(required) = proof {
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
        (Grammar::One(Format::Address) | Grammar::Entries(Format::Address), client) => client.to_string(),
        // Its readers cut at the last colon; the port was the client's own affair.
        (Grammar::One(Format::AddressPort) | Grammar::Entries(Format::AddressPort), client) => {
            format!("{client}:0")
        }
        (Grammar::Forwarded, IpAddr::V4(client)) => format!("for={client}"),
        (Grammar::Forwarded, IpAddr::V6(client)) => format!("for=\"[{client}]\""),
    }
}
