use std::fmt;

use http::StatusCode;

/// What kind of refusal it is; the same words in the `tollgate-refusal` header, in metrics and in the docs.
///
/// `docs/refusals.md` maps each to its HTTP status, gRPC code and 8x8 code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalKind {
    /// TrustedClientIp: the chain does not say who asks.
    ClientIpUndetermined,
    /// A layer needs a client IP and no resolver put one there: the server is set up wrongly.
    ClientIpMissing,
    /// IpRateLimit: too often.
    RateLimited,
    /// IpRateLimit: went on asking after refusals, and is refused for a while whatever it asks for.
    ClientBanned,
    /// IpRateLimit: on the list of clients that are always refused.
    ClientDenied,
    /// The caller gave no valid token for the gateway.
    Unauthorized,
    /// The `Host` header and the URI's authority name different hosts.
    HostMismatch,
    /// A header that asks the server to take the method or the path for another.
    MethodOverride,
    /// The path changes when it is normalised, so two readers could read two endpoints.
    DoubtfulPath,
    /// 8x8's host, but no endpoint that is known to be a dispatch or to send nothing.
    UnknownEndpoint,
    /// A dispatch's content type is not JSON in UTF-8.
    ContentType,
    /// A dispatch's body is encoded (`Content-Encoding`).
    ContentEncoding,
    /// A dispatch's body is signed or digested, and would no longer match.
    SignedBody,
    /// A dispatch's body has trailers.
    Trailers,
    /// The body is over the limit.
    BodyTooLarge,
    /// The body could not be read to its end.
    BodyUnreadable,
    /// The body did not come in time.
    BodyTimeout,
    /// A dispatch's body is not strict JSON.
    InvalidJson,
    /// A dispatch's body is not a JSON object, or a field Tollgate reads is of the wrong shape.
    InvalidShape,
    /// A key that Tollgate reads is there twice, or `messages` stands beside `destinations`.
    AmbiguousKey,
    /// More destinations than 8x8 takes in one request.
    TooManyDestinations,
    /// ClientIpInjector: neither a client IP nor `Origin::System`.
    NoClientIp,
    /// ClientIpInjector: 8x8 cannot use this address (private, loopback, …).
    UnusableAddress,
    /// SmsPumpGuard: not a phone number, as far as can be read.
    InvalidNumber,
    /// SmsPumpGuard: a number of this kind or country may never be sent to.
    NumberBlocked,
    /// SmsPumpGuard: too soon or too often, to this number.
    NumberCooldown,
    /// SmsPumpGuard: whoever asks has to prove to be a person first.
    ChallengeRequired,
    /// SmsPumpGuard: too many wrong codes for this number or from this client.
    CodeGuesses,
    /// SmsPumpGuard: all that may be spent within a day is.
    SpendCap,
    /// SmsPumpGuard: 8x8 takes no more requests of this kind within this second.
    TenantRate,
    /// SmsPumpGuard: looks like pumping.
    Pumping,
    /// The gateway could not reach 8x8: nothing was sent.
    UpstreamUnreachable,
    /// The connection to 8x8 broke before it answered: whether it sends is not known.
    UpstreamBroken,
    /// 8x8 did not answer in time: whether it sends is not known.
    UpstreamTimeout,
    /// More requests at once than the gateway serves.
    Overloaded,
}

