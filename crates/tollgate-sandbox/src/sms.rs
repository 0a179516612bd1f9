//! `/api/v1/subaccounts/{subAccountId}/messages`, and what hangs below one message.

use axum::Json;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use crate::call::Call;
use crate::error::{Answer, ApiError, code};
use crate::message::{Common, Fault, Kind, Message};
use crate::outbox::{Sent, send};
use crate::sandbox::Sandbox;
use crate::time::{Now, hundredths};
use crate::validate::Fields;

/// What each part costs, in hundredths of a cent.
const PRICE: usize = 12;

/// <https://developer.8x8.com/connect/reference/send-sms-single>
pub(crate) fn single(sandbox: &Sandbox, call: &Call) -> Answer {
    send_one(sandbox, call, Kind::Sms)
}

pub(crate) fn send_one(sandbox: &Sandbox, call: &Call, kind: Kind) -> Answer {
    let sub_account = call.sub_account()?;
    let body = call.json()?;
    let message = Message::read(&Fields::of(&body)?, kind, Common::default(), None, call.now)?;
    if let Some(error) = message.fault.and_then(Fault::single) {
        return Err(error);
    }
    let receipts = send(sandbox, sub_account, vec![message], None, call.now)?;
    Ok(Json(receipts.into_iter().next()).into_response())
}

/// <https://developer.8x8.com/connect/reference/get-sms-message-details>
pub(crate) fn details(sandbox: &Sandbox, call: &Call) -> Answer {
    with_message(sandbox, call, |sent| Json(Details::of(call, sent)).into_response())
}

/// Cancels a scheduled message.
pub(crate) fn cancel(sandbox: &Sandbox, call: &Call) -> Answer {
    with_message(sandbox, call, |sent| {
        let cancelled = sent.is_waiting(call.now);
        sent.cancelled |= cancelled;
        Json(json!({ "cancelledCount": u8::from(cancelled) })).into_response()
    })
}

/// <https://developer.8x8.com/connect/reference/api-sms-feedback>
pub(crate) fn feedback(sandbox: &Sandbox, call: &Call) -> Answer {
    call.sub_account()?;
    let body = call.json()?;
    let fields = Fields::of(&body)?;
    if fields.choice("outcome", &["success", "failure"], code::PARAMETER)?.is_none() {
        return Err(fields.fault("outcome", code::PARAMETER, "is missing"));
    }
    fields.time("timestamp", code::PARAMETER)?;
    with_message(sandbox, call, |_| StatusCode::OK.into_response())
}

/// <https://developer.8x8.com/connect/reference/delete-pii>
pub(crate) fn remove_pii(sandbox: &Sandbox, call: &Call) -> Answer {
    with_message(sandbox, call, |sent| {
        sent.destination.clear();
        StatusCode::ACCEPTED.into_response()
    })
}

fn with_message(
    sandbox: &Sandbox,
    call: &Call,
    answer: impl FnOnce(&mut Sent) -> axum::response::Response,
) -> Answer {
    let sub_account = call.sub_account()?;
    let umid = call.uuid("umid")?;
    let mut state = sandbox.lock();
    state
        .messages
        .get_mut(&umid)
        .filter(|sent| sent.sub_account == sub_account)
        .map(answer)
        .ok_or_else(ApiError::message_not_found)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Details<'a> {
    umid: &'a str,
    sub_account_id: &'a str,
    direction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    status: Status,
    msisdn: String,
    source: &'a str,
    body: &'static str,
    encoding: &'static str,
    created_at: String,
    sms_count: usize,
    price: Price,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_batch_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_id: Option<String>,
}

impl<'a> Details<'a> {
    fn of(call: &'a Call, sent: &'a Sent) -> Self {
        let batch = sent.batch.as_ref();
        Self {
            umid: call.param("umid"),
            sub_account_id: &sent.sub_account,
            direction: "outbound",
            country: sent.country.as_deref(),
            status: Status::of(sent, call.now),
            msisdn: masked(&sent.destination),
            source: sent.source.as_deref().unwrap_or("SMS"),
            body: "**MASKED**",
            encoding: sent.encoding.as_str(),
            created_at: hundredths(sent.created),
            sms_count: sent.parts,
            price: Price { total: euros(PRICE * sent.parts), per_sms: euros(PRICE), currency: "EUR" },
            client_message_id: sent.client_message_id.as_deref(),
            client_batch_id: batch.and_then(|batch| batch.client_id.as_deref()),
            batch_id: batch.map(|batch| batch.id.to_string()),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'static str>,
    timestamp: String,
}

impl Status {
    /// Every message that is sent arrives, at once.
    fn of(sent: &Sent, now: Now) -> Self {
        let (state, detail, error_message) = match sent.fault {
            Some(fault) => ("failed", None, Some(fault)),
            None if sent.cancelled => ("failed", None, Some("Cancelled")),
            None if sent.is_waiting(now) => ("queued", None, None),
            None => ("delivered", Some("delivered_to_recipient"), None),
        };
        let at = sent.scheduled.filter(|at| *at <= now.wall);
        Self {
            state,
            detail,
            error_message,
            timestamp: hundredths(at.unwrap_or(sent.created).max(sent.created)),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Price {
    total: f64,
    per_sms: f64,
    currency: &'static str,
}

/// `+63922110xxxx`
fn masked(digits: &str) -> String {
    let shown = digits.len().saturating_sub(4);
    format!("+{}xxxx", digits.get(..shown).unwrap_or_default())
}

fn euros(hundredths_of_a_cent: usize) -> f64 {
    hundredths_of_a_cent as f64 / 10_000.0
}
