//! Header lines as they came.

use http::{HeaderMap, HeaderName, HeaderValue};

type Line = (HeaderName, HeaderValue);

/// Lines kept: mostly none or one, which take no memory of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Received {
    #[default]
    None,
    One([Line; 1]),
    Many(Vec<Line>),
}

impl Received {
    pub(crate) fn lines(&self) -> &[Line] {
        match self {
            Self::None => &[],
            Self::One(line) => line,
            Self::Many(lines) => lines,
        }
    }

    /// Adds all lines of a header.
    pub(crate) fn keep(&mut self, header: &HeaderName, headers: &HeaderMap) {
        for value in headers.get_all(header) {
            self.push((header.clone(), value.clone()));
        }
    }

    fn push(&mut self, line: Line) {
        *self = match std::mem::take(self) {
            Self::None => Self::One([line]),
            Self::One([first]) => Self::Many(vec![first, line]),
            Self::Many(mut lines) => {
                lines.push(line);
                Self::Many(lines)
            }
        };
    }
}
