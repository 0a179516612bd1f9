//! The resolver against a naive one that reads the whole header as text, and what must hold for any bytes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use tollgate_client_ip::{Resolution, Resolver, Rule, Strategy as Reading};
use tollgate_core::Peer;

const TRUSTED: [&str; 3] = ["10.0.0.0/8", "192.0.2.0/28", "2001:db8:5::/48"];

fn resolve(strategy: Reading, lines: &[Vec<u8>]) -> Resolution {
    let rule = Rule::new(TRUSTED, "X-Forwarded-For", strategy).unwrap();
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
    }
    let peer = Peer::Tcp(SocketAddr::from(([10, 0, 0, 1], 443)));
    Resolver::new().with_rule(rule).resolve(Some(peer), &headers)
}

fn outcome(resolution: &Resolution) -> Result<IpAddr, &'static str> {
    match resolution.reason() {
        Some(reason) => Err(reason.as_str()),
        None => resolution.client_ip().map(|client| client.addr()).ok_or("nobody"),
    }
}

/// All lines joined, split, reversed, then looked at: the definition, with std's parsers.
fn naive(strategy: Reading, lines: &[String]) -> Result<IpAddr, &'static str> {
    if lines.is_empty() {
        return Err("header_missing");
    }
    let joined = lines.join(",");
    let mut entries = 0;
    for (visited, element) in joined.rsplit(',').enumerate() {
        if visited == 64 {
            return Err("too_many_entries");
        }
        let element = element.trim_matches([' ', '\t']);
        if element.is_empty() {
            continue;
        }
        entries += 1;
        let addr = naive_entry(element)?;
        match strategy {
            Reading::Count(n) if entries == n => return Ok(addr),
            Reading::Ranges if !naive_trusted(addr) => return Ok(addr),
            _ => {}
        }
    }
    Err(match strategy {
        _ if entries == 0 => "header_missing",
        Reading::Count(_) => "chain_too_short",
        _ => "all_trusted",
    })
}

fn naive_trusted(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(v4) => v4.octets()[0] == 10 || (v4.octets()[..3] == [192, 0, 2] && v4.octets()[3] < 16),
        IpAddr::V6(v6) => v6.segments()[..3] == [0x2001, 0xdb8, 5],
    }
}

fn naive_entry(text: &str) -> Result<IpAddr, &'static str> {
    let text = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    let unzoned = match (text.split_once('%'), text.split_once(']')) {
        (Some((addr, zone)), None) if addr.contains(':') && !zone.is_empty() => addr.to_owned(),
        (Some((addr, _)), Some((_, after))) => format!("{addr}]{after}"),
        _ => text.to_owned(),
    };
    let unbracketed = unzoned
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .filter(|inside| inside.contains(':'))
        .unwrap_or(&unzoned);
    let addr = unbracketed.parse::<IpAddr>().or_else(|_| unzoned.parse::<SocketAddr>().map(|addr| addr.ip()));
    match addr.map(|addr| addr.to_canonical()) {
        Ok(addr) if addr.is_unspecified() => Err("unspecified"),
        Ok(addr) if addr.is_multicast() || addr.to_string() == "255.255.255.255" => Err("malformed_entry"),
        Ok(addr) => Ok(addr),
        Err(_) if text.eq_ignore_ascii_case("unknown") || (text.starts_with('_') && text.len() > 1) => {
            Err("obfuscated")
        }
        Err(_) => Err("malformed_entry"),
    }
}

fn addr() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        4 => any::<[u8; 3]>().prop_map(|[a, b, c]| IpAddr::from([10, a, b, c])),
        2 => (0_u8..32).prop_map(|last| IpAddr::from([192, 0, 2, last])),
        3 => any::<[u8; 4]>().prop_map(IpAddr::from),
        2 => any::<u16>().prop_map(|last| IpAddr::from([0x2001, 0xdb8, 5, 0, 0, 0, 0, last])),
        2 => any::<[u16; 8]>().prop_map(IpAddr::from),
        1 => Just("0.0.0.0".parse().unwrap()),
    ]
}

