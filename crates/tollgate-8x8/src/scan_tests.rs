use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{Placement, apply};

const IP: &str = "203.0.113.7";

fn put(endpoint: Endpoint, placement: Placement, body: &str) -> Result<String, ScanError> {
    let scan = Scan::read(endpoint, body.as_bytes())?;
    let out = apply(body.as_bytes(), &scan.edits(placement), IP);
    Ok(String::from_utf8(out.to_vec()).unwrap())
}

fn top(body: &str) -> String {
    put(Endpoint::SmsBatch, Placement::Top, body).unwrap()
}

#[test]
fn client_ip_becomes_the_last_member_or_replaces_the_one_that_is_there() {
    assert_eq!(top("{}"), r#"{"clientIp":"203.0.113.7"}"#);
    assert_eq!(top(" { } "), r#" {"clientIp":"203.0.113.7" } "#);
    assert_eq!(top(r#"{"a":1}"#), r#"{"a":1,"clientIp":"203.0.113.7"}"#);
    assert_eq!(top("{\"a\": 1\n}\n"), "{\"a\": 1,\"clientIp\":\"203.0.113.7\"\n}\n");
    assert_eq!(top(r#"{"clientIp":"6.6.6.6","a":1}"#), r#"{"clientIp":"203.0.113.7","a":1}"#);
    for value in ["null", "{\"a\":[1,{}]}", "[[]]", "1e400", "\"\\u0000\"", "true"] {
        assert_eq!(top(&format!(r#"{{"clientIp" : {value} }}"#)), r#"{"clientIp" : "203.0.113.7" }"#);
    }
}

#[test]
fn every_spelling_is_replaced_and_further_ones_are_removed() {
    for key in ["ClientIP", "clien\\u0074Ip", "CLIENTIP", "\\u0063\\u006cientIp"] {
        assert_eq!(top(&format!(r#"{{"{key}":"6.6.6.6","a":1}}"#)), r#"{"clientIp":"203.0.113.7","a":1}"#);
    }
    assert_eq!(
        top(r#"{"clientIp":1 , "a":1, "ClientIp":2,"clientIP":3}"#),
        r#"{"clientIp":"203.0.113.7" , "a":1}"#
    );
}

#[test]
fn client_ip_inside_messages_is_removed_wherever_it_stands() {
    let cases = [
        (r#"{"clientIp":1}"#, "{}"),
        (r#"{"clientIp":1,"a":1}"#, r#"{"a":1}"#),
        (r#"{"a":1,"clientIp":1}"#, r#"{"a":1}"#),
        (r#"{"a":1 , "clientIp":1 , "b":2}"#, r#"{"a":1 , "b":2}"#),
        (r#"{"clientIp":1,"CLIENTIP":2}"#, "{}"),
        (r#"{"clientIp":1,"CLIENTIP":2,"a":1,"clientip":3}"#, r#"{"a":1}"#),
        (r#"{ "clientIp" : {"x":[]} , "a":{"clientIp":1}}"#, r#"{ "a":{"clientIp":1}}"#),
    ];
    for (message, want) in cases {
        assert_eq!(
            top(&format!(r#"{{"messages":[{message},7,{message}]}}"#)),
            format!(r#"{{"messages":[{want},7,{want}],"clientIp":"203.0.113.7"}}"#),
        );
    }
}

#[test]
fn each_writes_into_every_message_and_the_top_and_nowhere_removes_all() {
    let body =
        r#"{"messages":[{},{"a":1},{"ClientIp":1,"clientIp":2}],"clientIp":3,"template":{"clientIp":4}}"#;
    assert_eq!(
        put(Endpoint::SmsBatch, Placement::Each, body).unwrap(),
        r#"{"messages":[{"clientIp":"203.0.113.7"},{"a":1,"clientIp":"203.0.113.7"},{"clientIp":"203.0.113.7"}],"clientIp":"203.0.113.7","template":{"clientIp":4}}"#
    );
    assert_eq!(
        put(Endpoint::SmsBatch, Placement::Nowhere, body).unwrap(),
        r#"{"messages":[{},{"a":1},{}],"template":{"clientIp":4}}"#
    );
}

#[test]
fn all_other_bytes_stay_as_they_are() {
    let body = r#"{ "n":123456789012345678901234567890, "f":[1.0,1e3,1E+3,-0,0.10,1e400],
        "s":"\u0041\/\ud800 é", "dup":1,"dup":2 , "a":{"clientIp":"in something else"}}"#;
    let out = put(Endpoint::VerifyStart, Placement::Top, body).unwrap();
    assert_eq!(out, body.replace(r#"something else"}}"#, r#"something else"},"clientIp":"203.0.113.7"}"#));
}

#[test]
fn what_is_not_strict_json_is_refused() {
    let bad = [
        "",
        " ",
        "{",
        "}",
        "{]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":007}",
        "{\"a\":+1}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":1e}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":tru}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\u{1}\"}",
        "{\"a\":\"\n\"}",
        "{} {}",
        "{}x",
        "{}\0",
        "\u{feff}{}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1 2]}",
        "{/**/}",
        "{\"a\":\"",
        "{\"a\":-}",
        "{\"a\":{]}",
        "{\"a\":[}]",
    ];
    for body in bad {
        assert!(
            matches!(Scan::read(Endpoint::SmsSingle, body.as_bytes()), Err(ScanError::Syntax(_))),
            "{body:?}"
        );
    }
    for body in ["[]", "1", "\"x\"", "null", " [{}] "] {
        assert_eq!(Scan::read(Endpoint::SmsSingle, body.as_bytes()).unwrap_err(), ScanError::NotAnObject);
    }
    assert_eq!(Scan::read(Endpoint::SmsSingle, b"{\"a\":\"\xff\"}").unwrap_err(), ScanError::Utf8(6));
}

#[test]
fn depth_is_limited_without_using_the_stack() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert!(Scan::read(Endpoint::SmsSingle, nested(128).as_bytes()).is_ok());
    assert_eq!(Scan::read(Endpoint::SmsSingle, nested(129).as_bytes()).unwrap_err(), ScanError::Depth);
    let deep = "{\"a\":".repeat(1_000_000);
    assert_eq!(Scan::read(Endpoint::SmsSingle, deep.as_bytes()).unwrap_err(), ScanError::Depth);
    let in_message = format!("{{\"messages\":[{{\"a\":{}{}}}]}}", "[".repeat(126), "]".repeat(126));
    assert_eq!(Scan::read(Endpoint::SmsBatch, in_message.as_bytes()).unwrap_err(), ScanError::Depth);
}

#[test]
fn a_key_that_is_read_may_not_be_there_twice() {
    for (first, second) in [
        ("destination", "destination"),
        ("destination", "Destination"),
        ("destination", "d\\u0065stination"),
        ("destinations", "DESTINATIONS"),
        ("messages", "me\u{17f}sages"),
        ("country", "Country"),
        ("channel", "CHANNEL"),
        ("template", "templat\\u0065"),
        ("codeLength", "codelength"),
    ] {
        let body = format!(r#"{{"{first}":"1","{second}":"2"}}"#);
        let error = Scan::read(Endpoint::VerifyStart, body.as_bytes()).unwrap_err();
        assert!(matches!(error, ScanError::Doubled(_)), "{body}");
    }
    let inside = r#"{"messages":[{"destination":"1","DESTINATION":"2"}]}"#;
    assert_eq!(
        Scan::read(Endpoint::SmsBatch, inside.as_bytes()).unwrap_err(),
        ScanError::Doubled("destination")
    );
    let beside = r#"{"destinations":[],"Messages":null}"#;
    assert_eq!(
        Scan::read(Endpoint::SmsBatch, beside.as_bytes()).unwrap_err(),
        ScanError::MessagesBesideDestinations
    );
}

#[test]
fn recipients_are_found_in_every_shape() {
    let read = |endpoint, body: &str| {
        let scan = Scan::read(endpoint, body.as_bytes()).unwrap();
        assert_eq!(scan.fault(), None, "{body}");
        let of = |r: &Recipient| {
            let text = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
            (text(r.destination(body.as_bytes())).unwrap(), text(r.country(body.as_bytes())))
        };
        scan.recipients().iter().map(of).collect::<Vec<_>>()
    };
    let one = |number: &str, country: Option<&str>| (number.to_owned(), country.map(str::to_owned));
    assert_eq!(
        read(Endpoint::VerifyStart, r#"{"Destination":"\u002b65 9123","country":"SG"}"#),
        [one("+65 9123", Some("SG"))]
    );
    assert_eq!(read(Endpoint::SmsSingle, r#"{"destination":"1","country":null}"#), [one("1", None)]);
    assert_eq!(
        read(Endpoint::SmsBatch, r#"{"destinations":["1","2"],"destination":"9"}"#),
        [one("1", None), one("2", None)]
    );
    assert_eq!(
        read(Endpoint::SmsBatch, r#"{"messages":[{"destination":"1"},{"country":"US","destination":"2"}]}"#),
        [one("1", None), one("2", Some("US"))]
    );
}

#[test]
fn what_keeps_destinations_from_being_read_is_a_fault() {
    let fault = |endpoint, body: &str| Scan::read(endpoint, body.as_bytes()).unwrap().fault().cloned();
    assert_eq!(fault(Endpoint::SmsSingle, "{}"), Some(Fault::DestinationMissing(0)));
    assert_eq!(
        fault(Endpoint::SmsSingle, r#"{"destination":6591234567}"#),
        Some(Fault::DestinationNotText(0))
    );
    assert_eq!(
        fault(Endpoint::SmsSingle, r#"{"destination":"1","country":["SG"]}"#),
        Some(Fault::CountryNotText(0))
    );
    assert_eq!(fault(Endpoint::SmsBatch, "{}"), Some(Fault::NoRecipients));
    assert_eq!(fault(Endpoint::SmsBatch, r#"{"messages":{}}"#), Some(Fault::NotAList("messages")));
    assert_eq!(fault(Endpoint::SmsBatch, r#"{"destinations":"1"}"#), Some(Fault::NotAList("destinations")));
    assert_eq!(
        fault(Endpoint::SmsBatch, r#"{"messages":[{"destination":"1"},[]]}"#),
        Some(Fault::MessageNotAnObject(1))
    );
    assert_eq!(fault(Endpoint::SmsBatch, r#"{"destinations":["1",2]}"#), Some(Fault::DestinationNotText(1)));
}

#[test]
fn destinations_are_counted_before_they_are_looked_at() {
    let batch = |n: usize| format!("{{\"destinations\":[{}]}}", vec!["\"x\""; n].join(","));
    let scan = Scan::read(Endpoint::SmsBatch, batch(10_000).as_bytes()).unwrap();
    assert_eq!(scan.recipients().len(), 10_000);
    assert_eq!(
        Scan::read(Endpoint::SmsBatch, batch(10_001).as_bytes()).unwrap_err(),
        ScanError::TooManyDestinations
    );
    let broken_after = format!("{{\"messages\":[{}", "{},".repeat(10_001));
    assert_eq!(
        Scan::read(Endpoint::SmsBatch, broken_after.as_bytes()).unwrap_err(),
        ScanError::TooManyDestinations
    );
}

/// Bodies that look like 8x8's, with every trap in them.
fn json() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("-0.10e+5".to_owned()),
        Just("123456789012345678901234567890".to_owned()),
        Just("\"\\u00e9\\\"{}[],:\"".to_owned()),
        "\"[a-zA-Z0-9 é]{0,20}\"".prop_map(|text| text),
    ];
    let space = || prop_oneof![4 => Just(""), 1 => Just(" "), 1 => Just("\n\t")];
    let key = prop_oneof![
        Just("clientIp"),
        Just("ClientIP"),
        Just("clien\\u0074Ip"),
        Just("text"),
        Just("x"),
        Just("\\ud83d\\ude00"),
    ];
    scalar.prop_recursive(4, 40, 6, move |inner| {
        let member = (key.clone(), space(), inner.clone(), space());
        prop_oneof![
            prop::collection::vec((space(), inner, space()), 0..4).prop_map(|items| {
                let items: Vec<_> = items.into_iter().map(|(a, v, b)| format!("{a}{v}{b}")).collect();
                format!("[{}]", items.join(","))
            }),
            prop::collection::vec(member, 0..5).prop_map(|members| {
                let members: Vec<_> =
                    members.into_iter().map(|(k, a, v, b)| format!("{a}\"{k}\"{b}:{a}{v}{b}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

/// What the layer should do, done on a parsed document. Duplicate keys other than `clientIp` are lost on both sides.
fn expected(placement: Placement, body: &str) -> Value {
    let strip = |object: &mut serde_json::Map<String, Value>| {
        object.retain(|key, _| !key.eq_ignore_ascii_case("clientIp"));
    };
    let mut value: Value = serde_json::from_str(body).unwrap();
    let root = value.as_object_mut().unwrap();
    strip(root);
    if placement != Placement::Nowhere {
        root.insert("clientIp".to_owned(), IP.into());
    }
    for message in root.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(message) = message.as_object_mut() {
            strip(message);
            if placement == Placement::Each {
                message.insert("clientIp".to_owned(), IP.into());
            }
        }
    }
    value
}

proptest! {
    #[test]
    fn the_result_is_the_document_with_client_ip_set_and_a_second_run_changes_nothing(
        messages in prop::collection::vec(json(), 0..5),
        other in json(),
        before in any::<bool>(),
    ) {
        let messages = messages.join(",");
        let body = if before {
            format!("{{\"clientIP\":{other},\"messages\":[{messages}],\"x\":{other}}}")
        } else {
            format!("{{\"x\":{other},\"messages\":[{messages}]}}")
        };
        for placement in [Placement::Top, Placement::Each, Placement::Nowhere] {
            let out = put(Endpoint::SmsBatch, placement, &body).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), expected(placement, &body));
            prop_assert_eq!(&put(Endpoint::SmsBatch, placement, &out).unwrap(), &out);
        }
    }

    #[test]
    fn any_bytes_are_judged_as_serde_json_judges_them(
        body in json(),
        cut in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = format!("{{\"a\":{body}}}").into_bytes();
        let at = cut.index(bytes.len());
        bytes[at] = byte;
        let ours = !matches!(
            Scan::read(Endpoint::SmsSingle, &bytes),
            Err(ScanError::Syntax(_) | ScanError::Utf8(_) | ScanError::Depth)
        );
        prop_assert_eq!(ours, serde_json::from_slice::<&serde_json::value::RawValue>(&bytes).is_ok());
    }
}
