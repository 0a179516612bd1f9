//! Rules that are more than a header: the PROXY protocol as the first link, proofs, presets, ranges replaced at run time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue};
use tollgate_client_ip::{Format, Outcome, Preset, Resolution, Resolver, Role, Rule, Strategy};
use tollgate_core::{Peer, Provenance, ProxySource};

fn tcp(text: &str) -> Peer {
    Peer::Tcp(SocketAddr::new(text.parse().unwrap(), 50_000))
}

fn proxied(source: &str, by: &str) -> Peer {
    let addr = |text: &str| SocketAddr::new(text.parse().unwrap(), 443);
    Peer::Proxied { source: ProxySource::Client(addr(source)), by: Some(addr(by)) }
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn told(resolution: &Resolution) -> String {
    match resolution.reason() {
        Some(reason) => reason.as_str().to_owned(),
        None => resolution.client_ip().unwrap().to_string(),
    }
}

/// An NLB in front of a CDN's edges, as a chain of two links.
fn two_links() -> Resolver {
    Resolver::new()
        .with_rule(Rule::proxy_protocol(["10.0.0.0/8"]).unwrap())
        .with_rule(Rule::new(["192.0.2.0/24"], "X-Real-IP", Strategy::Single).unwrap())
}

#[test]
fn whom_the_proxy_protocol_names_is_the_client_where_no_rule_follows() {
    let resolution = two_links().resolve(Some(proxied("203.0.113.7", "10.0.0.1")), &HeaderMap::new());
    assert_eq!((told(&resolution).as_str(), resolution.rule()), ("203.0.113.7", Some(0)));
    assert!(matches!(resolution.outcome(), Outcome::Client(_)));
    assert_eq!(resolution.client_ip().unwrap().provenance(), Provenance::ProxyProtocol);
}

#[test]
fn whom_the_proxy_protocol_names_is_the_peer_of_the_rules_behind() {
    let sent = headers(&[("x-real-ip", "203.0.113.7")]);
    let edge = two_links().resolve(Some(proxied("192.0.2.9", "10.0.0.1")), &sent);
    assert_eq!((told(&edge).as_str(), edge.rule()), ("203.0.113.7", Some(1)));
    // A client that came to the balancer directly is believed about nothing.
    let direct = two_links().resolve(Some(proxied("198.51.100.66", "10.0.0.1")), &sent);
    assert_eq!(told(&direct), "198.51.100.66");
    // A rule in front of the one of the PROXY protocol is for those who connect.
    let in_front = Resolver::new()
        .with_rule(Rule::new(["192.0.2.0/24"], "X-Real-IP", Strategy::Single).unwrap())
        .with_rule(Rule::proxy_protocol(["10.0.0.0/8"]).unwrap());
    assert_eq!(told(&in_front.resolve(Some(proxied("192.0.2.9", "10.0.0.1")), &sent)), "192.0.2.9");
    // Nor does naming an address of the balancer's own make a proxy of him.
    let inside = two_links().resolve(Some(proxied("10.0.0.7", "10.0.0.1")), &sent);
    assert_eq!((told(&inside).as_str(), inside.rule()), ("10.0.0.7", Some(0)));
}

#[test]
fn a_proxy_protocol_header_that_no_rule_believes_makes_nobody_of_the_client() {
    let sent = headers(&[("x-real-ip", "203.0.113.7")]);
    for by in ["203.0.113.7", "192.0.2.9"] {
        let resolution = two_links().resolve(Some(proxied("198.51.100.66", by)), &sent);
        assert_eq!(told(&resolution), "proxy_header_unexpected", "{by}");
    }
}

#[test]
fn a_proxys_own_connection_is_the_proxys_and_no_header_of_it_is_read() {
    let itself = Peer::Proxied { source: ProxySource::Itself, by: Some(([10, 0, 0, 1], 443).into()) };
    // The proxies are believed about a header, too.
    let resolver = two_links().with_rule(Rule::new(["10.0.0.0/8"], "X-Real-IP", Strategy::Single).unwrap());
    let local = resolver.resolve(Some(itself), &headers(&[("x-real-ip", "198.51.100.66")]));
    assert_eq!(told(&local), "10.0.0.1");
    assert!(matches!(local.outcome(), Outcome::DirectPeer(_)));
    assert!(local.spoof_suspected().is_some());
}

#[test]
fn a_client_that_the_proxy_does_not_name_is_not_the_proxy_and_names_nobody_by_a_header() {
    let unknown = Peer::Proxied { source: ProxySource::Unknown, by: Some(([10, 0, 0, 1], 443).into()) };
    let resolver = two_links().with_rule(Rule::new(["10.0.0.0/8"], "X-Real-IP", Strategy::Single).unwrap());
    let sent = headers(&[("x-real-ip", "198.51.100.66")]);
    assert_eq!(told(&resolver.resolve(Some(unknown), &sent)), "proxy_source_unknown");
    let unread = two_links().resolve(Some(tcp("10.0.0.1")), &HeaderMap::new());
    assert_eq!(told(&unread), "proxy_header_missing");
}

#[test]
fn an_address_that_no_host_has_is_nobody_whoever_names_it() {
    let everyone = Rule::new(["0.0.0.0/0", "::/0"], "X-Real-IP", Strategy::Single).unwrap();
    let resolver = two_links().with_rule(everyone);
    let sent = headers(&[("x-real-ip", "198.51.100.66")]);
    for named in ["0.0.0.0", "::", "::ffff:0.0.0.0", "224.0.0.1", "ff02::1", "255.255.255.255"] {
        for resolver in [&two_links(), &resolver] {
            let resolution = resolver.resolve(Some(proxied(named, "10.0.0.1")), &sent);
            assert_eq!(told(&resolution), "proxy_source_unknown", "{named}");
        }
    }
}

#[test]
fn the_proxy_protocol_is_believed_of_a_unix_socket_too() {
    let unix = Resolver::new().with_rule(Rule::proxy_protocol(["unix:"]).unwrap());
    let client = ProxySource::Client(([203, 0, 113, 7], 1).into());
    assert_eq!(
        told(&unix.resolve(Some(Peer::Proxied { source: client, by: None }), &HeaderMap::new())),
        "203.0.113.7"
    );
    let itself = Peer::Proxied { source: ProxySource::Itself, by: None };
    assert_eq!(told(&unix.resolve(Some(itself), &HeaderMap::new())), "unix_peer");
    assert!(unix.expects_proxy_header(Peer::Unix) && !unix.expects_proxy_header(tcp("10.0.0.1")));
}

#[test]
fn a_proxy_is_believed_only_with_the_proof_that_it_is_yours() {
    let rule = Rule::new(["192.0.2.0/24"], "X-Azure-SocketIP", Strategy::Single).unwrap();
    let resolver = Resolver::new().with_rule(rule.with_required_header("X-Azure-FDID", "mine").unwrap());
    let ask = |proof: &[&str]| {
        let mut sent = headers(&[("x-azure-socketip", "203.0.113.7")]);
        for value in proof {
            sent.append("x-azure-fdid", HeaderValue::from_str(value).unwrap());
        }
        told(&resolver.resolve(Some(tcp("192.0.2.1")), &sent))
    };
    assert_eq!(ask(&["mine"]), "203.0.113.7");
    for wrong in
        [&[][..], &["theirs"], &["min"], &["minee"], &[""], &["mine", "mine"], &["theirs", "mine"], &["MINE"]]
    {
        assert_eq!(ask(wrong), "required_header", "{wrong:?}");
    }
}

#[test]
fn a_rule_that_never_applies_is_warned_of() {
    let rule = |peers: &[&str], strategy| Rule::new(peers, "X-Forwarded-For", strategy).unwrap();
    let shadowed = Resolver::new()
        .with_rule(rule(&["10.0.0.0/8", "unix:"], Strategy::Ranges))
        .with_rule(rule(&["10.0.0.5"], Strategy::Peer))
        .with_rule(rule(&["10.0.0.5", "192.0.2.1"], Strategy::Ranges))
        .with_rule(rule(&["10.0.0.0/8"], Strategy::ProxyProtocol));
    let told: Vec<_> = shadowed.warnings().into_iter().map(|(i, warning)| format!("{i} {warning}")).collect();
    assert_eq!(
        told,
        [
            "1 never applies, for rule 0 takes all of its peers; put it in front",
            "3 never applies, for rule 0 takes all of its peers; put it in front"
        ]
    );
    let of_the_proxy_protocol = Resolver::new()
        .with_rule(rule(&["10.0.0.0/8"], Strategy::ProxyProtocol))
        .with_rule(rule(&["10.0.0.0/8"], Strategy::Ranges));
    assert_eq!(of_the_proxy_protocol.warnings(), []);
}

#[test]
fn azure_front_door_and_cloudfront_are_read_as_they_write() {
    let azure = Preset::AzureFrontDoor.rule_proved_by("A1B2-C3").unwrap();
    let cloudfront = Preset::CloudFront.rule_for(["192.0.2.0/24"]).unwrap();
    let resolver = Resolver::new().with_rule(azure).with_rule(cloudfront);
    let sent = headers(&[("x-azure-socketip", "203.0.113.7"), ("x-azure-fdid", "a1b2-c3")]);
    assert_eq!(told(&resolver.resolve(Some(tcp("4.153.250.1")), &sent)), "203.0.113.7");
    for port in ["4653", "46532"] {
        let sent = headers(&[("cloudfront-viewer-address", &format!("2001:db8:aaaa::7:{port}"))]);
        assert_eq!(told(&resolver.resolve(Some(tcp("192.0.2.1")), &sent)), "2001:db8:aaaa::7");
    }
}

#[test]
fn a_list_of_addresses_with_ports_may_have_bare_ipv6() {
    let rule = Rule::new(["10.0.0.0/8"], "X-Viewers", Strategy::Ranges).unwrap();
    let resolver = Resolver::new().with_rule(rule.with_format(Format::AddressPort).unwrap());
    let ask = |value| told(&resolver.resolve(Some(tcp("10.0.0.1")), &headers(&[("x-viewers", value)])));
    assert_eq!(ask("2001:db8::7:80, 10.0.0.9:80"), "2001:db8::7");
    assert_eq!(ask("203.0.113.7, 10.0.0.9:80"), "malformed_entry");
}

#[test]
fn ranges_replaced_at_run_time_hold_for_peers_and_for_the_proxies_further_left() {
    let rule = Rule::new(["192.0.2.0/24"], "X-Forwarded-For", Strategy::Ranges).unwrap();
    let edges = rule.peers().clone();
    let resolver = Resolver::new().with_rule(rule);
    let sent = headers(&[("x-forwarded-for", "203.0.113.7, 198.51.100.9")]);
    let ask = |peer| told(&resolver.resolve(Some(tcp(peer)), &sent));
    assert_eq!((ask("192.0.2.1").as_str(), ask("198.51.100.1").as_str()), ("198.51.100.9", "198.51.100.1"));
    edges.replace(["192.0.2.0/24", "198.51.100.0/24"], SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!((ask("192.0.2.1").as_str(), ask("198.51.100.1").as_str()), ("203.0.113.7", "203.0.113.7"));
    edges.replace(["0.0.0.0/1"], SystemTime::UNIX_EPOCH).unwrap_err();
    assert_eq!(ask("198.51.100.1"), "203.0.113.7");
}

#[test]
fn ranges_are_replaced_while_requests_are_answered() {
    let rule = Rule::new(["192.0.2.0/24"], "X-Forwarded-For", Strategy::Ranges).unwrap();
    let edges = rule.peers().clone();
    let resolver = Resolver::new().with_rule(rule);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let sent = headers(&[("x-forwarded-for", "203.0.113.7, 198.51.100.9")]);
                for _ in 0..20_000 {
                    let answer = told(&resolver.resolve(Some(tcp("192.0.2.1")), &sent));
                    assert!(["203.0.113.7", "198.51.100.9"].contains(&answer.as_str()), "{answer}");
                }
            });
        }
        for n in 0..2_000 {
            let lists: [&[&str]; 2] = [&["192.0.2.0/24"], &["192.0.2.0/24", "198.51.100.0/24"]];
            edges.replace(lists[n % 2], SystemTime::UNIX_EPOCH).unwrap();
        }
    });
}

