use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::request::Parts;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// All recorded bodies together may take this much, so that a thousand large batches do not fill the memory.
const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;

/// One request as it arrived, whatever the answer was.
///
/// It serializes as `GET /_sandbox/requests` shows it. `Debug` shows everything but the API key.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Recorded {
    /// The method.
    pub method: String,
    /// The path with its query, as it was written.
    pub path: String,
    /// Name and value, each repeated header by itself; names are lower case, and values hold a `char` for each byte
    /// (ISO 8859-1).
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: RecordedBody,
}

impl Recorded {
    pub(crate) fn new(head: &Parts, body: Bytes) -> Self {
        let headers = head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), latin1(value.as_bytes())))
            .collect();
        let path = head.uri.path_and_query().map_or_else(|| head.uri.path().to_owned(), ToString::to_string);
        Self { method: head.method.to_string(), path, headers, body: RecordedBody(body) }
    }

    /// The first value of a header; `name` in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| match name == AUTHORIZATION.as_str() {
                true => (name.as_str(), "***"),
                false => (name.as_str(), value.as_str()),
            })
            .collect();
        f.debug_struct("Recorded")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("headers", &headers)
            .field("body", &self.body)
            .finish()
    }
}

/// A recorded body.
///
/// It serializes as the JSON value it is, with the spelling of its numbers and strings untouched; as a string if it is
/// no JSON; as null if it is empty.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordedBody(Bytes);

impl RecordedBody {
    /// The bytes that arrived.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The body read as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.0).unwrap_or(Value::Null)
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl fmt::Debug for RecordedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl Serialize for RecordedBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            return serializer.serialize_unit();
        }
        match serde_json::from_slice::<&RawValue>(&self.0) {
            Ok(json) => json.serialize(serializer),
            Err(_) => serializer.serialize_str(&self.text()),
        }
    }
}

/// The newest requests.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    requests: VecDeque<Recorded>,
    body_bytes: usize,
}

impl Ring {
    pub(crate) fn push(&mut self, request: Recorded, max: usize) {
        self.body_bytes += request.body.0.len();
        self.requests.push_back(request);
        while self.requests.len() > max || self.body_bytes > MAX_BODY_BYTES {
            let Some(oldest) = self.requests.pop_front() else {
                break;
            };
            self.body_bytes -= oldest.body.0.len();
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn to_vec(&self) -> Vec<Recorded> {
        self.requests.iter().cloned().collect()
    }
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_size(bytes: usize) -> Recorded {
        let (head, ()) = http::Request::new(()).into_parts();
        Recorded::new(&head, Bytes::from(vec![b' '; bytes]))
    }

    #[test]
    fn recorded_bodies_are_bounded_in_bytes_too() {
        let mut ring = Ring::default();
        for _ in 0..20 {
            ring.push(of_size(16 * 1024 * 1024), 1_000);
        }
        assert_eq!(ring.to_vec().len(), 16);
        assert_eq!(ring.body_bytes, MAX_BODY_BYTES);
    }

    #[test]
    fn a_body_serializes_with_the_spelling_it_came_in() {
        let shown = |body: &'static str| {
            serde_json::to_string(&RecordedBody(Bytes::from_static(body.as_bytes()))).unwrap()
        };
        assert_eq!(
            shown(" {\"b\":1.50,\"a\":1e2,\"b\":\"\\u0041\"} "),
            "{\"b\":1.50,\"a\":1e2,\"b\":\"\\u0041\"}"
        );
        assert_eq!(shown("code=1234"), "\"code=1234\"");
        assert_eq!(shown(""), "null");
    }

    #[test]
    fn debug_hides_the_api_key() {
        let (mut head, ()) = http::Request::new(()).into_parts();
        head.headers.insert(AUTHORIZATION, "Bearer secret".parse().unwrap());
        let recorded = Recorded::new(&head, Bytes::new());
        assert!(!format!("{recorded:?}").contains("secret"));
        assert_eq!(recorded.header("Authorization"), Some("Bearer secret"));
    }
}
