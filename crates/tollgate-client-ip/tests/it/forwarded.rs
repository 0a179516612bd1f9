//! The attacks of the field guide against `Forwarded`, and the parser against one that reads the grammar naively.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv6Addr};

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use tollgate_client_ip::{Resolution, Resolver, Rule, Strategy as Reading};
use tollgate_core::Peer;

const CLIENT: &str = "203.0.113.7";

fn resolve(strategy: Reading, lines: &[&[u8]]) -> Resolution {
    let rule = Rule::new(["10.0.0.0/8", "2001:db8:5::/48"], "Forwarded", strategy).unwrap();
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append("forwarded", HeaderValue::from_bytes(line).unwrap());
    }
    Resolver::new().with_rule(rule).resolve(Some(Peer::Tcp(([10, 0, 0, 1], 443).into())), &headers)
}

fn answer(lines: &[&str]) -> String {
    let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
    told(&resolve(Reading::Ranges, &lines))
}

fn told(resolution: &Resolution) -> String {
    match resolution.reason() {
        Some(reason) => reason.as_str().to_owned(),
        None => resolution.client_ip().unwrap().to_string(),
    }
}

#[test]
fn a12_a_comma_in_quotes_hides_no_element() {
    assert_eq!(answer(&["for=198.51.100.66, for=203.0.113.7;host=\"a, for=198.51.100.66\""]), CLIENT);
}

#[test]
fn a16_a_quote_left_open_in_the_same_line_gives_nobody() {
    assert_eq!(answer(&["for=\"198.51.100.66, for=203.0.113.7"]), "forwarded_syntax");
    assert_eq!(answer(&["for=198.51.100.66;x=\", for=203.0.113.7;by=\"_p\""]), "forwarded_syntax");
}

#[test]
fn a17_a_quote_left_open_in_an_earlier_line_ends_with_the_line() {
    assert_eq!(answer(&["for=\"198.51.100.66", "for=203.0.113.7"]), CLIENT);
    assert_eq!(answer(&["for=\"198.51.100.66", "for=203.0.113.7, for=10.0.0.9"]), CLIENT);
    // It is read where the client was not found right of it.
    assert_eq!(answer(&["for=203.0.113.7;x=\"", "for=10.0.0.9"]), "forwarded_syntax");
}

#[test]
fn a18_bytes_beyond_ascii_are_text_in_quotes_and_nowhere_else() {
    assert_eq!(told(&resolve(Reading::Ranges, &[b"host=\"\xf0\xff\", for=203.0.113.7"])), CLIENT);
    assert_eq!(told(&resolve(Reading::Ranges, &[b"\xf0\xff", b"for=203.0.113.7"])), CLIENT);
    assert_eq!(told(&resolve(Reading::Ranges, &[b"\xf0\xff, for=203.0.113.7"])), "forwarded_syntax");
}

#[test]
fn a19_a_host_with_a_comma_in_the_proxys_own_quotes_adds_no_element() {
    assert_eq!(answer(&["for=203.0.113.7;host=\"x, for=198.51.100.66\""]), CLIENT);
    assert_eq!(answer(&["for=203.0.113.7;host=\"x, for=198.51.100.66\", for=10.0.0.9"]), CLIENT);
}

#[test]
fn a20_an_open_quote_and_an_escaped_one_do_not_make_a_line() {
    // The attacker's part, then what the proxy appended with his Host in it.
    let line = r#"for=198.51.100.66;x=", for=203.0.113.7;host="\", for=198.51.100.66;x=\"""#;
    assert_eq!(answer(&[line]), "forwarded_syntax");
}

#[test]
fn a21_a_hidden_node_is_not_guessed() {
    for node in ["unknown", "_hidden", "\"_hid.den\"", "\"unknown:80\"", "\"_hidden:_port\""] {
        assert_eq!(
            answer(&[&format!("for=198.51.100.66, for={node}, for=10.0.0.9")]),
            "obfuscated",
            "{node}"
        );
    }
    assert_eq!(answer(&["for=198.51.100.66, for=\"_a, b\""]), "malformed_entry");
}

