//! `/api/v2/subaccounts/{subAccountId}/sessions` and `…/sma/coverage`.

use std::net::IpAddr;
use std::time::Duration;

use axum::Json;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use crate::call::Call;
use crate::code::CodeType;
use crate::error::{Answer, ApiError, code};
use crate::number::{international, strip_formatting};
use crate::rules::Charge;
use crate::sandbox::Sandbox;
use crate::session::{Party, Session, Terms};
use crate::time::{Now, hundredths};
use crate::validate::Fields;

const CHANNELS: &[&str] = &["sms", "call", "whatsapp", "viber", "sma"];

/// A start, read.
struct Start {
    destination: String,
    client_ip: Option<IpAddr>,
    terms: Terms,
    reset: bool,
    code_type: CodeType,
    code_length: usize,
}

impl Start {
    fn read(fields: &Fields<'_>) -> Result<Self, ApiError> {
        let Some(destination) = destination(fields)? else {
            return Err(fields.fault("destination", code::MSISDN, "is missing"));
        };
        let channel = fields.choice("channel", CHANNELS, code::PARAMETER)?.unwrap_or("sms");
        fields.text_of("brand", 0..=30, code::PARAMETER)?;
        fields.text("template", code::TEMPLATE)?;
        fields.text("templateKey", code::TEMPLATE)?;
        fields.text("language", code::PARAMETER)?;
        fields.url("callbackUrl")?;
        read_channels(fields, channel)?;
        let seconds = |name, range, default| {
            let seconds = fields.integer(name, range)?.unwrap_or(default);
            Ok::<_, ApiError>(Duration::from_secs(seconds.into()))
        };
        let code_type = fields.choice("codeType", CodeType::NAMES, code::PARAMETER)?;
        Ok(Self {
            destination,
            client_ip: fields.ip()?,
            terms: Terms {
                validity: seconds("codeValidity", 30..=7200, 300)?,
                interval: seconds("resendingInterval", 10..=7200, 10)?,
                silent: channel == "sma",
            },
            reset: fields.flag("resetSession")?.unwrap_or(false),
            code_type: code_type.map_or(CodeType::Numeric, CodeType::named),
            code_length: fields.integer("codeLength", 3..=10)?.map_or(4, |length| length as usize),
        })
    }
}

/// What each channel has of its own; checked for its shape whichever channel it is.
fn read_channels(fields: &Fields<'_>, channel: &str) -> Result<(), ApiError> {
    if let Some(sms) = fields.object("sms", code::PARAMETER)? {
        sms.text("source", code::SOURCE)?;
        sms.choice("encoding", &["AUTO", "GSM7", "UCS2"], code::ENCODING)?;
    }
    if let Some(call) = fields.object("call", code::PARAMETER)? {
        call.text("source", code::SOURCE)?;
        call.number("speed", 0.5..=2.0)?;
        call.integer("repetition", 1..=3)?;
        call.text_of("voiceProfile", 0..=50, code::PARAMETER)?;
    }
    let template = match fields.object("whatsapp", code::PARAMETER)? {
        Some(whatsapp) => whatsapp.text("templateName", code::PARAMETER)?,
        None => None,
    };
    if channel == "whatsapp" && template.is_none() {
        return Err(fields.fault("whatsapp", code::PARAMETER, "has no templateName"));
    }
    Ok(())
}

/// International digits.
fn destination(fields: &Fields<'_>) -> Result<Option<String>, ApiError> {
    let country = fields.text_of("country", 0..=2, code::COUNTRY)?;
    let Some(destination) = fields.text("destination", code::MSISDN)? else {
        return Ok(None);
    };
    international(&strip_formatting(destination), country).map(Some).ok_or_else(ApiError::msisdn)
}

