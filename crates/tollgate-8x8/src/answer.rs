//! What 8x8 answers: which messages it took, and what became of a verification.

use http::Uri;
use serde::Deserialize;

use crate::Endpoint;

/// What an answer to a dispatch says. Read leniently: examples and schema differ in spelling.
///
/// Source: 8x8's OpenAPI documents, `SmsResponse`, `BatchSmsResponse` and `VerifyResponse`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// One message.
    Message {
        /// By which delivery receipts name it.
        umid: String,
        /// 8x8 did not take it, although the HTTP status is 200.
        rejected: bool,
    },
    /// A verification.
    Session(Session),
}

/// A verification.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// By which code checks name it.
    pub id: String,
    /// What became of it.
    pub status: SessionStatus,
    /// Wrong codes so far, where that is told.
    pub attempt: Option<u64>,
}

/// What became of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionStatus {
    /// No right code yet.
    Waiting,
    /// The code was given back.
    Verified,
    /// Five wrong codes.
    Failed,
    /// Nobody gave it back in time.
    Expired,
}

impl Answer {
    /// Reads the body of a 200 to this endpoint. `None` where it says nothing that is understood.
    #[must_use]
    pub fn read(endpoint: Endpoint, body: &[u8]) -> Option<Self> {
        match endpoint {
            Endpoint::VerifyStart | Endpoint::LegacyVerify => Session::read(body).map(Self::Session),
            Endpoint::SmsSingle | Endpoint::LegacySingle | Endpoint::SurveySingle => {
                let message: Message = serde_json::from_slice(body).ok()?;
                let rejected =
                    message.status.is_some_and(|status| status.code.eq_ignore_ascii_case("REJECTED"));
                Some(Self::Message { umid: message.umid, rejected })
            }
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct Message {
    umid: String,
    status: Option<MessageStatus>,
}

#[derive(Deserialize)]
struct MessageStatus {
    code: String,
}

#[derive(Deserialize)]
struct RawSession {
    #[serde(alias = "sessionID", alias = "sessionid", alias = "uid")]
    #[serde(rename = "sessionId")]
    session_id: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    attempt: Option<u64>,
}

impl Session {
    /// Reads the body of a 200 to a verification start, a code check or a session read. Without a status it waits.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        let raw: RawSession = serde_json::from_slice(body).ok()?;
        let status = match raw.status.as_deref().map(str::to_ascii_uppercase).as_deref() {
            None | Some("WAITING") => SessionStatus::Waiting,
            Some("VERIFIED") => SessionStatus::Verified,
            Some("FAILED") => SessionStatus::Failed,
            Some("EXPIRED") => SessionStatus::Expired,
            Some(_) => return None,
        };
        Some(Self { id: raw.session_id, status, attempt: raw.attempt })
    }
}

/// A request that reads a verification's status, and checks a code where it brings one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodeCheck {
    /// Whose.
    pub session: String,
    /// It brings a code.
    pub has_code: bool,
}

impl CodeCheck {
    /// Reads the URI of a [`Class::Check`](crate::Class::Check): `…/sessions/{sessionId}?code=…`.
    #[must_use]
    pub fn of(uri: &Uri) -> Option<Self> {
        let session =
            uri.path().trim_end_matches('/').rsplit('/').next().filter(|session| !session.is_empty())?;
        let has_code = uri.query().is_some_and(|query| {
            query.split('&').any(|pair| {
                let key = pair.split('=').next().unwrap_or_default();
                // An escaped key may be any key.
                key.eq_ignore_ascii_case("code") || key.contains('%')
            })
        });
        Some(Self { session: session.to_owned(), has_code })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_the_documents_and_their_examples_spell_them() {
        let sms = br#"{"umid":"u1","destination":"+65","status":{"code":"REJECTED","description":"x"},"encoding":"GSM7"}"#;
        let read = Answer::read(Endpoint::SmsSingle, sms);
        assert_eq!(read, Some(Answer::Message { umid: "u1".into(), rejected: true }));
        for body in [
            r#"{"sessionId":"a","status":"WAITING","attempt":1}"#,
            r#"{"sessionID":"a","destination":6591234567,"status":"waiting","attempt":1}"#,
        ] {
            let session = Session::read(body.as_bytes()).unwrap();
            assert_eq!(
                (session.id.as_str(), session.status, session.attempt),
                ("a", SessionStatus::Waiting, Some(1))
            );
        }
        assert_eq!(Session::read(br#"{"sessionId":"a","status":"NEW"}"#), None);
        assert_eq!(Answer::read(Endpoint::SmsSingle, b"{}"), None);
        assert_eq!(Answer::read(Endpoint::SmsSingle, b"<html>"), None);
    }

    #[test]
    fn a_check_is_its_session_and_whether_it_brings_a_code() {
        let check =
            |uri: &str| CodeCheck::of(&uri.parse().unwrap()).map(|check| (check.session, check.has_code));
        let base = "https://verify.8x8.com/api/v2/subaccounts/x/sessions/abc";
        assert_eq!(check(base), Some(("abc".into(), false)));
        assert_eq!(check(&format!("{base}?code=1234")), Some(("abc".into(), true)));
        assert_eq!(check(&format!("{base}/?x=1&Code=1234")), Some(("abc".into(), true)));
        assert_eq!(check(&format!("{base}?%63ode=1234")), Some(("abc".into(), true)));
    }

    #[test]
    fn a_shift_changes_the_channel_and_nothing_else() {
        use crate::{Scan, shift};
        let shifted = |body: &str, template| {
            let scan = Scan::read(Endpoint::VerifyStart, body.as_bytes()).unwrap();
            String::from_utf8(shift(&scan, body.as_bytes(), "whatsapp", template).unwrap().to_vec()).unwrap()
        };
        assert_eq!(
            shifted(r#"{ "destination" : "+6591234567", "n": 1e400 }"#, Some("o\"tp")),
            r#"{ "destination" : "+6591234567", "n": 1e400,"channel":"whatsapp","whatsapp":{"templateName":"o\"tp"} }"#
        );
        assert_eq!(
            shifted(r#"{"whatsapp":{"x":1},"channel":"sms","destination":"+6591234567"}"#, Some("otp")),
            r#"{"whatsapp":{"templateName":"otp"},"channel":"whatsapp","destination":"+6591234567"}"#
        );
    }
}