#[test]
fn a22_a_parameter_given_twice_breaks_the_line() {
    assert_eq!(answer(&["for=198.51.100.66;for=203.0.113.7"]), "forwarded_syntax");
    assert_eq!(answer(&["for=203.0.113.7;FOR=198.51.100.66"]), "forwarded_syntax");
}

#[test]
fn an_element_without_for_is_not_passed_over() {
    assert_eq!(answer(&["for=198.51.100.66, by=10.0.0.9;proto=https"]), "malformed_entry");
    assert_eq!(answer(&["for=203.0.113.7, "]), CLIENT);
    assert_eq!(answer(&["", " ,"]), "header_missing");
    assert_eq!(answer(&[]), "header_missing");
}

#[test]
fn a_count_takes_the_nth_element() {
    let lines: &[&[u8]] = &[b"for=198.51.100.66, for=\"[2001:db8::7]:80\"", b"for=10.0.0.9"];
    assert_eq!(told(&resolve(Reading::Count(1), lines)), "10.0.0.9");
    assert_eq!(told(&resolve(Reading::Count(2), lines)), "2001:db8::7");
    assert_eq!(told(&resolve(Reading::Count(4), lines)), "chain_too_short");
}

#[test]
fn a27_a_flood_of_forged_elements_changes_nothing() {
    assert_eq!(answer(&[&format!("{}for=203.0.113.7, for=10.0.0.9", "for=10.0.0.7, ".repeat(5000))]), CLIENT);
    assert_eq!(answer(&[&("for=10.0.0.7, ".repeat(5000) + "for=10.0.0.9")]), "too_many_entries");
    assert_eq!(answer(&[&format!("{};for=203.0.113.7", "a=b;".repeat(5000))]), "forwarded_syntax");
}

/// The grammar as a list of characters is read by a child: no indices, everything copied.
fn naive(line: &str) -> Result<Vec<Option<String>>, ()> {
    let mut rest = line.chars().peekable();
    let mut elements = Vec::new();
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    loop {
        while rest.next_if(|c| " \t".contains(*c)).is_some() {}
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut separators = 0;
        loop {
            let mut name = String::new();
            while let Some(c) = rest.next_if(|c| token(*c)) {
                name.push(c.to_ascii_lowercase());
            }
            if !name.is_empty() {
                rest.next_if_eq(&'=').ok_or(())?;
                let mut value = String::new();
                if rest.next_if_eq(&'"').is_some() {
                    loop {
                        match rest.next().ok_or(())? {
                            '"' => break,
                            '\\' => value.push(rest.next().ok_or(())?),
                            c => value.push(c),
                        }
                    }
                } else {
                    while let Some(c) = rest.next_if(|c| token(*c)) {
                        value.push(c);
                    }
                    if value.is_empty() {
                        return Err(());
                    }
                }
                if pairs.iter().any(|(known, _)| *known == name) {
                    return Err(());
                }
                pairs.push((name, value));
            }
            if rest.next_if_eq(&';').is_none() {
                break;
            }
            separators += 1;
        }
        let node = pairs.iter().find(|(name, _)| name == "for").map(|(_, value)| value.clone());
        if !pairs.is_empty() || separators > 0 {
            elements.push(node);
        }
        while rest.next_if(|c| " \t".contains(*c)).is_some() {}
        match rest.next() {
            None => return Ok(elements),
            Some(',') => {}
            Some(_) => return Err(()),
        }
    }
}

fn naive_answer(lines: &[String]) -> String {
    let mut found = 0;
    for line in lines.iter().rev() {
        let Ok(elements) = naive(line) else { return "forwarded_syntax".to_owned() };
        for node in elements.into_iter().rev() {
            found += 1;
            let addr = match node.as_deref().map(naive_node) {
                Some(Ok(addr)) => addr,
                Some(Err(code)) => return code.to_owned(),
                None => return "malformed_entry".to_owned(),
            };
            match addr {
                IpAddr::V4(addr) if addr.octets()[0] == 10 => {}
                IpAddr::V6(addr) if addr.segments()[..3] == [0x2001, 0xdb8, 5] => {}
                addr => return addr.to_string(),
            }
        }
    }
    if found == 0 { "header_missing" } else { "all_trusted" }.to_owned()
}

