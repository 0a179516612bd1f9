use http::{Method, Uri};

use crate::hosts::Suite;

/// A request whose body Tollgate reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// `POST /api/v1/subaccounts/{id}/messages`
    SmsSingle,
    /// `POST /api/v1/subaccounts/{id}/messages/batch`
    SmsBatch,
    /// `POST /api/v2/subaccounts/{id}/sessions`, 8x8's *Code generation*
    VerifyStart,
    /// `POST /api/v1/subaccounts/{id}/surveys/{id}/messages`
    SurveySingle,
    /// `POST /api/v1/subaccounts/{id}/surveys/{id}/messages/batch`
    SurveyBatch,
    /// `POST /sms/v1/{id}/single`
    LegacySingle,
    /// `POST /sms/v1/{id}/many` and `…/many/compact`
    LegacyBatch,
    /// `POST /verify/v1/{id}`
    LegacyVerify,
    /// `POST /api/v2/subaccounts/{id}/sma/coverage`: sends nothing, but requires `clientIp`
    SmaCoverage,
}

impl Endpoint {
    /// Those for which 8x8 sends something.
    pub const DISPATCHES: [Self; 8] = [
        Self::SmsSingle,
        Self::SmsBatch,
        Self::VerifyStart,
        Self::SurveySingle,
        Self::SurveyBatch,
        Self::LegacySingle,
        Self::LegacyBatch,
        Self::LegacyVerify,
    ];

    /// Whether 8x8 sends something for it.
    #[must_use]
    pub const fn is_dispatch(self) -> bool {
        !matches!(self, Self::SmaCoverage)
    }

    /// Whether its body lists many destinations: a campaign of the sender's own.
    #[must_use]
    pub const fn is_batch(self) -> bool {
        matches!(self, Self::SmsBatch | Self::SurveyBatch | Self::LegacyBatch)
    }

    /// Whether 8x8's schema has `clientIp` there.
    #[must_use]
    pub const fn takes_client_ip(self) -> bool {
        !matches!(self, Self::SurveySingle | Self::SurveyBatch | Self::LegacyVerify)
    }

    /// The subaccount whose it is, as the path of a request to this endpoint spells it.
    #[must_use]
    pub fn subaccount(self, uri: &Uri) -> Option<&str> {
        let before = match self {
            Self::LegacySingle | Self::LegacyBatch | Self::LegacyVerify => 2,
            _ => 3,
        };
        uri.path().strip_prefix('/')?.split('/').nth(before)
    }

    /// The endpoint of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::DISPATCHES.into_iter().chain([Self::SmaCoverage]).find(|endpoint| endpoint.as_str() == name)
    }

    /// A name for metrics and messages, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SmsSingle => "sms_single",
            Self::SmsBatch => "sms_batch",
            Self::VerifyStart => "verify_start",
            Self::SurveySingle => "survey_single",
            Self::SurveyBatch => "survey_batch",
            Self::LegacySingle => "legacy_single",
            Self::LegacyBatch => "legacy_batch",
            Self::LegacyVerify => "legacy_verify",
            Self::SmaCoverage => "sma_coverage",
        }
    }
}

/// What a method and a path mean on a host of 8x8's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Body(Endpoint),
    Check,
    Quiet,
    MessagingApps,
}

/// `None` is unknown. `path` is in its normal form; letter case is folded here.
pub(crate) fn meaning(suite: Suite, method: &Method, path: &str) -> Option<Meaning> {
    let path = path.to_ascii_lowercase();
    let mut segments = [""; MOST_SEGMENTS];
    let mut count = 0;
    for segment in path.strip_prefix('/')?.split('/') {
        *segments.get_mut(count)? = segment;
        count += 1;
    }
    let segments = segments.get(..count)?;
    if suite == Suite::MessagingApps {
        let safe = matches!(*method, Method::GET | Method::HEAD);
        return (safe || any(MESSAGING_APPS, method, segments)).then_some(Meaning::MessagingApps);
    }
    match *method {
        Method::GET | Method::HEAD if matches(SESSION, segments) || matches(LEGACY_SESSION, segments) => {
            return Some(Meaning::Check);
        }
        Method::GET | Method::HEAD => return Some(Meaning::Quiet),
        Method::POST => {
            let endpoint = BODIES.iter().find(|(pattern, _)| matches(pattern, segments));
            if let Some((_, endpoint)) = endpoint {
                return Some(Meaning::Body(*endpoint));
            }
        }
        _ => {}
    }
    any(QUIET, method, segments).then_some(Meaning::Quiet)
}

/// More than any known path has; a longer one is unknown.
const MOST_SEGMENTS: usize = 10;

type Pattern = &'static [&'static str];

const SESSION: Pattern = &["api", "v2", "subaccounts", "*", "sessions", "*"];
const LEGACY_SESSION: Pattern = &["verify", "v1", "*", "*"];

const BODIES: &[(Pattern, Endpoint)] = &[
    (&["api", "v1", "subaccounts", "*", "messages"], Endpoint::SmsSingle),
    (&["api", "v1", "subaccounts", "*", "messages", "batch"], Endpoint::SmsBatch),
    (&["api", "v2", "subaccounts", "*", "sessions"], Endpoint::VerifyStart),
    (&["api", "v1", "subaccounts", "*", "surveys", "*", "messages"], Endpoint::SurveySingle),
    (&["api", "v1", "subaccounts", "*", "surveys", "*", "messages", "batch"], Endpoint::SurveyBatch),
    (&["sms", "v1", "*", "single"], Endpoint::LegacySingle),
    (&["sms", "v1", "*", "many"], Endpoint::LegacyBatch),
    (&["sms", "v1", "*", "many", "compact"], Endpoint::LegacyBatch),
    (&["verify", "v1", "*"], Endpoint::LegacyVerify),
    (&["api", "v2", "subaccounts", "*", "sma", "coverage"], Endpoint::SmaCoverage),
];

