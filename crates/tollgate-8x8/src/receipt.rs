//! Delivery receipts, as 8x8 posts them to a webhook.

use std::fmt;

use serde::Deserialize;

/// What 8x8 says of one message.
///
/// Source: <https://developer.8x8.com/connect/docs/delivery-receipts-for-outbound-sms>. It is posted again (after 1, 10,
/// 30 and 90 s) until it is answered with a 2xx.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Which message, as the answer to it named it.
    pub umid: String,
    /// What became of it.
    pub state: ReceiptState,
    /// 8x8's code, where there is one; 99 is Omni Shield's.
    pub error_code: Option<i64>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiptState {
    /// It is on its way: queued, sent, or something that is not known.
    UnderWay,
    /// It was delivered, or read.
    Delivered,
    /// It was not.
    Undelivered,
    /// 8x8 or the operator refused it.
    Rejected,
}

impl Receipt {
    /// Reads a webhook's body. `None` where it is about something else, such as a message that came in.
    ///
    /// # Errors
    ///
    /// It is no JSON of a webhook's shape.
    pub fn read(body: &[u8]) -> Result<Option<Self>, ReceiptError> {
        let envelope: Envelope =
            serde_json::from_slice(body).map_err(|error| ReceiptError { why: error.to_string() })?;
        if envelope.event_type != "outbound_message_status_changed" {
            return Ok(None);
        }
        let Some(Payload { umid: Some(umid), status: Some(status) }) = envelope.payload else {
            return Err(ReceiptError { why: "payload.umid or payload.status is missing".to_owned() });
        };
        let state = match status.state.to_ascii_lowercase().as_str() {
            "delivered" | "read" | "ok" => ReceiptState::Delivered,
            "undelivered" | "failed" => ReceiptState::Undelivered,
            "rejected" => ReceiptState::Rejected,
            _ => ReceiptState::UnderWay,
        };
        Ok(Some(Self { umid, state, error_code: status.error_code }))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    #[serde(default)]
    event_type: String,
    payload: Option<Payload>,
}

#[derive(Deserialize)]
struct Payload {
    umid: Option<String>,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    state: String,
    error_code: Option<i64>,
}

/// No delivery receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptError {
    why: String,
}

impl fmt::Display for ReceiptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no webhook of 8x8's: {}", self.why)
    }
}

impl std::error::Error for ReceiptError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_read_in_both_vocabularies_and_other_events_are_none() {
        let body = |state: &str| {
            format!(
                r#"{{"namespace":"SMS","eventType":"outbound_message_status_changed","payload":{{"umid":"u","destination":"+65",
                "status":{{"state":"{state}","timestamp":"2026-01-01T00:00:00Z","errorCode":99}},"smsCount":1}}}}"#
            )
        };
        for (state, read) in [
            ("delivered", ReceiptState::Delivered),
            ("READ", ReceiptState::Delivered),
            ("failed", ReceiptState::Undelivered),
            ("rejected", ReceiptState::Rejected),
            ("queued", ReceiptState::UnderWay),
            ("never heard of", ReceiptState::UnderWay),
        ] {
            let receipt = Receipt::read(body(state).as_bytes()).unwrap().unwrap();
            assert_eq!(
                (receipt.umid.as_str(), receipt.state, receipt.error_code),
                ("u", read, Some(99)),
                "{state}"
            );
        }
        assert_eq!(Receipt::read(br#"{"eventType":"inbound_message_received","payload":{}}"#), Ok(None));
        for wrong in ["", "[]", "{", r#"{"eventType":"outbound_message_status_changed","payload":{}}"#] {
            assert!(Receipt::read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
