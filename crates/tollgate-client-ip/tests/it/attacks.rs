//! The attacks of the field guide, one test each, against lists and single addresses; `forwarded.rs` has those against
//! `Forwarded`.
//!
//! The peer 10.0.0.1 and the ranges 10.0.0.0/8 and 2001:db8:5::/48 are trusted; 198.51.100.66 is what the attacker
//! would like to be taken for, 203.0.113.7 is who he is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use http::{HeaderMap, HeaderValue};
use tollgate_client_ip::{Outcome, Reason, Resolution, Resolver, Rule, Spoof, Strategy};
use tollgate_core::{Peer, Provenance};

const RANGES: [&str; 2] = ["10.0.0.0/8", "2001:db8:5::/48"];
const CLIENT: &str = "203.0.113.7";

fn peer(addr: &str) -> Option<Peer> {
    Some(Peer::Tcp((addr.parse::<std::net::IpAddr>().unwrap(), 50_000).into()))
}

fn resolver(header: &str, strategy: Strategy) -> Resolver {
    Resolver::new().with_rule(Rule::new(RANGES, header, strategy).unwrap())
}

fn headers(lines: &[(&'static str, &[u8])]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, line) in lines {
        headers.append(*name, HeaderValue::from_bytes(line).unwrap());
    }
    headers
}

fn xff(lines: &[&[u8]]) -> HeaderMap {
    headers(&lines.iter().map(|line| ("x-forwarded-for", *line)).collect::<Vec<_>>())
}

fn ranges(lines: &[&[u8]]) -> Resolution {
    resolver("X-Forwarded-For", Strategy::Ranges).resolve(peer("10.0.0.1"), &xff(lines))
}

fn count(n: u8, lines: &[&[u8]]) -> Resolution {
    resolver("X-Forwarded-For", Strategy::Count(n)).resolve(peer("10.0.0.1"), &xff(lines))
}

fn single(lines: &[&[u8]]) -> Resolution {
    let lines: Vec<_> = lines.iter().map(|line| ("x-real-ip", *line)).collect();
    resolver("X-Real-IP", Strategy::Single).resolve(peer("10.0.0.1"), &headers(&lines))
}

/// The address, or the reason's code.
fn answer(resolution: &Resolution) -> String {
    match resolution.outcome() {
        Outcome::Client(client) | Outcome::DirectPeer(client) => client.to_string(),
        Outcome::Undetermined(reason) => reason.as_str().to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn a01_a_byte_that_is_not_ascii_left_of_the_client_changes_nothing() {
    assert_eq!(answer(&ranges(&[b"\xff198.51.100.66\xff, 203.0.113.7"])), CLIENT);
    assert_eq!(answer(&count(1, &[b"\xff, 203.0.113.7"])), CLIENT);
}

#[test]
fn a02_the_line_a_proxy_added_wins_over_the_attackers_line_before_it() {
    assert_eq!(answer(&ranges(&[b"198.51.100.66", b"203.0.113.7"])), CLIENT);
    assert_eq!(answer(&count(1, &[b"198.51.100.66", b"203.0.113.7"])), CLIENT);
}

#[test]
fn a03_a_header_the_rule_does_not_read_changes_nothing() {
    let others: &[(&'static str, &[u8])] = &[
        ("forwarded", b"for=198.51.100.66"),
        ("x-real-ip", b"198.51.100.66"),
        ("x-forwarded-for", b"203.0.113.7"),
        ("true-client-ip", b"198.51.100.66"),
    ];
    let resolver = resolver("X-Forwarded-For", Strategy::Ranges);
    assert_eq!(answer(&resolver.resolve(peer("10.0.0.1"), &headers(others))), CLIENT);
    // Nor does one stand in for the header that is missing.
    let without = headers(&[others[0], others[1], others[3]]);
    assert_eq!(answer(&resolver.resolve(peer("10.0.0.1"), &without)), "header_missing");
}

#[test]
fn a04_a_header_from_an_untrusted_peer_changes_nothing_and_is_noticed() {
    for strategy in [Strategy::Ranges, Strategy::Count(1)] {
        let resolution =
            resolver("X-Forwarded-For", strategy).resolve(peer(CLIENT), &xff(&[b"198.51.100.66"]));
        assert_eq!(answer(&resolution), CLIENT);
        assert!(matches!(resolution.outcome(), Outcome::DirectPeer(_)));
        assert_eq!(resolution.spoof_suspected(), Some(Spoof::UntrustedPeer));
        assert_eq!(resolution.rule(), None);
    }
    let forged = headers(&[("x-real-ip", b"198.51.100.66")]);
    let resolution = resolver("X-Real-IP", Strategy::Single).resolve(peer(CLIENT), &forged);
    assert_eq!(answer(&resolution), CLIENT);
}

#[test]
fn a05_a_bare_ipv6_client_is_read() {
    assert_eq!(answer(&ranges(&[b"198.51.100.66, 2001:db8:aaaa::7"])), "2001:db8:aaaa::7");
}

#[test]
fn a06_an_address_with_a_port_is_read() {
    assert_eq!(answer(&ranges(&[b"198.51.100.66, 203.0.113.7:50123"])), CLIENT);
    assert_eq!(answer(&single(&[b"203.0.113.7:50123"])), CLIENT);
}

#[test]
fn a07_a_bracketed_ipv6_address_with_a_port_is_read() {
    assert_eq!(answer(&ranges(&[b"198.51.100.66, [2001:db8:aaaa::7]:50123"])), "2001:db8:aaaa::7");
}

#[test]
fn a08_a_trusted_hop_written_ipv4_mapped_is_trusted() {
    let resolution = ranges(&[b"198.51.100.66, 203.0.113.7, ::ffff:10.0.0.9"]);
    assert_eq!((answer(&resolution).as_str(), resolution.hops_skipped()), (CLIENT, 1));
}

#[test]
fn a09_a_dual_stack_peer_is_the_ipv4_peer_it_is() {
    let resolver = resolver("X-Forwarded-For", Strategy::Ranges);
    let headers = xff(&[b"203.0.113.7"]);
    assert_eq!(answer(&resolver.resolve(peer("::ffff:10.0.0.1"), &headers)), CLIENT);
    // And the other way round: a mapped range matches the IPv4 peer.
    let mapped = Rule::new(["::ffff:10.0.0.0/104"], "X-Forwarded-For", Strategy::Ranges).unwrap();
    let mapped = Resolver::new().with_rule(mapped);
    assert_eq!(answer(&mapped.resolve(peer("10.0.0.1"), &headers)), CLIENT);
    assert_eq!(answer(&mapped.resolve(peer("::ffff:192.0.2.1"), &headers)), "192.0.2.1");
}

#[test]
fn a10_garbage_right_of_the_client_is_never_skipped() {
    let lines: &[&[u8]] = &[b"198.51.100.66, garbage\xff, 10.0.0.9"];
    for resolution in [ranges(lines), count(3, lines)] {
        assert!(matches!(
            resolution.reason(),
            Some(Reason::MalformedEntry { index: 1, text, .. }) if text.to_string() == "garbage\\xff"
        ));
        assert_eq!(resolution.client_ip(), None);
    }
}

#[test]
fn a11_a_chain_of_trusted_proxies_only_has_no_client() {
    assert_eq!(answer(&ranges(&[b"10.0.0.7, 10.0.0.8, 10.0.0.9"])), "all_trusted");
}

#[test]
fn a12_a_comma_in_quotes_hides_nothing() {
    assert_eq!(answer(&ranges(&[b"203.0.113.7, \"198.51.100.66, 10.0.0.9\""])), "malformed_entry");
    assert_eq!(answer(&single(&[b"\"198.51.100.66, 203.0.113.7\""])), "malformed_entry");
}

#[test]
fn a13_an_empty_trailing_element_claims_nothing() {
    assert_eq!(answer(&ranges(&[b"198.51.100.66, 203.0.113.7,"])), CLIENT);
    assert_eq!(answer(&ranges(&[b"198.51.100.66, 203.0.113.7", b"", b" , "])), CLIENT);
    assert_eq!(answer(&count(1, &[b"198.51.100.66, 203.0.113.7, ,"])), CLIENT);
    assert_eq!(answer(&ranges(&[b",,"])), "header_missing");
    assert_eq!(answer(&count(2, &[b""])), "header_missing");
    assert_eq!(answer(&single(&[b"203.0.113.7,"])), "malformed_entry");
    assert_eq!(answer(&single(&[b" \t"])), "header_missing");
}

#[test]
fn a14_the_unspecified_address_is_never_a_client() {
    for entry in ["0.0.0.0", "::", "[::]:80", "::ffff:0.0.0.0"] {
        let line = format!("198.51.100.66, {entry}");
        assert_eq!(answer(&ranges(&[line.as_bytes()])), "unspecified", "{entry}");
        assert_eq!(answer(&count(2, &[line.as_bytes()])), "unspecified", "{entry}");
        assert_eq!(answer(&single(&[entry.as_bytes()])), "unspecified", "{entry}");
    }
    for entry in ["224.0.0.1", "ff02::1", "255.255.255.255"] {
        assert_eq!(answer(&ranges(&[entry.as_bytes()])), "malformed_entry", "{entry}");
    }
}

#[test]
fn a15_an_octet_with_a_leading_zero_is_malformed() {
    assert_eq!(answer(&ranges(&[b"198.51.100.66, 010.0.0.1"])), "malformed_entry");
    assert_eq!(answer(&count(2, &[b"198.51.100.66, 010.0.0.1"])), "malformed_entry");
}

#[test]
fn a16_an_open_quote_does_not_swallow_what_the_proxy_appended() {
    assert_eq!(answer(&ranges(&[b"\"198.51.100.66, 203.0.113.7"])), CLIENT);
    assert_eq!(answer(&ranges(&[b"\"198.51.100.66, 203.0.113.7, \"10.0.0.9\""])), CLIENT);
}

#[test]
fn a17_an_open_quote_in_an_earlier_line_ends_with_the_line() {
    assert_eq!(answer(&ranges(&[b"198.51.100.66, \"", b"203.0.113.7"])), CLIENT);
}

#[test]
fn a18_an_earlier_line_that_is_not_ascii_changes_nothing() {
    assert_eq!(answer(&ranges(&[b"\xf0\x9f\xff", b"203.0.113.7"])), CLIENT);
}

#[test]
fn a21_a_hidden_address_is_not_guessed() {
    for entry in ["unknown", "_hidden", "\"_hidden\"", "UNKNOWN:80"] {
        let line = format!("198.51.100.66, {entry}, 10.0.0.9");
        assert_eq!(answer(&ranges(&[line.as_bytes()])), "obfuscated", "{entry}");
        assert_eq!(answer(&count(3, &[line.as_bytes()])), "obfuscated", "{entry}");
        assert_eq!(answer(&single(&[entry.as_bytes()])), "obfuscated", "{entry}");
    }
}

#[test]
fn a23_spaces_and_tabs_around_an_entry_are_nothing() {
    assert_eq!(answer(&ranges(&[b"198.51.100.66 ,\t 203.0.113.7 \t"])), CLIENT);
    assert_eq!(answer(&single(&[b"\t 203.0.113.7 "])), CLIENT);
    // Any other white space is no white space.
    assert_eq!(answer(&ranges(&[b"198.51.100.66,\xa0203.0.113.7"])), "malformed_entry");
}

#[test]
fn a24_a_zone_is_no_part_of_the_client() {
    for zone in ["%eth0", "%0", "%1"] {
        let line = format!("198.51.100.66, 2001:db8:aaaa::7{zone}");
        assert_eq!(answer(&ranges(&[line.as_bytes()])), "2001:db8:aaaa::7");
    }
}

#[test]
fn a25_a_zone_does_not_make_a_trusted_hop_a_stranger() {
    assert_eq!(answer(&ranges(&[b"203.0.113.7, 2001:db8:5::9%eth0"])), CLIENT);
}

#[test]
fn a26_an_ipv4_mapped_hop_in_hexadecimal_is_trusted() {
    assert_eq!(answer(&ranges(&[b"203.0.113.7, ::ffff:a00:9"])), CLIENT);
}

#[test]
fn a27_a_flood_of_forged_entries_left_of_the_client_changes_nothing() {
    let line = format!("{}203.0.113.7", "198.51.100.66, ".repeat(5000));
    assert_eq!(answer(&ranges(&[line.as_bytes()])), CLIENT);
    assert_eq!(answer(&count(1, &[line.as_bytes()])), CLIENT);
}

#[test]
fn a28_a_flood_of_forged_trusted_entries_changes_nothing() {
    let line = format!("{}203.0.113.7, 10.0.0.9", "10.0.0.7, ".repeat(5000));
    assert_eq!(answer(&ranges(&[line.as_bytes()])), CLIENT);
    // Where the client himself is inside the trusted ranges, there is an end to it.
    let trusted = "10.0.0.7, ".repeat(5000) + "10.0.0.9";
    assert_eq!(answer(&ranges(&[trusted.as_bytes()])), "too_many_entries");
    let empties = format!("203.0.113.7{}", ",".repeat(5000));
    assert_eq!(answer(&ranges(&[empties.as_bytes()])), "too_many_entries");
}

#[test]
fn the_client_may_be_the_64th_entry_but_not_the_65th() {
    let at = |hops| format!("203.0.113.7{}", ", 10.0.0.9".repeat(hops));
    assert_eq!(answer(&ranges(&[at(63).as_bytes()])), CLIENT);
    assert_eq!(answer(&count(64, &[at(63).as_bytes()])), CLIENT);
    assert_eq!(answer(&ranges(&[at(64).as_bytes()])), "too_many_entries");
}

#[test]
fn a_count_takes_the_nth_entry_and_never_clamps() {
    let line: &[&[u8]] = &[b"198.51.100.66, 203.0.113.7", b"192.0.2.9"];
    assert_eq!(answer(&count(1, line)), "192.0.2.9");
    let second = count(2, line);
    assert_eq!((answer(&second).as_str(), second.hops_skipped()), (CLIENT, 1));
    let short = count(4, line);
    assert!(matches!(short.reason(), Some(Reason::ChainTooShort { entries: 3, count: 4, .. })));
    // A count needs a trusted peer like every other strategy.
    let direct = resolver("X-Forwarded-For", Strategy::Count(2)).resolve(peer(CLIENT), &xff(line));
    assert_eq!(answer(&direct), CLIENT);
}

#[test]
fn a_single_header_is_there_once_with_one_address() {
    assert_eq!(answer(&single(&[b"203.0.113.7"])), CLIENT);
    assert_eq!(answer(&single(&[])), "header_missing");
    assert_eq!(answer(&single(&[b"203.0.113.7", b"203.0.113.7"])), "repeated_header");
    assert_eq!(answer(&single(&[b"198.51.100.66", b"203.0.113.7"])), "repeated_header");
    assert_eq!(answer(&single(&[b"198.51.100.66, 203.0.113.7"])), "malformed_entry");
}

#[test]
fn addresses_that_only_look_like_a_trusted_one_are_not_folded() {
    for entry in ["2002:a00:1::", "::10.0.0.1", "64:ff9b::10.0.0.1"] {
        let line = format!("203.0.113.7, {entry}");
        let client: std::net::IpAddr = entry.parse().unwrap();
        assert_eq!(answer(&ranges(&[line.as_bytes()])), client.to_string());
    }
}

#[test]
fn a_peer_nobody_knows_is_no_client_and_no_header_stands_in_for_it() {
    let forged = xff(&[b"198.51.100.66"]);
    let everyone = Rule::new(["0.0.0.0/0", "::/0"], "X-Forwarded-For", Strategy::Ranges).unwrap();
    for resolver in [Resolver::new(), Resolver::new().with_rule(everyone)] {
        assert_eq!(answer(&resolver.resolve(None, &forged)), "no_peer");
        assert_eq!(answer(&resolver.resolve(peer("0.0.0.0"), &forged)), "no_peer");
        assert_eq!(answer(&resolver.resolve(peer("::"), &forged)), "no_peer");
        assert_eq!(answer(&resolver.resolve(Some(Peer::Unix), &forged)), "unix_peer");
    }
}

#[test]
fn a_unix_peer_is_trusted_by_its_token_only() {
    let rule = Rule::new(["unix:"], "X-Forwarded-For", Strategy::Ranges).unwrap();
    let resolver = Resolver::new().with_rule(rule);
    let headers = xff(&[b"198.51.100.66, 203.0.113.7"]);
    assert_eq!(answer(&resolver.resolve(Some(Peer::Unix), &headers)), CLIENT);
    assert_eq!(answer(&resolver.resolve(peer("192.0.2.1"), &headers)), "192.0.2.1");
}

#[test]
fn the_first_rule_that_matches_is_the_only_one() {
    let resolver = Resolver::new()
        .with_rule(Rule::new(["10.0.0.5"], "", Strategy::Peer).unwrap())
        .with_rule(Rule::new(["10.0.0.0/24"], "X-Real-IP", Strategy::Single).unwrap())
        .with_rule(Rule::new(["10.0.0.0/8"], "X-Forwarded-For", Strategy::Ranges).unwrap());
    let headers = xff(&[b"203.0.113.7"]);
    let resolve = |addr| resolver.resolve(peer(addr), &headers);
    let excepted = resolve("10.0.0.5");
    assert_eq!((answer(&excepted).as_str(), excepted.rule()), ("10.0.0.5", Some(0)));
    assert_eq!(excepted.client_ip().map(|client| client.provenance()), Some(Provenance::Peer));
    assert_eq!(
        (answer(&resolve("10.0.0.6")).as_str(), resolve("10.0.0.6").rule()),
        ("header_missing", Some(1))
    );
    assert_eq!((answer(&resolve("10.1.0.1")).as_str(), resolve("10.1.0.1").rule()), (CLIENT, Some(2)));
    assert_eq!(resolve("10.1.0.1").client_ip().map(|client| client.provenance()), Some(Provenance::Header));
    assert_eq!(resolve("10.1.0.1").spoof_suspected(), None);
    assert_eq!(excepted.spoof_suspected(), Some(Spoof::UntrustedPeer));
    assert_eq!(resolve("10.0.0.6").spoof_suspected(), Some(Spoof::OtherHeader));
    assert_eq!(resolve("192.0.2.1").rule(), None);
}

#[test]
fn trusted_ranges_replace_the_peers_as_the_proxies_further_left() {
    let rule = Rule::new(["10.0.0.1"], "X-Forwarded-For", Strategy::Ranges).unwrap();
    let lines: &[&[u8]] = &[b"203.0.113.7, 192.0.2.3, 10.0.0.1"];
    let answer_with = |trusted: &[&str]| {
        let rule = rule.clone().with_trusted(trusted).unwrap();
        answer(&Resolver::new().with_rule(rule).resolve(peer("10.0.0.1"), &xff(lines)))
    };
    assert_eq!(answer_with(&["10.0.0.1", "192.0.2.0/28"]), CLIENT);
    assert_eq!(answer_with(&["192.0.2.0/28"]), "10.0.0.1");
    assert_eq!(answer_with(&[]), "10.0.0.1");
    let by_default = Resolver::new().with_rule(rule.clone());
    assert_eq!(answer(&by_default.resolve(peer("10.0.0.1"), &xff(lines))), "192.0.2.3");
}

#[test]
fn a_reason_tells_the_header_the_place_the_evidence_and_the_remedy() {
    let line = format!("203.0.113.7, \u{e9}{}, 10.0.0.9", "x".repeat(9000));
    let resolution = ranges(&[line.as_bytes()]);
    assert_eq!(
        resolution.reason().map(ToString::to_string),
        Some(format!(
            "x-forwarded-for, entry 1 from the right (0 is the last): \"\\xc3\\xa9{}...\" is not a host's address; \
             correct the trusted proxy that wrote it",
            "x".repeat(38)
        ))
    );
}
