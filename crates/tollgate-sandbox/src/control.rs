//! `/_sandbox`: what tests and people ask the sandbox itself. None of it is recorded, and none needs a key.

use axum::Json;
use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::json;

use crate::call::Call;
use crate::error::{Answer, ApiError};
use crate::sandbox::Sandbox;

pub(crate) fn requests(sandbox: &Sandbox, _: &Call) -> Answer {
    Ok(Json(sandbox.requests()).into_response())
}

pub(crate) fn clear(sandbox: &Sandbox, _: &Call) -> Answer {
    sandbox.clear();
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) fn code(sandbox: &Sandbox, call: &Call) -> Answer {
    match sandbox.code_of(call.param("sessionId")) {
        Some(code) => Ok(Json(json!({ "code": code })).into_response()),
        None => Err(ApiError::session_not_found()),
    }
}
