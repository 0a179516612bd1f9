use http::header::FORWARDED;

use super::*;

fn headers(lines: &[&[u8]]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(FORWARDED, HeaderValue::from_bytes(line).unwrap());
    }
    headers
}

type Walked = (Vec<Result<String, Fault>>, Option<(usize, usize)>);

const TOO_MANY: (usize, usize) = (usize::MAX, 0);

/// Addresses and faults from the right, up to the stop, if there is one: the line and the byte that break the grammar.
fn walk(lines: &[&[u8]]) -> Walked {
    let headers = headers(lines);
    let mut elements = Elements::new(&headers, &FORWARDED);
    let mut all = Vec::new();
    loop {
        match elements.next() {
            Ok(Some(entry)) => all.push(entry.addr.map(|addr| addr.ip().to_string())),
            Ok(None) => return (all, None),
            Err(Stop::Syntax { line, at, .. }) => return (all, Some((line, at))),
            Err(Stop::TooMany) => return (all, Some(TOO_MANY)),
        }
    }
}

fn fine(line: &str) -> Vec<Result<String, Fault>> {
    let (all, stop) = walk(&[line.as_bytes()]);
    assert_eq!(stop, None, "{line}");
    all
}

/// Where the line breaks the grammar.
fn broken(line: &[u8]) -> Option<usize> {
    match walk(&[line]) {
        (_, Some((0, at))) => Some(at),
        _ => None,
    }
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    assert_eq!(fine("for=\"_gazonk\""), [Err(Fault::Obfuscated)]);
    assert_eq!(fine("For=\"[2001:db8:cafe::17]:4711\""), [Ok("2001:db8:cafe::17".into())]);
    assert_eq!(fine("for=192.0.2.60;proto=http;by=203.0.113.43"), [Ok("192.0.2.60".into())]);
    assert_eq!(
        fine("for=192.0.2.43,for=\"[2001:db8:cafe::17]\",for=unknown"),
        [Err(Fault::Obfuscated), Ok("2001:db8:cafe::17".into()), Ok("192.0.2.43".into())]
    );
    assert_eq!(fine("for=_hidden, for=_SEVKISEK"), [Err(Fault::Obfuscated), Err(Fault::Obfuscated)]);
}

#[test]
fn a_comma_or_a_semicolon_in_quotes_separates_nothing() {
    assert_eq!(
        fine("for=192.0.2.1;host=\"a, for=198.51.100.66;b=\\\"\", by=\"x;for=198.51.100.66\";for=192.0.2.2"),
        [Ok("192.0.2.2".into()), Ok("192.0.2.1".into())]
    );
}

#[test]
fn empty_elements_and_pairs_are_allowed_and_an_element_without_for_names_nobody() {
    assert_eq!(fine(" ,, for=192.0.2.1\t,"), [Ok("192.0.2.1".into())]);
    assert_eq!(fine(";for=192.0.2.1;;by=_x;"), [Ok("192.0.2.1".into())]);
    assert_eq!(fine(""), []);
    for line in ["by=_x", ";", "proto=https;host=\"for=192.0.2.1\"", "forx=192.0.2.1"] {
        assert_eq!(fine(line), [Err(Fault::Malformed)], "{line}");
    }
}

#[test]
fn escapes_are_undone_before_the_node_is_read() {
    assert_eq!(fine(r#"for="\1\9\2.0.2.1\:80""#), [Ok("192.0.2.1".into())]);
    assert_eq!(fine(r#"for="\\192.0.2.1""#), [Err(Fault::Malformed)]);
    assert_eq!(fine(&format!("for=\"\\1{}\"", "1".repeat(9000))), [Err(Fault::Malformed)]);
}

#[test]
fn whatever_the_grammar_has_not_breaks_the_whole_line() {
    for (line, at) in [
        (&b"for"[..], 3),
        (b"for=", 4),
        (b"for=,", 4),
        (b"=192.0.2.1", 0),
        (b"192.0.2.1", 9),
        (b"for =192.0.2.1", 3),
        (b"for= 192.0.2.1", 4),
        (b"for=192.0.2.1; proto=http", 14),
        (b"for=192.0.2.1 ;proto=http", 13),
        (b"for=192.0.2.1 for=192.0.2.2", 13),
        (b"for=192.0.2.1:80", 13),
        (b"for=[2001:db8::1]", 4),
        (b"for=2001:db8::1", 8),
        (b"for='192.0.2.1', for=\"192.0.2.2", 31),
        (b"for=\"192.0.2.1", 14),
        (b"for=\"192.0.2.1\\", 15),
        (b"for=\"192.0.2.1\"x", 15),
        (b"for=192.0.2.1\"x\"", 13),
        (b"for=192.0.2.1;for=192.0.2.2", 14),
        (b"for=192.0.2.1;by=_a;BY=_b", 20),
        (b"for=\xff, for=192.0.2.1", 4),
        (b"\xff, for=192.0.2.1", 0),
        (b"for=192.0.2.1, \x0bfor=192.0.2.2", 15),
        (b"for=192.0.2.1/24", 13),
        (b"for=192.0.2.1,{}", 14),
    ] {
        // A value that http itself refuses never gets here.
        if HeaderValue::from_bytes(line).is_ok() {
            assert_eq!(broken(line), Some(at), "{}", line.escape_ascii());
        }
    }
    assert_eq!(broken(b"host=\"\xff\xe9\";for=192.0.2.1"), None);
}

#[test]
fn more_parameters_than_anybody_has_break_the_line_and_16_do_not() {
    let parameters = |n: usize| (0..n).map(|n| format!("p{n}=x;")).collect::<String>();
    assert_eq!(fine(&format!("{}for=192.0.2.1", parameters(15))), [Ok("192.0.2.1".into())]);
    assert!(broken(format!("{}for=192.0.2.1", parameters(16)).as_bytes()).is_some());
}

#[test]
fn a_line_of_the_attackers_own_is_not_read_before_its_turn() {
    let (all, stop) = walk(&[b"for=\"open", b"for=192.0.2.1, for=10.0.0.1"]);
    assert_eq!(all, [Ok("10.0.0.1".into()), Ok("192.0.2.1".into())]);
    assert_eq!(stop, Some((1, 9)));
}

#[test]
fn only_the_last_64_elements_are_walked_however_many_there_are() {
    let many = "for=192.0.2.9, ".repeat(5000) + "for=10.0.0.1";
    let (all, stop) = walk(&[many.as_bytes()]);
    assert_eq!((all.len(), all[0].clone(), stop), (64, Ok("10.0.0.1".into()), Some(TOO_MANY)));
    let exactly = ",".repeat(63);
    assert_eq!(walk(&[exactly.as_bytes()]), (vec![], None));
    assert_eq!(walk(&[b"", exactly.as_bytes()]), (vec![], Some(TOO_MANY)));
}
