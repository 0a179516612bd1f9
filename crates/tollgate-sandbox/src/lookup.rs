//! `/api/v1/subaccounts/{subAccountId}/phones/{phoneNumber}`: what the shape of a number tells.

use axum::Json;
use axum::response::IntoResponse;
use serde::Serialize;
use uuid::Uuid;

use crate::call::Call;
use crate::error::{Answer, ApiError, code};
use crate::number::{international, split, strip_formatting};
use crate::sandbox::Sandbox;
use crate::time::hundredths;

/// <https://developer.8x8.com/connect/reference/phone-number-lookup>. `operator` and `live`, which 8x8 opens on request,
/// know no more here than `format`.
pub(crate) fn phone(_: &Sandbox, call: &Call) -> Answer {
    call.sub_account()?;
    let kind = call.query("type").unwrap_or("format");
    if !matches!(kind, "format" | "operator" | "live") {
        return Err(ApiError::bad(
            code::PARAMETER,
            "Invalid parameter: type is none of format, operator, live",
        ));
    }
    let asked_country = call.country()?;
    let number = strip_formatting(call.param("phoneNumber"));
    let digits = international(&number, asked_country).ok_or_else(ApiError::msisdn)?;

    let (country, national) = split(&digits);
    let phone_type = match country {
        _ if digits.starts_with('1') => "FixedLineOrMobile",
        Some(_) => "Mobile",
        None => "Unknown",
    };
    let lookup = Lookup {
        request_id: Uuid::new_v4().to_string(),
        phone_number: format!("+{digits}"),
        phone_number_national: national,
        phone_type,
        country: asked_country.map(str::to_ascii_uppercase).or(country.map(str::to_owned)),
        roaming: None,
        presence: None,
        ported: None,
        status: Status { state: "ok", timestamp: hundredths(call.now.wall) },
        current_operator: None,
        original_operator: None,
        roaming_operator: None,
    };
    Ok(Json(lookup).into_response())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lookup<'a> {
    request_id: String,
    phone_number: String,
    phone_number_national: &'a str,
    phone_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    roaming: Option<bool>,
    presence: Option<bool>,
    ported: Option<bool>,
    status: Status,
    current_operator: Option<()>,
    original_operator: Option<()>,
    roaming_operator: Option<()>,
}

#[derive(Serialize)]
struct Status {
    state: &'static str,
    timestamp: String,
}
