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
    /// The messages of a batch in its order; none where it was not asked to list them.
    Batch(Vec<Listed>),
    /// A verification.
    Session(Session),
}

/// One message of a batch, as the answer lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// By which delivery receipts name it.
    pub umid: String,
    /// Where it goes, as 8x8 spells it.
    pub destination: String,
    /// 8x8 did not take it.
    pub rejected: bool,
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
                let rejected = message.is_rejected();
                Some(Self::Message { umid: message.umid, rejected })
            }
            Endpoint::SmsBatch | Endpoint::LegacyBatch | Endpoint::SurveyBatch => {
                let batch: Batch = serde_json::from_slice(body).ok()?;
                let listed = batch.messages.unwrap_or_default().into_iter().map(|message| {
                    let rejected = message.is_rejected();
                    let destination = message.destination.unwrap_or_default();
                    Listed { umid: message.umid, destination, rejected }
                });
                Some(Self::Batch(listed.collect()))
            }
            Endpoint::SmaCoverage => None,
        }
    }
}

#[derive(Deserialize)]
struct Message {
    umid: String,
    #[serde(default)]
    destination: Option<String>,
    status: Option<MessageStatus>,
}

impl Message {
    fn is_rejected(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.code.eq_ignore_ascii_case("REJECTED"))
    }
}

#[derive(Deserialize)]
struct Batch {
    #[serde(default)]
    messages: Option<Vec<Message>>,
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
    fn the_messages_of_a_batch_are_read_in_its_order_where_it_lists_them() {
        let body = br#"{"batchId":"b","acceptedCount":1,"rejectedCount":1,"messages":[
            {"umid":"u1","destination":"6591234567","status":{"code":"QUEUED","description":""},"encoding":"GSM7"},
            {"umid":"u2","destination":"+6591234568","status":{"code":"REJECTED","description":""}}]}"#;
        let listed = |umid: &str, destination: &str, rejected| Listed {
            umid: umid.into(),
            destination: destination.into(),
            rejected,
        };
        let read = Answer::read(Endpoint::SmsBatch, body);
        let messages = vec![listed("u1", "6591234567", false), listed("u2", "+6591234568", true)];
        assert_eq!(read, Some(Answer::Batch(messages)));
        let counts = br#"{"batchId":"b","acceptedCount":2,"rejectedCount":0}"#;
        assert_eq!(Answer::read(Endpoint::SmsBatch, counts), Some(Answer::Batch(Vec::new())));
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
}