impl RefusalKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::ClientIpUndetermined,
        Self::ClientIpMissing,
        Self::RateLimited,
        Self::ClientBanned,
        Self::ClientDenied,
        Self::Unauthorized,
        Self::HostMismatch,
        Self::MethodOverride,
        Self::DoubtfulPath,
        Self::UnknownEndpoint,
        Self::ContentType,
        Self::ContentEncoding,
        Self::SignedBody,
        Self::Trailers,
        Self::BodyTooLarge,
        Self::BodyUnreadable,
        Self::BodyTimeout,
        Self::InvalidJson,
        Self::InvalidShape,
        Self::AmbiguousKey,
        Self::TooManyDestinations,
        Self::NoClientIp,
        Self::UnusableAddress,
        Self::InvalidNumber,
        Self::NumberBlocked,
        Self::NumberCooldown,
        Self::ChallengeRequired,
        Self::CodeGuesses,
        Self::SpendCap,
        Self::TenantRate,
        Self::Pumping,
        Self::UpstreamUnreachable,
        Self::UpstreamBroken,
        Self::UpstreamTimeout,
        Self::Overloaded,
    ];

    /// The kind's name in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.row().1
    }

    /// The gRPC status code (`google.rpc.Code`).
    #[must_use]
    pub const fn grpc_code(self) -> u8 {
        self.row().2
    }

    /// IANA's problem type for it and that type's title, where there is one.
    ///
    /// Source: <https://www.ietf.org/archive/id/draft-ietf-httpapi-ratelimit-headers-10.html>
    #[must_use]
    pub const fn iana_problem_type(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::RateLimited => Some((
                "https://iana.org/assignments/http-problem-types#quota-exceeded",
                "Request cannot be satisfied as assigned quota has been exceeded",
            )),
            Self::ClientBanned => Some((
                "https://iana.org/assignments/http-problem-types#abnormal-usage-detected",
                "Request not satisfied due to detection of abnormal request pattern",
            )),
            _ => None,
        }
    }

    /// Whether a message may have gone out all the same. Of every other kind, nothing was sent.
    #[must_use]
    pub const fn may_have_sent(self) -> bool {
        matches!(self, Self::UpstreamBroken | Self::UpstreamTimeout)
    }

    const fn row(self) -> (&'static str, StatusCode, u8) {
        use StatusCode as S;
        const INVALID_ARGUMENT: u8 = 3;
        const DEADLINE_EXCEEDED: u8 = 4;
        const PERMISSION_DENIED: u8 = 7;
        const RESOURCE_EXHAUSTED: u8 = 8;
        const FAILED_PRECONDITION: u8 = 9;
        const UNIMPLEMENTED: u8 = 12;
        const INTERNAL: u8 = 13;
        const UNAVAILABLE: u8 = 14;
        const UNAUTHENTICATED: u8 = 16;
        match self {
            Self::ClientIpUndetermined => ("client_ip_undetermined", S::BAD_REQUEST, INVALID_ARGUMENT),
            Self::ClientIpMissing => ("client_ip_missing", S::INTERNAL_SERVER_ERROR, INTERNAL),
            Self::RateLimited => ("rate_limited", S::TOO_MANY_REQUESTS, RESOURCE_EXHAUSTED),
            Self::ClientBanned => ("client_banned", S::TOO_MANY_REQUESTS, RESOURCE_EXHAUSTED),
            Self::ClientDenied => ("client_denied", S::FORBIDDEN, PERMISSION_DENIED),
            Self::Unauthorized => ("unauthorized", S::UNAUTHORIZED, UNAUTHENTICATED),
            Self::HostMismatch => ("host_mismatch", S::BAD_REQUEST, INVALID_ARGUMENT),
            Self::MethodOverride => ("method_override", S::BAD_REQUEST, INVALID_ARGUMENT),
            Self::DoubtfulPath => ("doubtful_path", S::BAD_REQUEST, INVALID_ARGUMENT),
            Self::UnknownEndpoint => ("unknown_endpoint", S::NOT_FOUND, UNIMPLEMENTED),
            Self::ContentType => ("content_type", S::UNSUPPORTED_MEDIA_TYPE, INVALID_ARGUMENT),
            Self::ContentEncoding => ("content_encoding", S::UNSUPPORTED_MEDIA_TYPE, INVALID_ARGUMENT),
            Self::SignedBody => ("signed_body", S::BAD_REQUEST, INVALID_ARGUMENT),
            Self::Trailers => ("trailers", S::BAD_REQUEST, INVALID_ARGUMENT),
            Self::BodyTooLarge => ("body_too_large", S::PAYLOAD_TOO_LARGE, RESOURCE_EXHAUSTED),
            Self::BodyUnreadable => ("body_unreadable", S::BAD_REQUEST, INVALID_ARGUMENT),
            Self::BodyTimeout => ("body_timeout", S::REQUEST_TIMEOUT, DEADLINE_EXCEEDED),
            Self::InvalidJson => ("invalid_json", S::BAD_REQUEST, INVALID_ARGUMENT),
            Self::InvalidShape => ("invalid_shape", S::BAD_REQUEST, INVALID_ARGUMENT),
            Self::AmbiguousKey => ("ambiguous_key", S::BAD_REQUEST, INVALID_ARGUMENT),
            Self::TooManyDestinations => ("too_many_destinations", S::BAD_REQUEST, INVALID_ARGUMENT),
            Self::NoClientIp => ("no_client_ip", S::INTERNAL_SERVER_ERROR, FAILED_PRECONDITION),
            Self::UnusableAddress => ("unusable_address", S::BAD_REQUEST, FAILED_PRECONDITION),
            Self::InvalidNumber => ("invalid_number", S::BAD_REQUEST, INVALID_ARGUMENT),
            Self::NumberBlocked => ("number_blocked", S::FORBIDDEN, PERMISSION_DENIED),
            Self::NumberCooldown => ("number_cooldown", S::TOO_MANY_REQUESTS, RESOURCE_EXHAUSTED),
            Self::ChallengeRequired => ("challenge_required", S::PRECONDITION_REQUIRED, FAILED_PRECONDITION),
            Self::CodeGuesses => ("code_guesses", S::TOO_MANY_REQUESTS, RESOURCE_EXHAUSTED),
            Self::SpendCap => ("spend_cap", S::TOO_MANY_REQUESTS, RESOURCE_EXHAUSTED),
            Self::TenantRate => ("tenant_rate", S::TOO_MANY_REQUESTS, RESOURCE_EXHAUSTED),
            Self::Pumping => ("pumping", S::FORBIDDEN, PERMISSION_DENIED),
            Self::UpstreamUnreachable => ("upstream_unreachable", S::BAD_GATEWAY, UNAVAILABLE),
            Self::UpstreamBroken => ("upstream_broken", S::BAD_GATEWAY, UNAVAILABLE),
            Self::UpstreamTimeout => ("upstream_timeout", S::GATEWAY_TIMEOUT, DEADLINE_EXCEEDED),
            Self::Overloaded => ("overloaded", S::SERVICE_UNAVAILABLE, UNAVAILABLE),
        }
    }
}

impl fmt::Display for RefusalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
