//! `/api/v1/subaccounts/{subAccountId}/messages/exports`: every job is done at once, and finds nothing.

use axum::Json;
use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::call::Call;
use crate::error::{Answer, ApiError, code};
use crate::sandbox::Sandbox;
use crate::validate::Fields;

pub(crate) fn start(sandbox: &Sandbox, call: &Call) -> Answer {
    let sub_account = call.sub_account()?;
    let body = call.json()?;
    let fields = Fields::of(&body)?;
    for name in ["from", "to"] {
        let text = fields.text(name, code::PARAMETER)?;
        let is_date = |text: &str| text.parse::<jiff::civil::Date>().is_ok();
        if !text.is_some_and(is_date) {
            fields.time(name, code::PARAMETER)?;
        }
    }
    fields.text("phoneNumber", code::MSISDN)?;
    fields.countries("countries")?;
    fields.integer("limit", 0..=u32::MAX)?;
    let job = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let response = Json(json!({ "jobId": job }));
    sandbox.lock().jobs.insert(job, sub_account.to_owned());
    Ok((StatusCode::ACCEPTED, response).into_response())
}

pub(crate) fn result(sandbox: &Sandbox, call: &Call) -> Answer {
    let sub_account = call.sub_account()?;
    let job = call.param("jobId").to_owned();
    match sandbox.lock().jobs.get(&job) {
        Some(owner) if owner == sub_account => Ok(Json(json!({ "status": "empty" })).into_response()),
        _ => Err(ApiError::job_not_found()),
    }
}

pub(crate) fn cancel(sandbox: &Sandbox, call: &Call) -> Answer {
    let sub_account = call.sub_account()?;
    let job = call.param("jobId").to_owned();
    let mut state = sandbox.lock();
    if state.jobs.get(&job).is_none_or(|owner| owner != sub_account) {
        return Err(ApiError::job_not_found());
    }
    state.jobs.remove(&job);
    Ok(StatusCode::NO_CONTENT.into_response())
}
