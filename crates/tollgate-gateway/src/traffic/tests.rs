use std::io::{BufReader, Read};
use std::time::Duration;

use proptest::prelude::*;

use super::reader::LONGEST;
use super::*;

fn read(log: &[u8]) -> Vec<Result<Event, BadLine>> {
    Reader::new(log).collect()
}

fn one(line: &str) -> Event {
    read(line.as_bytes()).remove(0).unwrap()
}

fn why(line: &str) -> String {
    read(line.as_bytes()).remove(0).unwrap_err().why
}

fn written(event: &Event) -> String {
    let mut out = Vec::new();
    write(&mut out, event).unwrap();
    String::from_utf8(out).unwrap()
}

const DESIGN: &str = r#"{"at":"2026-03-01T09:00:00.123Z","event":"send","id":"s1","client_ip":"203.0.113.7","destination":"+6281234567890","channel":"sms"}
{"at":"2026-03-01T09:00:21.900Z","event":"verified","id":"s1"}
{"at":"2026-03-01T09:00:30.000Z","event":"wrong_code","id":"s1"}
{"at":"2026-03-01T09:01:00.000Z","event":"delivery","id":"s1","state":"undelivered"}
"#;

#[test]
fn the_documented_lines_are_read_and_written_back_byte_for_byte() {
    let events: Vec<Event> = read(DESIGN.as_bytes()).into_iter().map(Result::unwrap).collect();
    assert_eq!(events.iter().map(written).collect::<String>(), DESIGN);
    let Kind::Send(send) = &events[0].kind else { panic!() };
    assert_eq!((send.channel.as_str(), send.profile.as_str()), ("sms", "otp"));
    assert_eq!(events[0].at, Duration::from_millis(1_772_355_600_123));
}