/// Calls other than GET and HEAD that are known to send nothing.
const QUIET: &[(Method, Pattern)] = &[
    // SMS: feedback, cancelling, Remove PII, exports, webhooks
    (Method::POST, &["api", "v1", "subaccounts", "*", "messages", "*", "feedback"]),
    (Method::DELETE, &["api", "v1", "subaccounts", "*", "messages", "*"]),
    (Method::DELETE, &["api", "v1", "subaccounts", "*", "messages", "batch", "*"]),
    (Method::DELETE, &["api", "v1", "subaccounts", "*", "messages", "*", "pii"]),
    (Method::POST, &["api", "v1", "subaccounts", "*", "messages", "exports"]),
    (Method::DELETE, &["api", "v1", "subaccounts", "*", "messages", "exports", "*"]),
    (Method::POST, &["api", "v1", "accounts", "*", "webhooks"]),
    (Method::DELETE, &["api", "v1", "accounts", "*", "webhooks"]),
    // Number Masking
    (Method::POST, &["api", "v1", "subaccounts", "*", "webhooks"]),
    (Method::DELETE, &["api", "v1", "subaccounts", "*", "webhooks", "*"]),
    (Method::POST, &["api", "v1", "subaccounts", "*", "recording-push-config"]),
    (Method::DELETE, &["api", "v1", "subaccounts", "*", "recording-push-config"]),
    // Contacts
    (Method::POST, &["api", "v1", "accounts", "*", "contacts"]),
    (Method::DELETE, &["api", "v1", "accounts", "*", "contacts", "*"]),
    (Method::PATCH, &["api", "v1", "accounts", "*", "contacts", "*"]),
    (Method::POST, &["api", "v1", "accounts", "*", "contacts", "blacklist", "*"]),
    (Method::POST, &["api", "v1", "accounts", "*", "contacts", "batches", "*"]),
    (Method::POST, &["api", "v1", "accounts", "*", "groups"]),
    (Method::DELETE, &["api", "v1", "accounts", "*", "groups", "*"]),
    (Method::PATCH, &["api", "v1", "accounts", "*", "groups", "*"]),
    (Method::POST, &["api", "v1", "accounts", "*", "groups", "*", "contacts"]),
    (Method::DELETE, &["api", "v1", "accounts", "*", "groups", "*", "contacts"]),
    (Method::POST, &["api", "v1", "accounts", "*", "groups", "batches", "*"]),
];

/// What Messaging Apps publishes beside its GETs.
const MESSAGING_APPS: &[(Method, Pattern)] = &[
    (Method::POST, &["api", "v1", "subaccounts", "*", "messages"]),
    (Method::POST, &["api", "v1", "subaccounts", "*", "messages", "batch"]),
    (Method::DELETE, &["api", "v1", "subaccounts", "*", "messages", "*"]),
    (Method::DELETE, &["api", "v1", "subaccounts", "*", "messages", "batch", "*"]),
    (Method::POST, &["api", "v1", "subaccounts", "*", "messages", "*", "read"]),
    (Method::POST, &["api", "v1", "subaccounts", "*", "messages", "exports"]),
    (Method::DELETE, &["api", "v1", "subaccounts", "*", "messages", "exports", "*"]),
    (Method::POST, &["api", "v1", "subaccounts", "*", "events"]),
    (Method::POST, &["api", "v1", "subaccounts", "*", "lon"]),
    (Method::POST, &["api", "v1", "subaccounts", "*", "lon", "batch"]),
    (Method::POST, &["api", "v1", "subaccounts", "*", "files"]),
    (Method::POST, &["api", "v1", "accounts", "*", "webhooks"]),
    (Method::DELETE, &["api", "v1", "accounts", "*", "webhooks"]),
    (Method::POST, &["api", "v1", "accounts", "*", "channels", "*", "templates"]),
    (Method::DELETE, &["api", "v1", "accounts", "*", "channels", "*", "templates", "*"]),
    (Method::POST, &["api", "v1", "accounts", "*", "channels", "*", "flows"]),
    (Method::PUT, &["api", "v1", "accounts", "*", "channels", "*", "flows", "*"]),
    (Method::DELETE, &["api", "v1", "accounts", "*", "channels", "*", "flows", "*"]),
    (Method::POST, &["api", "v1", "accounts", "*", "channels", "*", "flows", "*", "publish"]),
    (Method::POST, &["api", "v1", "accounts", "*", "channels", "*", "flows", "*", "deprecate"]),
];

fn any(table: &[(Method, Pattern)], method: &Method, segments: &[&str]) -> bool {
    table.iter().any(|(known, pattern)| known == method && matches(pattern, segments))
}

/// `*` stands for one segment that is not empty.
fn matches(pattern: &[&str], segments: &[&str]) -> bool {
    pattern.len() == segments.len()
        && pattern.iter().zip(segments).all(
            |(want, have)| {
                if *want == "*" { !have.is_empty() } else { want == have }
            },
        )
}
