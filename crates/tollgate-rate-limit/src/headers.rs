//! What answers tell of the limits: `RateLimit-Policy` and `RateLimit`, or `X-RateLimit-*`.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::Limit;

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

/// How a client stands with one limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left<'a> {
    pub(crate) limit: &'a Limit,
    /// How many requests would pass now.
    pub(crate) remaining: u64,
    /// Seconds until there are more, at least 1.
    pub(crate) reset: u64,
    /// Whether this limit refuses the request.
    pub(crate) refuses: bool,
}

impl Left<'_> {
    fn is_told(&self) -> bool {
        match self.limit.headers() {
            HeadersOn::Never => false,
            HeadersOn::Refused => self.refuses,
            HeadersOn::Near => self.refuses || self.remaining * 5 <= u64::from(self.limit.quota().burst),
            HeadersOn::Always => true,
        }
    }
}

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Puts what is to be told of `lefts` into an answer's headers.
pub(crate) fn tell<'a>(form: HeaderForm, lefts: impl Iterator<Item = Left<'a>>, headers: &mut HeaderMap) {
    let mut told = lefts.filter(Left::is_told);
    match form {
        HeaderForm::Draft10 => {
            let Some(first) = told.next() else { return };
            let mut rate_limit = item(String::with_capacity(48), &first);
            let Some(second) = told.next() else {
                // Alone, as most often: its policy is rendered already.
                insert(headers, POLICY, Some(first.limit.policy().clone()));
                insert(headers, RATE_LIMIT, HeaderValue::try_from(rate_limit).ok());
                return;
            };
            let mut policies = first.limit.policy().as_bytes().to_vec();
            for left in std::iter::once(second).chain(told) {
                policies.extend_from_slice(b", ");
                policies.extend_from_slice(left.limit.policy().as_bytes());
                rate_limit.push_str(", ");
                rate_limit = item(rate_limit, &left);
            }
            insert(headers, POLICY, HeaderValue::try_from(policies).ok());
            insert(headers, RATE_LIMIT, HeaderValue::try_from(rate_limit).ok());
        }
        HeaderForm::XRateLimit => {
            let Some(least) = told.min_by_key(|left| (left.remaining, u64::MAX - left.reset)) else { return };
            for (name, value) in [
                ("x-ratelimit-limit", u64::from(least.limit.quota().requests)),
                ("x-ratelimit-remaining", least.remaining),
                ("x-ratelimit-reset", least.reset),
            ] {
                headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
            }
        }
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    if let Some(value) = value {
        headers.insert(name, value);
    }
}

fn item(mut out: String, left: &Left<'_>) -> String {
    push_string(&mut out, left.limit.name());
    // Writing to a string cannot fail.
    let _ = write!(out, ";r={};t={}", left.remaining, left.reset);
    out
}

/// A limit's item of `RateLimit-Policy`: its requests, in its period in seconds, rounded up.
pub(crate) fn policy(limit: &Limit) -> HeaderValue {
    let quota = limit.quota();
    let mut out = String::with_capacity(48);
    push_string(&mut out, limit.name());
    let seconds = quota.period.as_secs() + u64::from(quota.period.subsec_nanos() > 0);
    let _ = write!(out, ";q={};w={}", quota.requests, seconds.max(1));
    // A name of printable ASCII, escaped: a header value, as the limiter has checked.
    HeaderValue::try_from(out).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// A String of RFC 9651 §3.3.3.
fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}
