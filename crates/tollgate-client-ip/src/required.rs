//! The header that proves whose proxy a peer is.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use subtle::ConstantTimeEq;

use crate::entry::trim;

/// A header, and the one value it may have.
#[derive(Clone)]
pub(crate) struct Required {
    pub(crate) header: &'static HeaderName,
    value: Vec<u8>,
}

impl Required {
    pub(crate) fn new(header: &'static HeaderName, value: &HeaderValue) -> Self {
        Self { header, value: value.as_bytes().to_vec() }
    }

    /// Once, and equal: of two values one may be the client's. In constant time, so that a secret is not guessed byte by
    /// byte.
    pub(crate) fn is_met(&self, headers: &HeaderMap) -> bool {
        let mut lines = headers.get_all(self.header).into_iter();
        match (lines.next(), lines.next()) {
            (Some(line), None) => trim(line.as_bytes()).ct_eq(&self.value).into(),
            _ => false,
        }
    }
}

/// Without the value.
impl fmt::Debug for Required {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Required").field("header", &self.header).finish_non_exhaustive()
    }
}
