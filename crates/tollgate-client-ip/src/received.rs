//! Header lines that are not in the request any more.

use http::{HeaderMap, HeaderName, HeaderValue};

type Line = (HeaderName, HeaderValue);

/// Mostly none, which takes no memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received(Vec<Line>);

impl Received {
    pub(crate) fn lines(&self) -> &[Line] {
        &self.0
    }

    /// Adds all lines of a header.
    pub(crate) fn keep(&mut self, header: &HeaderName, headers: &HeaderMap) {
        let lines = headers.get_all(header).iter().map(|value| (header.clone(), value.clone()));
        self.0.extend(lines);
    }
}
