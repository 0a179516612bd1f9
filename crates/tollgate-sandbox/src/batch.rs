//! `/api/v1/subaccounts/{subAccountId}/messages/batch`, and the batches of surveys.

use axum::Json;
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::call::Call;
use crate::error::{Answer, ApiError, code};
use crate::message::{Common, Kind, Message};
use crate::outbox::{Batch, Receipt, send};
use crate::sandbox::Sandbox;
use crate::time::Now;
use crate::validate::Fields;

/// <https://developer.8x8.com/connect/reference/send-many-sms>
pub(crate) fn many(sandbox: &Sandbox, call: &Call) -> Answer {
    send_many(sandbox, call, Kind::Sms)
}

pub(crate) fn send_many(sandbox: &Sandbox, call: &Call, kind: Kind) -> Answer {
    let sub_account = call.sub_account()?;
    let body = call.json()?;
    let fields = Fields::of(&body)?;
    let client_id = fields.text_of("clientBatchId", 0..=20, code::ID)?;
    let include_messages = fields.flag("includeMessagesInResponse")?.unwrap_or(false);
    let messages = read_messages(&fields, kind, call.now)?;

    let batch = Batch { id: Uuid::new_v4(), client_id: client_id.map(str::to_owned) };
    let total = messages.len();
    let rejected = messages.iter().filter(|message| message.fault.is_some()).count();
    let receipts = send(sandbox, sub_account, messages, Some(&batch), call.now)?;
    let response = BatchResponse {
        batch_id: batch.id.to_string(),
        client_batch_id: client_id,
        accepted_count: total - rejected,
        rejected_count: rejected,
        messages: include_messages.then_some(receipts),
    };
    Ok(Json(response).into_response())
}

/// `messages`, or else one to each of `destinations`.
fn read_messages(fields: &Fields<'_>, kind: Kind, now: Now) -> Result<Vec<Message>, ApiError> {
    let client_ip = match kind {
        Kind::Sms => fields.ip()?,
        Kind::Survey => None,
    };
    let template = match fields.object("template", code::TEMPLATE)? {
        Some(template) => Common::read_template(&template, kind, now)?,
        None => Common::default(),
    };
    if let Some(items) = fields.items("messages")? {
        let messages = items.iter().enumerate().map(|(index, item)| {
            let item = Fields::item(item, "messages", index)?;
            Message::read(&item, kind, template, client_ip, now)
        });
        return messages.collect();
    }
    let destinations = match kind {
        Kind::Sms => fields.items("destinations")?,
        Kind::Survey => None,
    };
    let Some(destinations) = destinations else {
        return Err(fields.fault("messages", code::PARAMETER, "is missing"));
    };
    let messages = destinations.iter().map(|destination| match destination {
        Value::String(destination) => Ok(Message::to(destination, None, kind, template, client_ip, now)),
        _ => Err(fields.fault("destinations", code::MSISDN, "has an item that is not a string")),
    });
    messages.collect()
}

/// Cancels what is still scheduled of a batch; a batch that is not known has nothing left to cancel.
pub(crate) fn cancel(sandbox: &Sandbox, call: &Call) -> Answer {
    let sub_account = call.sub_account()?;
    let batch = call.uuid("batchId")?;
    let mut cancelled = 0usize;
    for sent in sandbox.lock().messages.values_mut() {
        let is_of_batch = sent.batch.as_ref().is_some_and(|of| of.id == batch);
        if is_of_batch && sent.sub_account == sub_account && sent.is_waiting(call.now) {
            sent.cancelled = true;
            cancelled += 1;
        }
    }
    Ok(Json(json!({ "cancelledCount": cancelled })).into_response())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchResponse<'a> {
    batch_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_batch_id: Option<&'a str>,
    accepted_count: usize,
    rejected_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<Vec<Receipt>>,
}
