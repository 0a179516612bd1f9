//! Every library asked for the same document, each in its own way; each call allocates its own output.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use simd_json::prelude::*;
use sonic_rs::JsonValueMutTrait;
use tollgate_8x8::Placement;
use tollgate_benches::Contender;

use crate::bodies::{ADDRESS, Case};

const KEY: &str = "clientIp";

/// The names, the copy first, ours second; [`field`] gives contenders in this order.
pub(crate) const NAMES: [&str; 6] =
    ["plain copy", "ours", "serde_json Value", "serde_json RawValue", "sonic-rs Value", "simd-json Value"];

type Rival = fn(&[u8], Placement) -> Vec<u8>;

const RIVALS: [Rival; 4] = [value, raw_value, sonic, simd];

/// All of them, after it was seen that their documents are the same.
pub(crate) fn field(case: &Case, placement: Placement) -> Vec<Contender<'_>> {
    let parse = |document: &[u8]| serde_json::from_slice::<serde_json::Value>(document).unwrap();
    let expected = parse(&value(&case.body, placement));
    assert!(parse(&crate::ours(case, placement)) == expected, "ours, {}", case.name);
    let [copy, ours, rivals @ ..] = NAMES;
    let mut field = vec![
        Contender::new(copy, || case.body.clone()),
        Contender::new(ours, move || crate::ours(case, placement)),
    ];
    for (name, rival) in rivals.into_iter().zip(RIVALS) {
        assert!(parse(&rival(&case.body, placement)) == expected, "{name}, {}", case.name);
        field.push(Contender::new(name, move || rival(&case.body, placement)));
    }
    field
}

fn value(body: &[u8], placement: Placement) -> Vec<u8> {
    let mut document: serde_json::Value = serde_json::from_slice(body).unwrap();
    let top = document.as_object_mut().unwrap();
    top.insert(KEY.to_owned(), ADDRESS.into());
    if let Some(messages) = top.get_mut("messages").and_then(serde_json::Value::as_array_mut) {
        for message in messages.iter_mut().filter_map(serde_json::Value::as_object_mut) {
            match placement {
                Placement::Each => message.insert(KEY.to_owned(), ADDRESS.into()),
                _ => message.remove(KEY),
            };
        }
    }
    serde_json::to_vec(&document).unwrap()
}

fn raw_value(body: &[u8], placement: Placement) -> Vec<u8> {
    let address = serde_json::value::to_raw_value(ADDRESS).unwrap();
    let mut top: Members<'_> = serde_json::from_slice(body).unwrap();
    let messages = top.0.iter_mut().find(|(key, _)| key == "messages").map(|(_, raw)| {
        let mut messages: Vec<Members<'_>> = serde_json::from_str(raw.get()).unwrap();
        for message in &mut messages {
            message.0.retain(|(key, _)| key != KEY);
            if placement == Placement::Each {
                message.0.push((KEY.into(), &address));
            }
        }
        let written = serde_json::value::to_raw_value(&messages).unwrap();
        (raw, written)
    });
    let mut written = None;
    if let Some((raw, list)) = messages {
        *raw = written.insert(list);
    }
    top.0.retain(|(key, _)| key != KEY);
    top.0.push((KEY.into(), &address));
    serde_json::to_vec(&top).unwrap()
}

/// An object whose values are not looked into.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(Key(key)) = map.next_key()? {
                    members.push((key, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

fn sonic(body: &[u8], placement: Placement) -> Vec<u8> {
    let mut document: sonic_rs::Value = sonic_rs::from_slice(body).unwrap();
    let top = document.as_object_mut().unwrap();
    top.insert(&KEY, ADDRESS);
    if let Some(messages) = top.get_mut(&"messages").and_then(JsonValueMutTrait::as_array_mut) {
        for message in messages.iter_mut().filter_map(JsonValueMutTrait::as_object_mut) {
            match placement {
                Placement::Each => {
                    message.insert(&KEY, ADDRESS);
                }
                _ => {
                    message.remove(&KEY);
                }
            }
        }
    }
    sonic_rs::to_vec(&document).unwrap()
}

fn simd(body: &[u8], placement: Placement) -> Vec<u8> {
    // It parses in place.
    let mut copy = body.to_vec();
    let mut document = simd_json::to_borrowed_value(&mut copy).unwrap();
    let top = document.as_object_mut().unwrap();
    top.insert(KEY.into(), ADDRESS.into());
    if let Some(messages) = top.get_mut("messages").and_then(|messages| messages.as_array_mut()) {
        for message in messages.iter_mut().filter_map(|message| message.as_object_mut()) {
            match placement {
                Placement::Each => message.insert(KEY.into(), ADDRESS.into()),
                _ => message.remove(KEY),
            };
        }
    }
    simd_json::to_vec(&document).unwrap()
}
