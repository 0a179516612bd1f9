use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use uuid::Uuid;

use crate::time::{Now, retry_seconds, ticks};

/// 8x8's error codes (<https://developer.8x8.com/connect/docs/api-error-codes>).
pub(crate) mod code {
    pub(crate) const QUOTA: u16 = 429;
    pub(crate) const PARAMETER: u16 = 1000;
    pub(crate) const SUB_ACCOUNT: u16 = 1001;
    pub(crate) const MSISDN: u16 = 1002;
    pub(crate) const ENCODING: u16 = 1003;
    pub(crate) const TEXT: u16 = 1004;
    pub(crate) const SOURCE: u16 = 1005;
    pub(crate) const EXPIRY: u16 = 1006;
    pub(crate) const TEMPLATE: u16 = 1007;
    pub(crate) const ID: u16 = 1008;
    pub(crate) const COUNTRY: u16 = 1009;
    pub(crate) const RANGE: u16 = 1010;
    pub(crate) const SCHEDULE: u16 = 1011;
    pub(crate) const IP: u16 = 1012;
    pub(crate) const BULK: u16 = 1100;
    pub(crate) const UNAUTHENTICATED: u16 = 1200;
    pub(crate) const NOT_FOUND: u16 = 1300;
    pub(crate) const RESEND: u16 = 1400;
    pub(crate) const SESSION: u16 = 1404;
    pub(crate) const JOB: u16 = 4018;
}

pub(crate) const INVALID_MSISDN: &str = "Invalid MSISDN format (not E.164 international number)";

/// What an endpoint answers.
pub(crate) type Answer = Result<Response, ApiError>;

/// An answer of 400 or above, before it has its time and its id.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: u16,
    message: Cow<'static, str>,
    retry_after: Option<u64>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    /// HTTP 400.
    pub(crate) fn bad(code: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn msisdn() -> Self {
        Self::bad(code::MSISDN, INVALID_MSISDN)
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code::UNAUTHENTICATED, "Request was not authenticated properly")
    }

    pub(crate) fn not_found(what: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code::NOT_FOUND, what)
    }

    pub(crate) fn message_not_found() -> Self {
        Self::not_found("Message not found.")
    }

    pub(crate) fn session_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, code::SESSION, "Session not found")
    }

    pub(crate) fn job_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, code::JOB, "Invalid jobId")
    }

    pub(crate) fn resend_too_soon(wait: Duration) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            code::RESEND,
            format!("Resending interval violated. Please try again in {} second(s).", retry_seconds(wait)),
        )
    }

    pub(crate) fn quota_exceeded(wait: Duration) -> Self {
        let seconds = retry_seconds(wait);
        Self {
            retry_after: Some(seconds),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                code::QUOTA,
                format!("Quota exceeded. Please try again in {seconds} second(s)."),
            )
        }
    }

    /// The envelope of every status of 400 and above.
    pub(crate) fn respond(self, now: Now) -> Response {
        tracing::debug!(status = self.status.as_u16(), code = self.code, "refused");
        let body = Json(Envelope {
            code: self.code,
            message: self.message,
            error_id: Uuid::new_v4().to_string(),
            timestamp: ticks(now.wall),
        });
        let mut response = (self.status, body).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    code: u16,
    message: Cow<'static, str>,
    error_id: String,
    timestamp: String,
}
