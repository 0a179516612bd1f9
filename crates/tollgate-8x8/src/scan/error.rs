use std::fmt;

use tollgate_core::{Refusal, RefusalKind};

use super::MAX_DESTINATIONS;
use crate::json::{JsonError, MAX_DEPTH};

/// Why a body cannot be read in one way only. Positions are bytes from the body's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScanError {
    /// Not UTF-8 from here.
    Utf8(usize),
    /// Not JSON (RFC 8259) from here.
    Syntax(usize),
    /// Nested deeper than 128.
    Depth,
    /// JSON, but not an object.
    NotAnObject,
    /// A key that Tollgate reads is there twice, in some spelling.
    Doubled(&'static str),
    /// `messages` and `destinations` in one batch.
    MessagesBesideDestinations,
    /// More than [`MAX_DESTINATIONS`].
    TooManyDestinations,
    /// 4 GiB or more.
    TooLong,
}

impl From<JsonError> for ScanError {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Syntax(at) => Self::Syntax(at),
            JsonError::Depth => Self::Depth,
        }
    }
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utf8(at) => write!(f, "the body is not UTF-8 at byte {at}"),
            Self::Syntax(at) => write!(f, "the body is not JSON (RFC 8259) at byte {at}"),
            Self::Depth => write!(f, "the body is nested deeper than {MAX_DEPTH}"),
            Self::NotAnObject => f.write_str("the body is JSON, but not an object"),
            Self::Doubled(key) => {
                write!(f, "the key {key:?} is given twice (escapes and letter case aside): give it once")
            }
            Self::MessagesBesideDestinations => {
                f.write_str("\"messages\" and \"destinations\" are both given: give one of them")
            }
            Self::TooManyDestinations => {
                write!(f, "more than {MAX_DESTINATIONS} destinations: send them in several batches")
            }
            Self::TooLong => f.write_str("the body is longer than 4 GiB"),
        }
    }
}

impl std::error::Error for ScanError {}

impl From<ScanError> for Refusal {
    fn from(error: ScanError) -> Self {
        let kind = match error {
            ScanError::Utf8(_) | ScanError::Syntax(_) | ScanError::Depth => RefusalKind::InvalidJson,
            ScanError::NotAnObject => RefusalKind::InvalidShape,
            ScanError::Doubled(_) | ScanError::MessagesBesideDestinations => RefusalKind::AmbiguousKey,
            ScanError::TooManyDestinations => RefusalKind::TooManyDestinations,
            ScanError::TooLong => RefusalKind::BodyTooLarge,
        };
        Refusal::new(kind, error.to_string())
    }
}

/// Why a dispatch's destinations, or what else the guard reads in it, cannot be read. Indices count from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// This recipient has no `destination`.
    DestinationMissing(usize),
    /// This recipient's `destination` is not a string.
    DestinationNotText(usize),
    /// This recipient's `country` is neither text nor null.
    CountryNotText(usize),
    /// This one of `messages` is not an object.
    MessageNotAnObject(usize),
    /// This key's value is not a list.
    NotAList(&'static str),
    /// The `codeLength` is not a whole number from 3 to 10; with what it is, where that is short.
    CodeLength(Option<String>),
    /// A batch without `messages` and `destinations`, or with an empty list.
    NoRecipients,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DestinationMissing(index) => write!(f, "recipient {index} has no \"destination\""),
            Self::DestinationNotText(index) => {
                write!(f, "the \"destination\" of recipient {index} is not a string: write \"+…\" in quotes")
            }
            Self::CountryNotText(index) => {
                write!(f, "the \"country\" of recipient {index} is not a string: write two letters in quotes")
            }
            Self::MessageNotAnObject(index) => write!(f, "messages[{index}] is not an object"),
            Self::NotAList(key) => write!(f, "{key:?} is not a list"),
            Self::CodeLength(value) => {
                let value = value.as_deref().unwrap_or("no such number");
                write!(f, "\"codeLength\": {value}: write a whole number from 3 to 10")
            }
            Self::NoRecipients => f.write_str("there is no recipient: fill \"messages\" or \"destinations\""),
        }
    }
}

impl From<&Fault> for Refusal {
    fn from(fault: &Fault) -> Self {
        Refusal::new(RefusalKind::InvalidShape, fault.to_string())
    }
}
