use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::error::ApiError;
use crate::message::{Fault, Message};
use crate::rules::Charge;
use crate::sandbox::Sandbox;
use crate::time::Now;
use tollgate_8x8::Encoding;

/// A message as it is remembered.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) sub_account: String,
    pub(crate) batch: Option<Batch>,
    pub(crate) destination: String,
    pub(crate) country: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) client_message_id: Option<String>,
    pub(crate) encoding: Encoding,
    pub(crate) parts: usize,
    pub(crate) created: Timestamp,
    pub(crate) scheduled: Option<Timestamp>,
    pub(crate) fault: Option<&'static str>,
    pub(crate) cancelled: bool,
}

impl Sent {
    pub(crate) fn is_waiting(&self, now: Now) -> bool {
        self.fault.is_none() && !self.cancelled && self.scheduled.is_some_and(|at| at > now.wall)
    }
}

/// The batch a message came in.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) id: Uuid,
    pub(crate) client_id: Option<String>,
}

/// 8x8's `SmsResponse`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Receipt {
    umid: String,
    client_message_id: Option<String>,
    destination: String,
    encoding: &'static str,
    status: Status,
}

#[derive(Debug, Serialize)]
struct Status {
    code: &'static str,
    description: &'static str,
}

/// Sends and remembers the messages: all of them, or none where a rule forbids one.
pub(crate) fn send(
    sandbox: &Sandbox,
    sub_account: &str,
    messages: Vec<Message>,
    batch: Option<&Batch>,
    now: Now,
) -> Result<Vec<Receipt>, ApiError> {
    let accepted = messages.iter().filter(|message| message.fault.is_none());
    let charges =
        accepted.map(|message| Charge { ip: message.client_ip, number: message.destination.clone() });
    let charges = charges.collect();
    let mut state = sandbox.lock();
    state.rules.admit(sandbox.limits(), charges, now.monotonic).map_err(ApiError::quota_exceeded)?;
    let receipts = messages.into_iter().map(|message| {
        let umid = Uuid::new_v4();
        let fault = message.fault.map(Fault::description);
        let receipt = Receipt {
            umid: umid.to_string(),
            client_message_id: message.client_message_id.clone(),
            destination: message.destination.clone(),
            encoding: message.encoding.as_str(),
            status: Status {
                code: if fault.is_none() { "QUEUED" } else { "REJECTED" },
                description: fault.unwrap_or("SMS is accepted and queued for processing"),
            },
        };
        let sent = Sent {
            sub_account: sub_account.to_owned(),
            batch: batch.cloned(),
            destination: message.destination,
            country: message.country,
            source: message.source,
            client_message_id: message.client_message_id,
            encoding: message.encoding,
            parts: message.parts,
            created: now.wall,
            scheduled: message.scheduled,
            fault,
            cancelled: false,
        };
        state.messages.insert(umid, sent);
        receipt
    });
    Ok(receipts.collect())
}
