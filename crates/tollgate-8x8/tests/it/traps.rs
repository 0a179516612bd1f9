//! One test a trap, and with each what has to come of it.

use tollgate_8x8::{Endpoint, Fault, MAX_DESTINATIONS, Placement, Scan, ScanError};

use crate::{PLACEMENTS, is_json, put};

fn batch(placement: Placement, body: &str) -> String {
    String::from_utf8(put(Endpoint::SmsBatch, placement, body.as_bytes()).unwrap()).unwrap()
}

fn refused(body: impl AsRef<[u8]>) -> ScanError {
    Scan::read(Endpoint::SmsBatch, body.as_ref()).unwrap_err()
}

/// Not JSON: refused by us from this byte on, and by `serde_json`.
fn broken(body: impl AsRef<[u8]>, at: usize) {
    let body = body.as_ref();
    assert_eq!(refused(body), ScanError::Syntax(at), "{}", String::from_utf8_lossy(body));
    assert!(!is_json(body));
}

/// All spellings that some reader takes for `clientIp`.
const SPELLINGS: [&str; 9] = [
    "clientIp",
    "ClientIP",
    "clientip",
    "CLIENTIP",
    r"clien\u0074Ip",
    r"\u0063\u006C\u0069\u0065\u006e\u0074\u0049\u0070",
    r"client\u0131p",
    "cl\u{131}entIp",
    "client\u{130}p",
];