/// An address in one of the ways it is written.
fn spelling() -> impl Strategy<Value = String> {
    (addr(), 0_u8..8, any::<u16>()).prop_map(|(addr, form, port)| match (addr, form) {
        (addr, 0) => SocketAddr::new(addr, port).to_string(),
        (addr, 1) => format!("\"{}\"", SocketAddr::new(addr, port)),
        (IpAddr::V4(v4), 2) => v4.to_ipv6_mapped().to_string(),
        (IpAddr::V4(v4), 3) => {
            format!("[::ffff:{:x}:{:x}]:{port}", u32::from(v4) >> 16, u32::from(v4) & 0xffff)
        }
        (IpAddr::V6(v6), 2) => format!("[{v6}]"),
        (IpAddr::V6(v6), 3) => format!("{v6}%eth0"),
        (IpAddr::V6(v6), 4) => format!("[{v6}%{port}]:{port}"),
        (addr, _) => addr.to_string(),
    })
}

fn element() -> impl Strategy<Value = String> {
    let core = prop_oneof![
        12 => spelling(),
        1 => Just(String::new()),
        1 => prop::sample::select(vec![
            "unknown", "_hidden", "010.0.0.1", "10.0.0.1:", "10.0.0.1:65536", "[10.0.0.1]", "\"10.0.0.1", "10.0.0",
            "224.0.0.1", "255.255.255.255", "::1::", "[::1", "10.0.0.1%eth0x ", "garbage",
        ]).prop_map(str::to_owned),
        1 => "[0-9a-f.]{1,9}(:{1,2}[0-9a-f.]{1,5}){0,4}",
    ];
    (core, "[ \t]{0,2}", "[ \t]{0,2}").prop_map(|(core, left, right)| format!("{left}{core}{right}"))
}

fn lines() -> impl Strategy<Value = Vec<String>> {
    let line = prop::collection::vec(element(), 1..6).prop_map(|elements| elements.join(","));
    prop::collection::vec(line, 0..5)
}

fn bytes(lines: &[String]) -> Vec<Vec<u8>> {
    lines.iter().map(|line| line.clone().into_bytes()).collect()
}

fn strategy() -> impl Strategy<Value = Reading> {
    prop_oneof![Just(Reading::Ranges), (1_u8..6).prop_map(Reading::Count)]
}

/// Bytes that a header value may hold.
fn header_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![0x20_u8..0x7f, 0x80_u8..=0xff, Just(b'\t'), Just(b',')], 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn it_answers_as_the_naive_resolver_does(lines in lines(), strategy in strategy()) {
        prop_assert_eq!(outcome(&resolve(strategy, &bytes(&lines))), naive(strategy, &lines));
    }

    #[test]
    fn what_stands_left_of_the_client_changes_nothing(
        forged in prop::collection::vec(header_bytes(), 0..4),
        lines in lines(),
        same_line in any::<bool>(),
        strategy in strategy(),
    ) {
        let honest = bytes(&lines);
        let before = resolve(strategy, &honest);
        // The rest of the reasons are about the whole list.
        if !matches!(outcome(&before), Ok(_) | Err("malformed_entry" | "obfuscated" | "unspecified")) {
            return Ok(());
        }
        let mut all = forged;
        match (all.last_mut(), honest.split_first()) {
            (Some(last), Some((first, rest))) if same_line => {
                last.push(b',');
                last.extend_from_slice(first);
                all.extend_from_slice(rest);
            }
            _ => all.extend_from_slice(&honest),
        }
        prop_assert_eq!(resolve(strategy, &all), before);
    }

    #[test]
    fn lines_split_or_combined_on_the_way_give_one_answer(lines in lines(), strategy in strategy()) {
        prop_assume!(!lines.is_empty());
        let joined = vec![lines.join(", ").into_bytes()];
        prop_assert_eq!(resolve(strategy, &joined), resolve(strategy, &bytes(&lines)));
    }

    #[test]
    fn no_bytes_make_a_client_of_nobody(lines in prop::collection::vec(header_bytes(), 0..4), strategy in strategy()) {
        if let Some(client) = resolve(strategy, &lines).client_ip() {
            prop_assert!(!client.addr().is_unspecified() && !client.addr().is_multicast());
            prop_assert_eq!(client.addr().to_canonical(), client.addr());
        }
    }
}