fn naive_node(node: &str) -> Result<IpAddr, &'static str> {
    let (host, port) = match node.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or("malformed_entry")?)),
        None => node.split_once(':').map_or((node, None), |(host, port)| (host, Some(port))),
    };
    let hidden = |text: &str| {
        text.len() > 1
            && text.starts_with('_')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    let numbered = |port: &str| {
        (1..=5).contains(&port.len())
            && port.chars().all(|c| c.is_ascii_digit())
            && port.parse::<u32>().is_ok_and(|port| port < 65536)
    };
    if port.is_some_and(|port| !numbered(port) && !hidden(port)) {
        return Err("malformed_entry");
    }
    if node.starts_with('[') {
        let addr = host.parse::<Ipv6Addr>().map_err(|_| "malformed_entry")?;
        return usable(IpAddr::from(addr).to_canonical());
    }
    match host.parse::<std::net::Ipv4Addr>() {
        Ok(addr) => usable(addr.into()),
        Err(_) if host.eq_ignore_ascii_case("unknown") || hidden(host) => Err("obfuscated"),
        Err(_) => Err("malformed_entry"),
    }
}

fn usable(addr: IpAddr) -> Result<IpAddr, &'static str> {
    match addr {
        _ if addr.is_unspecified() => Err("unspecified"),
        _ if addr.is_multicast() || addr.to_string() == "255.255.255.255" => Err("malformed_entry"),
        addr => Ok(addr),
    }
}

/// Pieces that make lines that are nearly right.
fn line() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "for=10.0.0.9",
        "for=203.0.113.7",
        "for=\"10.0.0.9:80\"",
        "for=\"[2001:db8:5::9]\"",
        "For=\"[2001:db8::7]:_p\"",
        "for=\"\\1\\0.0.0.9\"",
        "for=unknown",
        "for=_hidden",
        "for=\"::1\"",
        "for=0.0.0.0",
        "by=_x",
        "host=\"a, for=1\"",
        "proto=https",
        "x=\"\\\"\"",
        "for",
        "for=",
        "=",
        "\"",
        "\\",
        "[",
        "x",
        "for=10.0.0.9",
        "for=10.0.0.10",
    ]);
    let glue = prop::sample::select(vec![",", ", ", ";", ";", "; ", " ", "", ",,", "\t,", ",", ","]);
    prop::collection::vec((piece, glue), 0..7)
        .prop_map(|parts| parts.into_iter().map(|(piece, glue)| format!("{piece}{glue}")).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn it_answers_as_the_naive_reader_does(lines in prop::collection::vec(line(), 0..4)) {
        let bytes: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        prop_assert_eq!(told(&resolve(Reading::Ranges, &bytes)), naive_answer(&lines));
    }

    #[test]
    fn a_line_of_the_attackers_own_changes_nothing(
        forged in line(),
        honest in "for=203\\.0\\.113\\.[1-9](;proto=https)?(, for=10\\.0\\.0\\.[1-9];by=_p){0,3}",
    ) {
        let before = resolve(Reading::Ranges, &[honest.as_bytes()]);
        prop_assert!(before.client_ip().is_some());
        prop_assert_eq!(told(&resolve(Reading::Ranges, &[forged.as_bytes(), honest.as_bytes()])), told(&before));
    }

    #[test]
    fn whatever_the_attacker_puts_in_front_the_answer_is_the_client_or_nobody(
        forged in prop::collection::vec(prop_oneof![0x20_u8..0x7f, 0x80_u8..=0xff, Just(b'"'), Just(b'\\'), Just(b',')], 0..60),
        host in "[ -~]{0,20}",
    ) {
        // A proxy that escapes what it quotes, appending to the attacker's own line.
        let host = host.replace('\\', "\\\\").replace('"', "\\\"");
        let mut line = forged;
        line.extend_from_slice(format!(", for=203.0.113.7;host=\"{host}\"").as_bytes());
        let answer = told(&resolve(Reading::Ranges, &[&line]));
        prop_assert!(answer == CLIENT || answer == "forwarded_syntax", "{}", answer);
    }
}
