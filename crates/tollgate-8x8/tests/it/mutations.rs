//! Bodies as 8x8 takes them, and what becomes of them when they are bent.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;
use tollgate_8x8::{Endpoint, Placement, Scan, ScanError};

use crate::{ADDRESS, PLACEMENTS, is_json, put};

const BODIES: [&str; 5] = [
    r#"{"destination":"+6591234567","country":"SG","source":"ACME","text":"Your code is 482913.","encoding":"AUTO"}"#,
    r#"{"messages":[{"destination":"+6591234567","text":"é \"1\""},{"destination":"+6591234568","country":null}],"source":"ACME","priority":1}"#,
    "{ \"messages\" : [ { } , 7 , { \"a\" : { \"clientIp\" : [ ] } } ] ,\n\t\"x\" : -1.5e+3 }\r\n",
    r#"{"destinations":["+6591234567","+6591234568"],"text":"1","track":{"a":[[],{}]}}"#,
    r#"{"destination":"+6591234567","channel":"sms","codeLength":6,"whatsapp":{"templateName":"x"},"template":null}"#,
];

const PIECES: [&str; 24] = [
    r#""clientIp":"6.6.6.6","#,
    r#","ClientIP":{"clientIp":1}"#,
    r#""clien\u0074Ip":null"#,
    "\"cl\u{131}entIp\":[],",
    r#""messages":[{"clientIp":1}],"#,
    r#""destination":"1","#,
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\ud800",
    "\u{feff}",
    " \n",
    "NaN",
    "1e400",
    "-",
    "/**/",
    "\0",
    "null",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
];

#[derive(Clone, Debug)]
enum Mutation {
    Byte(Index, u8),
    Insert(Index, &'static str),
    Remove(Index, usize),
    /// A stretch again, somewhere else.
    Copy(Index, usize, Index),
    /// What looks like a member, once more behind itself.
    Double(Index),
}

impl Mutation {
    fn apply(&self, body: &mut Vec<u8>) {
        let length = body.len();
        if length == 0 {
            return;
        }
        match self {
            Self::Byte(at, byte) => body[at.index(length)] = *byte,
            Self::Insert(at, piece) => insert(body, at.index(length), piece.as_bytes()),
            Self::Remove(at, count) => {
                let at = at.index(length);
                body.drain(at..(at + count).min(length));
            }
            Self::Copy(from, count, to) => {
                let from = from.index(length);
                let piece = body[from..(from + count).min(length)].to_vec();
                insert(body, to.index(length), &piece);
            }
            Self::Double(member) => {
                let commas: Vec<_> =
                    (0..length).filter(|&at| matches!(body[at], b',' | b'{' | b'}')).collect();
                if let Some(&[from, to]) =
                    commas.windows(2).nth(member.index(commas.len().max(1))).and_then(<[usize]>::first_chunk)
                {
                    let piece = [b",", &body[from + 1..to]].concat();
                    insert(body, to, &piece);
                }
            }
        }
    }
}

fn insert(body: &mut Vec<u8>, at: usize, piece: &[u8]) {
    body.splice(at..at, piece.iter().copied());
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<Index>;
    prop_oneof![
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Byte(at, byte)),
        4 => (at(), select(&PIECES[..])).prop_map(|(at, piece)| Mutation::Insert(at, piece)),
        1 => (at(), 1..20_usize).prop_map(|(at, length)| Mutation::Remove(at, length)),
        1 => (at(), 1..40_usize, at()).prop_map(|(from, length, to)| Mutation::Copy(from, length, to)),
        2 => at().prop_map(Mutation::Double),
    ]
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    prop_oneof![
        3 => Just(Endpoint::SmsBatch),
        1 => select(&Endpoint::DISPATCHES[..]),
        1 => Just(Endpoint::SmaCoverage),
    ]
}

/// How often the object has a key that is `clientIp` to somebody; of each spelling, `Value` keeps one.
fn spellings(object: &Value) -> Vec<&String> {
    let fold = |key: &str| key.replace(['ı', 'İ'], "i").to_ascii_lowercase();
    object
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key)
        .filter(|key| fold(key) == "clientip")
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_bent_body_is_refused_or_injected_and_nothing_between(
        body in select(&BODIES[..]),
        mutations in prop::collection::vec(mutation(), 0..4),
        endpoint in endpoint(),
    ) {
        let mut body = body.as_bytes().to_vec();
        mutations.iter().for_each(|mutation| mutation.apply(&mut body));
        match Scan::read(endpoint, &body) {
            Err(ScanError::Syntax(_) | ScanError::Utf8(_)) => prop_assert!(!is_json(&body)),
            Ok(_) | Err(ScanError::NotAnObject) => prop_assert!(is_json(&body)),
            Err(_) => {}
        }
        let Ok(none) = put(endpoint, Placement::Nowhere, &body) else { return Ok(()) };
        for placement in PLACEMENTS {
            let out = put(endpoint, placement, &body).unwrap();
            prop_assert!(is_json(&out));
            prop_assert_eq!(&put(endpoint, placement, &out).unwrap(), &out, "a second time");
            // What is put in can be taken out again, and then every byte is where it was.
            prop_assert_eq!(&put(endpoint, Placement::Nowhere, &out).unwrap(), &none);
            let Ok(document) = serde_json::from_slice::<Value>(&out) else { continue };
            let wanted = if placement == Placement::Nowhere { vec![] } else { vec!["clientIp"] };
            prop_assert_eq!(spellings(&document), wanted);
            if placement != Placement::Nowhere {
                prop_assert_eq!(&document["clientIp"], ADDRESS);
            }
            if let (true, Some(messages)) = (endpoint.is_batch(), messages(&document)) {
                for message in messages.iter().filter(|message| message.is_object()) {
                    let wanted = if placement == Placement::Each { vec!["clientIp"] } else { vec![] };
                    prop_assert_eq!(spellings(message), wanted);
                }
            }
        }
    }

    #[test]
    fn a_body_without_client_ip_is_sent_as_it_is_but_for_ours(
        body in select(&BODIES[..]),
        endpoint in endpoint(),
        spaces in prop::collection::vec((any::<Index>(), select(&[" ", "\n", "\t\r"][..])), 0..6),
    ) {
        let mut body = body.to_owned();
        for (at, space) in spaces {
            // Beside structure there may be white space anywhere; in texts it is text.
            let places: Vec<_> = body.match_indices(['{', '}', '[', ']', ',', ':']).map(|(at, _)| at).collect();
            body.insert_str(places[at.index(places.len())], space);
        }
        for placement in PLACEMENTS {
            let out = put(endpoint, placement, body.as_bytes()).unwrap();
            let out = String::from_utf8(out).unwrap();
            let ours = format!("\"clientIp\":\"{ADDRESS}\"");
            let back = out.replace(&format!(",{ours}"), "").replace(&ours, "");
            prop_assert_eq!(&back, &body);
        }
    }
}

fn messages(document: &Value) -> Option<&Vec<Value>> {
    let (_, list) = document
        .as_object()?
        .iter()
        .find(|(key, _)| key.replace('ſ', "s").eq_ignore_ascii_case("messages"))?;
    list.as_array()
}