#[test]
fn the_chain_says_what_each_entry_was_taken_for() {
    let rule = Rule::new(["10.0.0.0/8"], "X-Forwarded-For", Strategy::Ranges).unwrap();
    let resolver = Resolver::new().with_rule(rule);
    let roles = |value: &str| {
        let sent = headers(&[("x-forwarded-for", value)]);
        let resolution = resolver.resolve(Some(tcp("10.0.0.1")), &sent);
        resolution.chain(&sent).into_iter().map(|hop| (hop.text, hop.role)).collect::<Vec<_>>()
    };
    let hop = |text: &str, role| (text.to_owned(), role);
    assert_eq!(
        roles("198.51.100.66, 203.0.113.7, 10.0.0.9"),
        [
            hop("10.0.0.9", Role::Trusted),
            hop("203.0.113.7", Role::Client),
            hop("198.51.100.66", Role::Unverified)
        ]
    );
    assert_eq!(
        roles("203.0.113.7, ?, 10.0.0.9"),
        [hop("10.0.0.9", Role::Trusted), hop("?", Role::Refused), hop("203.0.113.7", Role::Unverified)]
    );
    assert_eq!(roles("10.0.0.8, 10.0.0.9").iter().filter(|(_, role)| *role == Role::Trusted).count(), 2);
}

