use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use http::{Extensions, HeaderMap, Method, Request, Response, StatusCode, Uri};
use tollgate_core::PrefixLengths;

use crate::error::ConfigError;
use crate::headers::HeadersOn;
use crate::{IpLevels, KeyExtractor, Quota};

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
    /// Is not looked at. It must be valid all the same. Off from the start it takes no memory, and stays off.
    Off,
}

impl Mode {
    pub(crate) const ALL: [Self; 3] = [Self::Enforce, Self::Monitor, Self::Off];
}

/// What a limit may know of an answer when it settles what a request was charged.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AnswerHead<'a> {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// What the handler has put there: that the user is verified, how many tokens it took.
    pub extensions: &'a Extensions,
}

impl<'a, B> From<&'a Response<B>> for AnswerHead<'a> {
    fn from(response: &'a Response<B>) -> Self {
        Self { status: response.status(), headers: response.headers(), extensions: response.extensions() }
    }
}

type Predicate = Arc<dyn Fn(&RequestHead<'_>) -> bool + Send + Sync>;
type CostOf = Arc<dyn Fn(&RequestHead<'_>) -> u32 + Send + Sync>;
type Settle = Arc<dyn Fn(&AnswerHead<'_>) -> Option<u32> + Send + Sync>;

/// What a request costs.
#[derive(Clone)]
enum Cost {
    Fixed(u32),
    Of(CostOf),
}

/// What a limit counts by.
#[derive(Clone)]
pub(crate) enum Counted {
    Ip(IpLevels),
    By(Arc<dyn KeyExtractor>),
}

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
    counted: Counted,
    cost: Cost,
    settle: Option<Settle>,
    headers: HeadersOn,
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
            counted: Counted::Ip(IpLevels::default()),
            cost: Cost::Fixed(1),
            settle: None,
            headers: HeadersOn::default(),
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

    /// How much of an address makes a client, once the quota, and no wider prefixes:
    /// `with_levels(IpLevels::of(lengths))`.
    #[must_use]
    pub fn with_prefix_lengths(self, lengths: PrefixLengths) -> Self {
        self.with_levels(IpLevels::of(lengths))
    }

    /// Which prefixes of an address are counted; [`IpLevels::default`] if not said.
    #[must_use]
    pub fn with_levels(mut self, levels: IpLevels) -> Self {
        self.counted = Counted::Ip(levels);
        self
    }

    /// Counts by something else than the client's address: its user, its API key, its address and the route.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tollgate_core::ClientIp;
    /// use tollgate_rate_limit::{Key, Limit, Quota, RequestHead};
    ///
    /// #[derive(Clone, Hash)]
    /// struct User(u64);
    ///
    /// let by_user = |_: ClientIp, head: &RequestHead<'_>| head.extensions.get::<User>().map(Key::of);
    /// let limit = Limit::new("user", Quota::requests(10).per(Duration::from_secs(60))).with_key(by_user);
    /// ```
    #[must_use]
    pub fn with_key(mut self, extractor: impl KeyExtractor + 'static) -> Self {
        self.counted = Counted::By(Arc::new(extractor));
        self
    }

    /// How much of the quota a request takes: 1 if not said, at least 1 and at most the burst.
    #[must_use]
    pub fn with_cost(mut self, cost: u32) -> Self {
        self.cost = Cost::Fixed(cost);
        self
    }

    /// How much of the quota this request takes: for messages to several people, or pages of several sizes. 0 takes
    /// nothing: the limit does not apply. What costs more than the burst never passes: it is refused, and logged as an
    /// error, because asking again is of no use.
    #[must_use]
    pub fn with_cost_of(mut self, cost: impl Fn(&RequestHead<'_>) -> u32 + Send + Sync + 'static) -> Self {
        self.cost = Cost::Of(Arc::new(cost));
        self
    }

    /// Settles what was charged once the answer is there: what the request cost in the end, `None` for what it was
    /// charged, 0 to give all of it back. More than was charged is charged too, even beyond the quota.
    ///
    /// A request whose answer never comes (an error, a client that goes away) stays charged.
    #[must_use]
    pub fn settled_by(
        mut self,
        settle: impl Fn(&AnswerHead<'_>) -> Option<u32> + Send + Sync + 'static,
    ) -> Self {
        self.settle = Some(Arc::new(settle));
        self
    }

    /// Counts only what failed (status 400 and above): wrong passwords, not log-ins.
    #[must_use]
    pub fn skip_successes(self) -> Self {
        self.settled_by(|answer| (answer.status.as_u16() < 400).then_some(0))
    }

    /// Counts only what succeeded (status below 400).
    #[must_use]
    pub fn skip_failures(self) -> Self {
        self.settled_by(|answer| (answer.status.as_u16() >= 400).then_some(0))
    }

    /// When answers tell of it; [`HeadersOn::Refused`] if not said.
    #[must_use]
    pub fn with_headers(mut self, on: HeadersOn) -> Self {
        self.headers = on;
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

    /// When answers tell of it.
    #[must_use]
    pub fn headers(&self) -> HeadersOn {
        self.headers
    }

    pub(crate) fn with_quota(mut self, quota: Quota) -> Self {
        self.quota = quota;
        self
    }

    pub(crate) fn counted(&self) -> &Counted {
        &self.counted
    }

    #[inline]
    pub(crate) fn cost(&self, head: &RequestHead<'_>) -> u32 {
        match &self.cost {
            Cost::Fixed(cost) => *cost,
            Cost::Of(cost) => cost(head),
        }
    }

    /// Whether what requests are charged changes with their answers ([`settled_by`](Self::settled_by) and its like).
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.settle.is_some()
    }

    /// What a request cost in the end, where that is not what it was charged.
    pub(crate) fn settle(&self, answer: &AnswerHead<'_>) -> Option<u32> {
        self.settle.as_ref().and_then(|settle| settle(answer))
    }

    /// Whether what a request costs can be had of `quota`.
    pub(crate) fn check_cost(&self, quota: Quota) -> Result<(), ConfigError> {
        match self.cost {
            Cost::Fixed(0) => Err(ConfigError::new("cost", 0, "it would count nothing; give at least 1")),
            Cost::Fixed(cost) if cost > quota.burst => {
                let remedy = format!("nothing would ever pass; give at most the burst, {}", quota.burst);
                Err(ConfigError::new("cost", cost, remedy))
            }
            _ => Ok(()),
        }
    }

    #[inline]
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
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}