#[test]
fn any_offset_is_the_same_moment() {
    let at = |at: &str| one(&format!(r#"{{"at":"{at}","event":"verified","id":"s"}}"#)).at;
    let utc = at("2026-03-01T02:00:00.5Z");
    assert_eq!(at("2026-03-01T09:00:00.500+07:00"), utc);
    assert_eq!(at("2026-02-28T20:30:00.5-05:30"), utc);
}

#[test]
fn keys_nobody_knows_and_null_are_passed_over() {
    let event = one(
        r#"{"at":"2026-03-01T02:00:00Z","event":"send","id":"s","destination":"+65","user":null,"new":[1,{}]}"#,
    );
    let Kind::Send(send) = event.kind else { panic!() };
    assert_eq!((send.user, send.client_ip, send.price, send.label), (None, None, None, None));
}

#[test]
fn a_bad_line_says_where_and_what_and_reading_goes_on() {
    let log = format!("\n  \r\nnonsense\n{}", DESIGN.replace('\n', "\r\n"));
    let read = read(log.as_bytes());
    assert_eq!(read.len(), 5);
    assert_eq!(read[0].as_ref().unwrap_err().line, 3);
    assert!(read[1..].iter().all(Result::is_ok));
}

#[test]
fn the_reason_names_the_field_the_value_and_the_remedy() {
    let with = |field: &str, value: &str| {
        let mut line = serde_json::json!({
            "at": "2026-03-01T02:00:00Z", "event": "send", "id": "s", "destination": "+6591234567"
        });
        line[field] = serde_json::from_str(value).unwrap();
        why(&line.to_string())
    };
    for (field, value, shown, remedy) in [
        ("at", "\"yesterday\"", "yesterday", "2026-03-01T09:00:00.123Z"),
        ("at", "\"2026-03-01T02:00:00\"", "02:00:00", "offset"),
        ("at", "\"1969-03-01T02:00:00Z\"", "1969", "1970"),
        ("at", "5", "5", "RFC 3339"),
        ("event", "\"sent\"", "sent", "\"send\""),
        ("id", "7", "7", "\"s1\""),
        ("client_ip", "\"10.0.0.1:80\"", "10.0.0.1:80", "203.0.113.7"),
        ("price", "-1", "-1", "0.05"),
        ("price", "\"1\"", "\"1\"", "0.05"),
        ("label", "\"spam\"", "spam", "\"fraud\""),
        ("user", "[]", "[]", "quotes"),
        ("asn", "\"AS1\"", "AS1", "64500"),
        ("asn", "4294967296", "4294967296", "64500"),
        ("trap", "1", "1", "true"),
    ] {
        let why = with(field, value);
        assert!(why.starts_with(&format!("{field}: ")), "{why}");
        assert!(why.contains(shown) && why.contains(remedy), "{why}");
    }
    assert!(!with("destination", "6598765432").contains("6598765"), "a number is not repeated");
    assert!(
        why(r#"{"at":"2026-03-01T02:00:00Z","event":"delivery","id":"s"}"#).starts_with("state: missing")
    );
    assert!(why(r#"{"id":"a","id":"b"}"#).contains("duplicate field `id`"));
    assert!(why("[]").contains("not a JSON object"));
}

#[test]
fn a_line_that_is_not_utf_8_is_one_bad_line() {
    let read = read(b"{\"at\":\"\xff\"}\n\xef\xbb\xbf\n");
    assert!(read[0].as_ref().unwrap_err().why.contains("byte 8 is not UTF-8"), "{read:?}");
}

#[test]
fn an_endless_line_costs_no_memory_and_the_next_one_is_read() {
    let long = std::io::repeat(b'x').take(50 << 20);
    let mut reader = Reader::new(BufReader::new(long.chain(&b"\n"[..]).chain(DESIGN.as_bytes())));
    assert!(reader.next().unwrap().unwrap_err().why.contains("65536"));
    assert_eq!(reader.by_ref().filter(Result::is_ok).count(), 4);
    let padded = |length: usize| {
        let line = r#"{"at":"2026-03-01T02:00:00Z","event":"verified","id":"s"}"#;
        format!("{line}{}", " ".repeat(length - line.len()))
    };
    assert!(read(padded(LONGEST).as_bytes())[0].is_ok());
    assert!(read(padded(LONGEST + 1).as_bytes())[0].is_err());
}

#[test]
fn an_input_that_breaks_is_said_once() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("gone"))
        }
    }
    let read: Vec<_> = Reader::new(BufReader::new(Broken)).collect();
    assert_eq!(read.len(), 1);
    assert!(read[0].as_ref().unwrap_err().why.contains("gone"));
}

fn events() -> impl Strategy<Value = Event> {
    let text = || proptest::option::of(any::<String>());
    let label = proptest::option::of(prop_oneof![Just(Label::Legit), Just(Label::Fraud)]);
    let ip = proptest::option::of(any::<std::net::IpAddr>().prop_map(|ip| ip.to_canonical()));
    let price = proptest::option::of((0_u32..1 << 20).prop_map(|price| f64::from(price) / 1024.0));
    let send = (("\\PC+", ip, "\\PC+", text(), any::<String>(), any::<String>()), (text(), text(), text()))
        .prop_flat_map(move |one| {
            (Just(one), price.clone(), label.clone(), text(), any::<(Option<u32>, bool)>())
        });
    let send = send.prop_map(|((one, (session, user, user_agent)), price, label, number, (asn, trap))| {
        let (id, client_ip, destination, country, channel, profile) = one;
        Kind::Send(Send {
            id,
            client_ip,
            destination,
            country,
            channel,
            profile,
            session,
            user,
            user_agent,
            price,
            label,
            number,
            asn,
            trap,
        })
    });
    let outcome = prop_oneof![
        Just(LoggedOutcome::Verified),
        Just(LoggedOutcome::WrongCode),
        "\\PC+".prop_map(LoggedOutcome::Delivery)
    ];
    let outcome = ("\\PC+", outcome).prop_map(|(id, outcome)| Kind::Outcome { id, outcome });
    (0_u64..250_000_000_000_000, prop_oneof![send, outcome])
        .prop_map(|(at, kind)| Event { at: Duration::from_millis(at), kind })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(event in events()) {
        let line = written(&event);
        prop_assert_eq!(line.matches('\n').count(), 1);
        prop_assert_eq!(one(&line), event);
    }

    #[test]
    fn no_bytes_at_all_can_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes);
    }
}