#[test]
fn a_header_of_one_address_is_one_entry_commas_and_all() {
    let rule = Rule::new(["10.0.0.0/8"], "X-Real-IP", Strategy::Single).unwrap();
    let sent = headers(&[("x-real-ip", "203.0.113.7, 10.0.0.9")]);
    let resolution = Resolver::new().with_rule(rule).resolve(Some(tcp("10.0.0.1")), &sent);
    let chain = resolution.chain(&sent);
    assert_eq!(
        (chain.len(), chain[0].text.as_str(), chain[0].role),
        (1, "203.0.113.7, 10.0.0.9", Role::Refused)
    );
}

#[test]
fn an_explanation_is_text_that_no_header_can_break_and_json() {
    let rule = Rule::new(["10.0.0.0/8"], "X-Forwarded-For", Strategy::Ranges).unwrap();
    let mut sent = HeaderMap::new();
    sent.append(
        "x-forwarded-for",
        HeaderValue::from_bytes(b"\x1b\x9b\xffx\t<script>, 203.0.113.7")
            .unwrap_or_else(|_| HeaderValue::from_bytes(b"\x9b\xffx\t<script>, 203.0.113.7").unwrap()),
    );
    let resolution = Resolver::new().with_rule(rule).resolve(Some(tcp("10.0.0.1")), &sent);
    let text = resolution.explain(&sent).to_string();
    assert!(text.is_ascii() && text.contains("\\x9b\\xffx\\t<script>"), "{text}");
    assert!(text.starts_with("client    203.0.113.7 (client)\n"), "{text}");
    #[cfg(feature = "serde")]
    {
        let json = serde_json::to_value(resolution.explain(&sent)).unwrap();
        assert_eq!(json["client_ip"], "203.0.113.7");
        assert_eq!(json["chain"][1]["role"], "unverified");
    }
}
