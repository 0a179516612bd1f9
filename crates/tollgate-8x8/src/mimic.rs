//! Answers in 8x8's shape that 8x8 did not give.
//!
//! Source: 8x8's OpenAPI documents, `SmsResponse` and `VerifyResponse`, and their examples.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Encoding, SessionStatus};

/// The answer to one message that 8x8 takes: `body` is the request's, `number` the digits it goes to.
#[must_use]
pub fn accepted(body: &[u8], number: u64) -> Response<Bytes> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Asked {
        client_message_id: Option<String>,
        text: String,
        encoding: Option<String>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct SmsResponse {
        umid: String,
        client_message_id: Option<String>,
        destination: String,
        encoding: &'static str,
        status: Status,
    }
    #[derive(Serialize)]
    struct Status {
        code: &'static str,
        description: &'static str,
    }
    let asked: Asked = serde_json::from_slice(body).unwrap_or_default();
    json(&SmsResponse {
        umid: Uuid::new_v4().to_string(),
        client_message_id: asked.client_message_id,
        destination: number.to_string(),
        encoding: Encoding::of(&asked.text, asked.encoding.as_deref()).as_str(),
        status: Status { code: "QUEUED", description: "SMS is accepted and queued for processing" },
    })
}

/// How long the code of a verification holds, and when it may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionTerms {
    /// `codeValidity`: 30 s to two hours.
    pub validity: Duration,
    /// `resendingInterval`: 10 s to two hours.
    pub interval: Duration,
}

/// 300 s and 10 s, as 8x8 has it.
impl Default for SessionTerms {
    fn default() -> Self {
        Self { validity: Duration::from_secs(300), interval: Duration::from_secs(10) }
    }
}

impl SessionTerms {
    /// Those that a verification start asks for. What it leaves out, or gives in another form, is as by default.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Asked {
            code_validity: Option<u64>,
            resending_interval: Option<u64>,
        }
        let asked: Asked = serde_json::from_slice(body).unwrap_or_default();
        let default = Self::default();
        let seconds = |asked: Option<u64>, least, default| {
            asked.map_or(default, |asked| Duration::from_secs(asked.clamp(least, 7200)))
        };
        Self {
            validity: seconds(asked.code_validity, 30, default.validity),
            interval: seconds(asked.resending_interval, 10, default.interval),
        }
    }
}

/// A verification as an answer tells of it. Times are since the Unix epoch.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, reason = "it holds a number")]
pub struct SessionMimic<'a> {
    /// By which code checks name it.
    pub id: &'a str,
    /// The path at which they do.
    pub path: &'a str,
    /// The digits of the number.
    pub number: u64,
    /// What became of it.
    pub status: SessionStatus,
    /// Wrong codes so far.
    pub attempt: u8,
    /// When its code ceases to hold.
    pub expires_at: Duration,
    /// From when on it may be sent again.
    pub retry_after: Duration,
}

impl SessionMimic<'_> {
    /// The answer.
    #[must_use]
    pub fn answer(&self) -> Response<Bytes> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct VerifyResponse<'a> {
            session_id: &'a str,
            verify_uri: &'a str,
            destination: String,
            status: &'static str,
            attempt: u8,
            expires_at: String,
            retry_after: String,
        }
        json(&VerifyResponse {
            session_id: self.id,
            verify_uri: self.path,
            destination: format!("+{}", self.number),
            status: match self.status {
                SessionStatus::Waiting => "WAITING",
                SessionStatus::Verified => "VERIFIED",
                SessionStatus::Failed => "FAILED",
                SessionStatus::Expired => "EXPIRED",
            },
            attempt: self.attempt,
            expires_at: hundredths(self.expires_at),
            retry_after: hundredths(self.retry_after),
        })
    }
}

/// `2025-12-18T05:59:54.09Z`
fn hundredths(since_epoch: Duration) -> String {
    let at = Timestamp::UNIX_EPOCH.checked_add(since_epoch).unwrap_or(Timestamp::MAX);
    format!("{at:.2}")
}

fn json(answer: &impl Serialize) -> Response<Bytes> {
    let body = serde_json::to_vec(answer).unwrap_or_default();
    let mut response = Response::new(Bytes::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Endpoint, Session};

    #[test]
    fn a_message_looks_as_if_8x8_had_taken_it() {
        let body = r#"{"destination":"+6591234567","text":"เป็น","clientMessageId":"a\"b"}"#;
        let answer = accepted(body.as_bytes(), 6_591_234_567).into_body();
        let Some(Answer::Message { umid, rejected: false }) = Answer::read(Endpoint::SmsSingle, &answer)
        else {
            panic!("{answer:?}");
        };
        assert_eq!(
            String::from_utf8_lossy(&answer),
            format!(
                r#"{{"umid":"{umid}","clientMessageId":"a\"b","destination":"6591234567","encoding":"UCS2","status":{{"code":"QUEUED","description":"SMS is accepted and queued for processing"}}}}"#
            )
        );
        assert!(String::from_utf8_lossy(&accepted(b"{\"text\":7}", 1).into_body()).contains("GSM7"));
    }

    #[test]
    fn a_verification_looks_like_8x8s_own() {
        let mimic = SessionMimic {
            id: "a44a91be5ea5ea118169020897df5459",
            path: "/api/v2/subaccounts/demo/sessions/a44a91be5ea5ea118169020897df5459",
            number: 198_765_432,
            status: SessionStatus::Waiting,
            attempt: 0,
            expires_at: Duration::from_millis(1_766_037_594_090),
            retry_after: Duration::from_millis(1_766_037_304_090),
        };
        let answer = mimic.answer().into_body();
        assert_eq!(
            String::from_utf8_lossy(&answer),
            r#"{"sessionId":"a44a91be5ea5ea118169020897df5459","verifyUri":"/api/v2/subaccounts/demo/sessions/a44a91be5ea5ea118169020897df5459","destination":"+198765432","status":"WAITING","attempt":0,"expiresAt":"2025-12-18T05:59:54.09Z","retryAfter":"2025-12-18T05:55:04.09Z"}"#
        );
        assert_eq!(Session::read(&answer).unwrap().status, SessionStatus::Waiting);
    }

    #[test]
    fn terms_are_those_asked_for_within_8x8s_bounds() {
        let terms = |body: &str| {
            let terms = SessionTerms::of(body.as_bytes());
            (terms.validity.as_secs(), terms.interval.as_secs())
        };
        assert_eq!(terms("{}"), (300, 10));
        assert_eq!(terms(r#"{"codeValidity":600,"resendingInterval":60}"#), (600, 60));
        assert_eq!(terms(r#"{"codeValidity":9999999999,"resendingInterval":0}"#), (7200, 10));
        assert_eq!(terms(r#"{"codeValidity":"600"}"#), (300, 10));
    }
}
