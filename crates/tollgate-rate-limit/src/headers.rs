//! What answers tell of the limits: `RateLimit-Policy` and `RateLimit`, or `X-RateLimit-*`.

use std::io::Write as _;
use std::sync::Arc;

use arc_swap::Guard;
use http::{HeaderMap, HeaderName, HeaderValue};
use smallvec::SmallVec;

use crate::Quota;
use crate::rule::{Standing, Terms};

/// When answers tell of a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeadersOn {
    /// Never.
    Never,
    /// On the limit's own refusals.
    #[default]
    Refused,
    /// Also when a fifth or less of its burst is left.
    Near,
    /// On every answer to a request that it applies to.
    Always,
}

/// The fields that tell of limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeaderForm {
    /// `RateLimit-Policy` and `RateLimit`, as structured fields (RFC 9651) with an item for each limit.
    ///
    /// Source: <https://www.ietf.org/archive/id/draft-ietf-httpapi-ratelimit-headers-10.html>. Later drafts rename the
    /// parameters, so that the form has its draft in its name.
    #[default]
    Draft10,
    /// `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset` (seconds from now) of the limit with the
    /// least left: no standard, but widely read.
    XRateLimit,
}

/// What an answer tells of one limit.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) name: &'a str,
    pub(crate) terms: Guard<Arc<Terms>>,
    pub(crate) standing: Standing,
}

impl HeadersOn {
    /// Whether to tell of a limit of this burst with so much left, that refuses the request or not.
    pub(crate) fn tells(self, refuses: bool, remaining: u64, burst: u32) -> bool {
        match self {
            Self::Never => false,
            Self::Refused => refuses,
            Self::Near => refuses || remaining * 5 <= u64::from(burst),
            Self::Always => true,
        }
    }
}

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Puts what is to be told into an answer's headers.
pub(crate) fn tell<'a>(form: HeaderForm, mut told: impl Iterator<Item = Told<'a>>, headers: &mut HeaderMap) {
    match form {
        HeaderForm::Draft10 => {
            let Some(first) = told.next() else { return };
            let mut rate_limit = Line::new();
            item(&mut rate_limit, &first);
            let Some(second) = told.next() else {
                // Alone, as most often: its policy is rendered already.
                headers.append(POLICY, first.terms.policy.clone());
                append(headers, RATE_LIMIT, &rate_limit);
                return;
            };
            let mut policies = Line::from_slice(first.terms.policy.as_bytes());
            for next in std::iter::once(second).chain(told) {
                policies.extend_from_slice(b", ");
                policies.extend_from_slice(next.terms.policy.as_bytes());
                rate_limit.extend_from_slice(b", ");
                item(&mut rate_limit, &next);
            }
            append(headers, POLICY, &policies);
            append(headers, RATE_LIMIT, &rate_limit);
        }
        HeaderForm::XRateLimit => {
            let least = told.min_by_key(|told| (told.standing.remaining, u64::MAX - told.standing.reset));
            let Some(least) = least else { return };
            for (name, value) in [
                ("x-ratelimit-limit", u64::from(least.terms.quota.requests)),
                ("x-ratelimit-remaining", least.standing.remaining),
                ("x-ratelimit-reset", least.standing.reset),
            ] {
                // What a limiter further in has told is more to the point.
                headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from(value));
            }
        }
    }
}

/// A field's value while it is written: on the stack, as long as it is short.
type Line = SmallVec<[u8; 128]>;

fn append(headers: &mut HeaderMap, name: HeaderName, value: &Line) {
    if let Ok(value) = HeaderValue::from_bytes(value) {
        // Both fields are lists: what a limiter further in has told stays.
        headers.append(name, value);
    }
}

fn item(line: &mut Line, told: &Told<'_>) {
    push_string(line, told.name);
    // Writing to memory cannot fail.
    let _ = write!(line, ";r={};t={}", told.standing.remaining, told.standing.reset);
}

/// A limit's item of `RateLimit-Policy`: its requests, in its period in seconds, rounded up.
pub(crate) fn policy(name: &str, quota: Quota) -> HeaderValue {
    let mut line = Line::new();
    push_string(&mut line, name);
    let seconds = quota.period.as_secs() + u64::from(quota.period.subsec_nanos() > 0);
    let _ = write!(line, ";q={};w={}", quota.requests, seconds.max(1));
    // A name of printable ASCII, escaped: a header value, as the limiter has checked.
    HeaderValue::from_bytes(&line).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// A String of RFC 9651 §3.3.3.
fn push_string(line: &mut Line, text: &str) {
    line.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            line.push(b'\\');
        }
        line.push(byte);
    }
    line.push(b'"');
}
