use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use http::{Extensions, HeaderMap, Method, Request, Uri};
use tollgate_core::PrefixLengths;

use crate::Quota;
use crate::error::ConfigError;

/// What a limit may know of a request: everything but its body.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The URI, as the layer sees it: a router in front may have cut off a prefix.
    pub uri: &'a Uri,
    /// The headers. Anybody can write them: a limit that a header switches off is no limit.
    pub headers: &'a HeaderMap,
    /// What servers and layers in front have put there: the matched route, the caller's account.
    pub extensions: &'a Extensions,
}

impl<'a, B> From<&'a Request<B>> for RequestHead<'a> {
    fn from(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

impl<'a> From<&'a Parts> for RequestHead<'a> {
    fn from(parts: &'a Parts) -> Self {
        Self {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            extensions: &parts.extensions,
        }
    }
}

/// What a limit does when it is used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Refuses.
    #[default]
    Enforce,
    /// Lets through and reports: metrics and events show what enforcing this limit alone would do. What it would
    /// refuse is not charged to it, as it would not be if it were enforced.
    Monitor,
    /// Is not looked at and takes no memory. It must be valid all the same.
    Off,
}

type Predicate = Arc<dyn Fn(&RequestHead<'_>) -> bool + Send + Sync>;

/// A named quota: for every client, of the requests it applies to.
///
/// ```
/// use std::time::Duration;
/// use tollgate_rate_limit::{Limit, Mode, Quota};
///
/// let sign_ups = Limit::new("sign-ups", Quota::requests(3).per(Duration::from_secs(600)))
///     .only(|request| request.method == http::Method::POST && request.uri.path() == "/sign-up")
///     .with_mode(Mode::Monitor);
/// assert_eq!(sign_ups.name(), "sign-ups");
/// ```
#[derive(Clone)]
pub struct Limit {
    name: Cow<'static, str>,
    quota: Quota,
    predicates: Vec<Predicate>,
    mode: Mode,
    prefix_lengths: PrefixLengths,
}

impl Limit {
    /// A limit on every request. The name (1 to 64 printable ASCII characters, unique in its limiter) is what callers,
    /// metrics and logs are told.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>, quota: Quota) -> Self {
        Self {
            name: name.into(),
            quota,
            predicates: Vec::new(),
            mode: Mode::default(),
            prefix_lengths: PrefixLengths::default(),
        }
    }

    /// Applies to the requests that `predicate` is true for. Said twice, both must be.
    #[must_use]
    pub fn only(mut self, predicate: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.predicates.push(Arc::new(predicate));
        self
    }

    /// What it does when it is used up; [`Mode::Enforce`] if not said.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// How much of an address makes a client; IPv4 /32 and IPv6 /64 if not said.
    #[must_use]
    pub fn with_prefix_lengths(mut self, lengths: PrefixLengths) -> Self {
        self.prefix_lengths = lengths;
        self
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The quota.
    #[must_use]
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// What it does when it is used up.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    pub(crate) fn prefix_lengths(&self) -> PrefixLengths {
        self.prefix_lengths
    }

    pub(crate) fn applies_to(&self, head: &RequestHead<'_>) -> bool {
        self.predicates.iter().all(|predicate| predicate(head))
    }

    /// Names go into metric labels, and into header fields that take printable ASCII (RFC 9651 §3.3.3).
    pub(crate) fn check_name(&self) -> Result<(), ConfigError> {
        let name = self.name.as_ref();
        if (1..=64).contains(&name.len()) && name.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Ok(());
        }
        Err(ConfigError::new("name", format_args!("{name:?}"), "give 1 to 64 printable ASCII characters"))
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit")
            .field("name", &self.name)
            .field("quota", &self.quota)
            .field("predicates", &self.predicates.len())
            .field("mode", &self.mode)
            .field("prefix_lengths", &self.prefix_lengths)
            .finish()
    }
}