/// Starts a verification, or sends its code again: <https://developer.8x8.com/connect/reference/verify-request-v-2>
pub(crate) fn start(sandbox: &Sandbox, call: &Call) -> Answer {
    let sub_account = call.sub_account()?;
    let body = call.json()?;
    let start = Start::read(&Fields::of(&body)?)?;
    let party = Party { sub_account: sub_account.to_owned(), destination: start.destination };
    let charge = Charge { ip: start.client_ip, number: party.destination.clone() };

    let mut state = sandbox.lock();
    if let Some(wait) = state.sessions.too_soon(&party, start.terms.interval, call.now) {
        return Err(ApiError::resend_too_soon(wait));
    }
    state
        .rules
        .admit(sandbox.limits(), vec![charge], call.now.monotonic)
        .map_err(ApiError::quota_exceeded)?;
    let draw = || start.code_type.draw(start.code_length);
    let session = state
        .sessions
        .start(party, start.terms, start.reset, draw, call.now)
        .ok_or_else(ApiError::session_not_found)?;
    Ok(Json(VerifyResponse::of(session, call.host(), call.now)).into_response())
}

/// Checks a code, or only looks: <https://developer.8x8.com/connect/reference/code-validation-v-2>
pub(crate) fn check(sandbox: &Sandbox, call: &Call) -> Answer {
    let sub_account = call.sub_account()?;
    let code = call.query("code");
    if code.is_some_and(|code| !(3..=10).contains(&code.chars().count())) {
        return Err(ApiError::bad(code::PARAMETER, "Invalid parameter: code is not 3 to 10 characters long"));
    }
    let id = call.uuid("sessionId").map_err(|_| ApiError::session_not_found())?;
    let mut state = sandbox.lock();
    let session = state
        .sessions
        .find_mut(id)
        .filter(|session| session.party.sub_account == sub_account)
        .ok_or_else(ApiError::session_not_found)?;
    if let Some(code) = code {
        session.check(code, call.now);
    }
    Ok(Json(VerifyResponse::of(session, call.host(), call.now)).into_response())
}

/// <https://developer.8x8.com/connect/reference/sma-coverage-check>: available wherever the address is not one of the
/// machine's own or a private one.
pub(crate) fn coverage(_: &Sandbox, call: &Call) -> Answer {
    call.sub_account()?;
    let body = call.json()?;
    let fields = Fields::of(&body)?;
    let Some(client_ip) = fields.ip()? else {
        return Err(fields.fault("clientIp", code::IP, "is missing"));
    };
    destination(&fields)?;
    let is_available = match client_ip.to_canonical() {
        IpAddr::V4(ip) => !ip.is_private() && !ip.is_loopback() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_unique_local() && !ip.is_loopback() && !ip.is_unspecified(),
    };
    Ok(Json(json!({ "isAvailable": is_available })).into_response())
}

/// The device opens the `verificationUrl` of a silent verification.
pub(crate) fn open_sma(sandbox: &Sandbox, call: &Call) -> Answer {
    let id = call.uuid("sessionId").map_err(|_| ApiError::session_not_found())?;
    let mut state = sandbox.lock();
    let session = state
        .sessions
        .find_mut(id)
        .filter(|session| session.is_silent())
        .ok_or_else(ApiError::session_not_found)?;
    session.prove(call.now);
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerifyResponse {
    session_id: String,
    verify_uri: String,
    destination: String,
    status: &'static str,
    attempt: u8,
    expires_at: String,
    retry_after: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sma: Option<Sma>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sma {
    verification_url: String,
}

impl VerifyResponse {
    fn of(session: &Session, host: &str, now: Now) -> Self {
        let id = session.id.simple().to_string();
        let sub_account = &session.party.sub_account;
        Self {
            verify_uri: format!("/api/v2/subaccounts/{sub_account}/sessions/{id}"),
            destination: format!("+{}", session.party.destination),
            status: session.status(now).as_str(),
            attempt: session.attempt,
            expires_at: hundredths(session.expires_at()),
            retry_after: hundredths(session.retry_after()),
            sma: session
                .is_silent()
                .then(|| Sma { verification_url: format!("http://{host}/_sandbox/sma/{id}") }),
            session_id: id,
        }
    }
}
