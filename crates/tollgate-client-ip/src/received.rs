//! Header lines that are not in the request any more.

use http::{HeaderMap, HeaderName, HeaderValue};

type Line = (HeaderName, HeaderValue);

/// Mostly none, and then it takes a pointer's room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received(Option<Box<Vec<Line>>>);

impl Received {
    pub(crate) fn lines(&self) -> &[Line] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    /// Adds all lines of a header.
    pub(crate) fn keep(&mut self, header: &HeaderName, headers: &HeaderMap) {
        let lines = headers.get_all(header).iter().map(|value| (header.clone(), value.clone()));
        self.0.get_or_insert_default().extend(lines);
    }
}
