//! The response a layer gives instead of calling on.

mod format;
mod json;
mod kind;
mod rpc;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

pub use format::RefusalFormat;
pub use json::escape_into;
pub use kind::RefusalKind;

/// Names the [`RefusalKind`] on every refusal, so that it is never mistaken for 8x8's own answer.
pub const HEADER: http::HeaderName = http::HeaderName::from_static("tollgate-refusal");

/// A wait as callers are told it: in whole seconds, rounded up, at least 1.
#[must_use]
pub fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// Why a request was not passed on.
///
/// A layer renders it with its [`RefusalFormat`]. The response carries the header `tollgate-refusal: <kind>` and the
/// [`RefusalKind`] in its extensions.
#[derive(Clone, Debug)]
pub struct Refusal {
    kind: RefusalKind,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
    members: Vec<(&'static str, Member)>,
}

/// The value of an additional member of a refusal's body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Member {
    /// A number.
    Number(u64),
    /// A list of texts.
    Texts(Arc<[String]>),
    /// The text of a JSON value, written as it is.
    Json(Arc<str>),
}

impl Refusal {
    /// A refusal; `detail` says to the caller what was wrong, with the field, the value and the remedy.
    #[must_use]
    pub fn new(kind: RefusalKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into(), retry_after: None, members: Vec::new() }
    }

    /// When it is worth asking again. `Retry-After` is sent in whole seconds, rounded up, at least 1.
    #[must_use]
    pub fn with_retry_after(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }

    /// Adds a member to the body: a problem detail's extension (RFC 9457 §3.2).
    #[must_use]
    pub fn with_member(mut self, name: &'static str, member: Member) -> Self {
        self.members.push((name, member));
        self
    }

    /// What kind of refusal this is.
    #[must_use]
    pub fn kind(&self) -> RefusalKind {
        self.kind
    }

    /// What was wrong, in words.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// When it is worth asking again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The wait in whole seconds, rounded up, at least 1 (RFC 9110 §10.2.3).
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(whole_seconds)
    }

    /// Additional members of the body.
    #[must_use]
    pub fn members(&self) -> &[(&'static str, Member)] {
        &self.members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_and_never_zero() {
        let seconds =
            |wait| Refusal::new(RefusalKind::RateLimited, "").with_retry_after(wait).retry_after_seconds();
        assert_eq!(seconds(Duration::ZERO), Some(1));
        assert_eq!(seconds(Duration::from_millis(900)), Some(1));
        assert_eq!(seconds(Duration::from_millis(1001)), Some(2));
        assert_eq!(seconds(Duration::from_secs(60)), Some(60));
    }
}