#[test]
fn every_spelling_in_every_place_becomes_one_client_ip_of_ours() {
    for key in SPELLINGS {
        let theirs = format!(r#""{key}":"6.6.6.6""#);
        for (members, want) in [
            (theirs.clone(), r#""clientIp":"203.0.113.7""#.to_owned()),
            (format!(r#"{theirs},"a":1"#), r#""clientIp":"203.0.113.7","a":1"#.to_owned()),
            (format!(r#""a":1,{theirs},"b":2"#), r#""a":1,"clientIp":"203.0.113.7","b":2"#.to_owned()),
            (format!(r#""a":1,{theirs}"#), r#""a":1,"clientIp":"203.0.113.7""#.to_owned()),
        ] {
            assert_eq!(batch(Placement::Top, &format!("{{{members}}}")), format!("{{{want}}}"));
            let body = format!(r#"{{"messages":[{{{members}}}]}}"#);
            let wanted = format!(r#"{{"messages":[{{{want}}}],"clientIp":"203.0.113.7"}}"#);
            assert_eq!(batch(Placement::Each, &body), wanted);
        }
    }
}

#[test]
fn what_only_looks_like_client_ip_is_left_alone() {
    for key in [
        "clientIp ",
        " clientIp",
        "client_ip",
        "clientIps",
        "clientI",
        r"clientIp\u0000",
        r"clientIp\udc00",
        "",
    ] {
        let body = format!(r#"{{"{key}":1}}"#);
        assert_eq!(batch(Placement::Nowhere, &body), body);
        let wanted = format!(r#"{{"{key}":1,"clientIp":"203.0.113.7"}}"#);
        assert_eq!(batch(Placement::Top, &body), wanted);
    }
}

/// Every list of up to four members, each a `clientIp` or not, in three layouts.
#[test]
fn in_every_combination_of_positions_one_is_left_or_none() {
    for [space, before_comma, after_comma] in [["", "", ""], [" ", " ", " "], ["\n\t", "", "\r\n  "]] {
        for length in 0..=4 {
            for pattern in 0..1_u32 << length {
                let is_theirs = |index: usize| pattern >> index & 1 == 1;
                let member = |index: usize| {
                    let key = SPELLINGS[index % SPELLINGS.len()];
                    if is_theirs(index) {
                        format!(r#""{key}"{space}:{space}{{"clientIp":[{index}]}}"#)
                    } else {
                        format!(r#""m{index}"{space}:{space}{index}"#)
                    }
                };
                let members: Vec<_> = (0..length).map(member).collect();
                let object =
                    format!("{{{space}{}{space}}}", members.join(&format!("{before_comma},{after_comma}")));
                let body = format!(r#"{{"messages":[{object},{object}]}}"#);
                let kept: Vec<_> =
                    (0..length).filter(|index| !is_theirs(*index)).map(|index| format!("m{index}")).collect();
                for placement in PLACEMENTS {
                    let out: serde_json::Value = serde_json::from_str(&batch(placement, &body)).unwrap();
                    for message in out["messages"].as_array().unwrap() {
                        let mut keys: Vec<_> = message.as_object().unwrap().keys().cloned().collect();
                        if placement == Placement::Each {
                            assert_eq!(message["clientIp"], "203.0.113.7");
                            keys.retain(|key| key != "clientIp");
                        }
                        assert_eq!(keys, kept, "{body:?}");
                    }
                }
                // What was put in comes out again without a trace, and without theirs.
                let none = batch(Placement::Nowhere, &body);
                let each = batch(Placement::Each, &body);
                assert_eq!(batch(Placement::Nowhere, &each), none, "{body:?}");
            }
        }
    }
}

#[test]
fn client_ip_of_any_kind_goes_with_all_that_is_in_it() {
    for value in [
        "null",
        "true",
        "-0.0e+0",
        "123456789012345678901234567890",
        "[]",
        "{}",
        r#"[{"clientIp":1},"]}"]"#,
        r#"{"clientIp":{"ClientIp":{"clientip":"6.6.6.6"}},"messages":[{"clientIp":1}]}"#,
        r#""\",\"clientIp\":\"6.6.6.6""#,
        r#""\\""#,
        r#""\ud800""#,
        r#""203.0.113.7\u0000""#,
    ] {
        let body = format!(r#"{{"messages":[{{"clientIp":{value}}}],"clientIp" : {value} }}"#);
        let out = batch(Placement::Top, &body);
        assert_eq!(out, r#"{"messages":[{}],"clientIp" : "203.0.113.7" }"#);
    }
}

#[test]
fn client_ip_in_what_is_not_ours_stays() {
    let inner = r#""template":{"clientIp":1},"dlr":[{"clientIp":2}],"x":{"messages":[{"clientIp":3}]}"#;
    let out = batch(Placement::Each, &format!(r#"{{{inner},"messages":[{{{inner}}}]}}"#));
    let put = r#""clientIp":"203.0.113.7""#;
    assert_eq!(out, format!(r#"{{{inner},"messages":[{{{inner},{put}}}],{put}}}"#));
    // A single SMS has no messages.
    let body = r#"{"messages":[{"clientIp":1}],"clientIp":2}"#;
    let out = put_single(body);
    assert_eq!(out, format!(r#"{{"messages":[{{"clientIp":1}}],{put}}}"#));
}

fn put_single(body: &str) -> String {
    String::from_utf8(put(Endpoint::SmsSingle, Placement::Each, body.as_bytes()).unwrap()).unwrap()
}

#[test]
fn numbers_and_escapes_are_passed_as_they_are_spelt() {
    for value in [
        "123456789012345678901234567890",
        "1e400",
        "-0",
        "[1.0,1e3,1E+3,0.10,1.5e-7]",
        r#""\u0041\/\b\f\n\r\t\"\\\ud83d\ude00""#,
        r#""\ud800""#,
        r#""\udc00\ud800 é 😀""#,
        r#"{"$serde_json::private::RawValue":"{\"clientIp\":1}"}"#,
        r#"{"$serde_json::private::Number":"1"}"#,
        r#"{"a":1,"a":2,"\ud800":3}"#,
    ] {
        let body = format!(r#"{{"a":{value}}}"#);
        assert_eq!(batch(Placement::Nowhere, &body), body);
        assert_eq!(batch(Placement::Top, &body), format!(r#"{{"a":{value},"clientIp":"203.0.113.7"}}"#));
    }
}

#[test]
fn numbers_and_words_that_json_does_not_have_are_refused() {
    for (value, at) in [
        ("NaN", 0),
        ("Infinity", 0),
        ("-Infinity", 1),
        ("007", 1),
        ("-", 1),
        ("+1", 0),
        (".5", 0),
        ("1.", 2),
        ("1.e3", 2),
        ("1e", 2),
        ("1e+", 3),
        ("0x10", 1),
        ("1_000", 1),
        ("True", 0),
        ("nul", 0),
        ("undefined", 0),
        ("'x'", 0),
        ("", 0),
    ] {
        broken(format!(r#"{{"a":{value}}}"#), 5 + at);
        broken(format!(r#"{{"messages":[{{"a":{value}}}]}}"#), 18 + at);
    }
}

#[test]
fn broken_strings_are_refused_wherever_the_string_is_long_or_short() {
    for fill in 0..40 {
        let fill = "x".repeat(fill);
        for (text, at) in [("\\x", 0), ("\\u12g4", 0), ("\\u", 0), ("\u{1f}", 0), ("\n", 0), ("\0", 0)] {
            broken(format!(r#"{{"a":"{fill}{text}{fill}"}}"#), 6 + fill.len() + at);
            broken(format!(r#"{{"{fill}{text}{fill}":1}}"#), 2 + fill.len() + at);
        }
        // These look like a stop to arithmetic on eight bytes at once, and are none.
        for text in ["\u{20}", "!", "#", "[", "]", "\u{7f}", "\u{80}", "\u{a2}", "\u{dc}", "\u{ffff}", "😀"]
        {
            let body = format!(r#"{{"a":"{fill}{text}{fill}{text}"}}"#);
            assert_eq!(batch(Placement::Nowhere, &body), body);
        }
        let body = format!(r#"{{"{fill}\\\"{fill}\u0022":"{fill}\"\\"}}"#);
        assert_eq!(batch(Placement::Nowhere, &body), body);
    }
}

#[test]
fn what_surrounds_or_interrupts_a_document_is_refused() {
    for (body, at) in [
        ("\u{feff}{}", 0),
        ("{}{}", 2),
        ("{} {}", 3),
        ("{}\0", 2),
        ("\0{}", 0),
        ("{}x", 2),
        ("{\u{a0}}", 1),
        ("{\u{c}}", 1),
        ("{\"a\":1,}", 7),
        ("{,}", 1),
        ("{\"a\":1,,\"b\":2}", 7),
        ("{\"a\":1;\"b\":2}", 6),
        ("{\"a\" 1}", 5),
        ("{/**/}", 1),
        ("{\"a\":1//\n}", 6),
        ("{\"a\":1#\n}", 6),
        ("{a:1}", 1),
        ("{'a':1}", 1),
        ("{1:1}", 1),
        ("{\"messages\":[,]}", 13),
        ("{\"messages\":[{},]}", 16),
        ("{\"messages\":[{}{}]}", 15),
        ("{\"messages\":[{]}", 14),
        ("{\"messages\":[}]}", 13),
        ("{\"messages\":[{}}", 15),
        ("", 0),
        (" \n", 2),
    ] {
        broken(body, at);
    }
    let whole = r#"{"messages":[{"destination":"1","clientIp":{"a":[1.5e3,true]}}],"clientIp":"\u0031"}"#;
    for cut in 0..whole.len() {
        assert!(matches!(refused(&whole[..cut]), ScanError::Syntax(_)), "{}", &whole[..cut]);
    }
}

#[test]
fn what_is_no_utf_8_is_refused_in_texts_and_keys_alike() {
    for (bytes, what) in [
        (&b"\xff"[..], "no byte of UTF-8"),
        (b"\xc0\xa2", "an overlong quote"),
        (b"\xed\xa0\x80", "a surrogate"),
        (b"\xf4\x90\x80\x80", "beyond Unicode"),
        (b"\xe2\x82", "cut off"),
    ] {
        let text = [b"{\"a\":\"", bytes, b"\"}"].concat();
        assert_eq!(refused(&text), ScanError::Utf8(6), "{what}");
        let key = [b"{\"", bytes, b"\":1}"].concat();
        assert_eq!(refused(&key), ScanError::Utf8(2), "{what}");
    }
}

#[test]
fn what_is_nested_128_deep_passes_and_no_deeper_wherever_it_is() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    for (before, outer, after) in [
        ("{\"a\":", 1, "}"),
        ("{\"clientIp\":", 1, "}"),
        ("{\"destination\":", 1, "}"),
        ("{\"destinations\":[", 2, "]}"),
        ("{\"messages\":[", 2, "]}"),
        ("{\"messages\":[{\"a\":", 3, "}]}"),
        ("{\"messages\":[{\"clientIp\":", 3, "}]}"),
        ("{\"messages\":{\"a\":", 2, "}}"),
    ] {
        for make in [&nested as &dyn Fn(usize) -> String, &objects] {
            let body = |depth: usize| format!("{before}{}{after}", make(depth - outer));
            for placement in PLACEMENTS {
                let out = put(Endpoint::SmsBatch, placement, body(128).as_bytes()).unwrap();
                assert!(is_json(&out));
            }
            assert_eq!(refused(body(129)), ScanError::Depth, "{before}");
            // As much as a body may have, and the stack is not used.
            assert_eq!(refused(format!("{before}{}", "[".repeat(8 << 20))), ScanError::Depth, "{before}");
        }
    }
}

#[test]
fn nothing_but_objects_in_messages_gets_an_address() {
    let body = r#"{"messages":[{},7,null,"clientIp",[{"clientIp":1}],{ }]}"#;
    assert_eq!(
        batch(Placement::Each, body),
        r#"{"messages":[{"clientIp":"203.0.113.7"},7,null,"clientIp",[{"clientIp":1}],{"clientIp":"203.0.113.7" }],"clientIp":"203.0.113.7"}"#
    );
    assert_eq!(
        Scan::read(Endpoint::SmsBatch, body.as_bytes()).unwrap().fault(),
        Some(&Fault::DestinationMissing(0))
    );
    for list in ["null", "7", r#""x""#, r#"{"clientIp":1}"#, "[]", "[ ]"] {
        let body = format!(r#"{{"messages":{list}}}"#);
        assert_eq!(
            batch(Placement::Each, &body),
            format!(r#"{{"messages":{list},"clientIp":"203.0.113.7"}}"#)
        );
        assert!(Scan::read(Endpoint::SmsBatch, body.as_bytes()).unwrap().fault().is_some());
    }
}

#[test]
fn ten_thousand_messages_are_taken_and_not_one_more() {
    let body = |count: usize| format!(r#"{{"messages":[{}]}}"#, vec!["{}"; count].join(","));
    let out = batch(Placement::Each, &body(MAX_DESTINATIONS));
    assert_eq!(out.matches(r#"{"clientIp":"203.0.113.7"}"#).count(), MAX_DESTINATIONS);
    assert_eq!(refused(body(MAX_DESTINATIONS + 1)), ScanError::TooManyDestinations);
    let scalars = format!(r#"{{"messages":[{}]}}"#, vec!["0"; MAX_DESTINATIONS + 1].join(","));
    assert_eq!(refused(scalars), ScanError::TooManyDestinations);
    let long = format!(r#"{{"a":[{}]}}"#, vec!["{}"; 50_000].join(","));
    assert_eq!(batch(Placement::Nowhere, &long), long);
}

#[test]
fn two_lists_of_messages_are_refused_however_they_are_spelt() {
    for second in ["messages", "Messages", r"m\u0065ssages", "me\u{17f}\u{17f}ages"] {
        let body = format!(r#"{{"messages":[],"{second}":[{{"clientIp":1}}]}}"#);
        assert_eq!(refused(body), ScanError::Doubled("messages"));
        let body = format!(r#"{{"{second}":[{{"clientIp":1}}],"a":1,"destinations":["1"]}}"#);
        assert_eq!(refused(body), ScanError::MessagesBesideDestinations);
    }
}
