//! `/api/v1/accounts/{accountId}/prices` and `…/balance`.

use axum::Json;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::call::Call;
use crate::error::{Answer, ApiError, code};
use crate::sandbox::Sandbox;

struct Operator {
    country: &'static str,
    country_name: &'static str,
    dialing_prefix: &'static str,
    name: &'static str,
    mcc: u16,
    mnc: u16,
    amount: f64,
}

const OPERATORS: &[Operator] = &[
    Operator {
        country: "ID",
        country_name: "Indonesia",
        dialing_prefix: "+62",
        name: "Telkomsel",
        mcc: 510,
        mnc: 10,
        amount: 0.3,
    },
    Operator {
        country: "SG",
        country_name: "Singapore",
        dialing_prefix: "+65",
        name: "SingTel",
        mcc: 525,
        mnc: 1,
        amount: 0.04,
    },
    Operator {
        country: "US",
        country_name: "United States",
        dialing_prefix: "+1",
        name: "Verizon Wireless",
        mcc: 310,
        mnc: 590,
        amount: 0.008,
    },
];

/// <https://developer.8x8.com/connect/reference/get-price-list>: three operators, in the shape of the published schema.
pub(crate) fn prices(_: &Sandbox, call: &Call) -> Answer {
    call.account()?;
    let country = call.country()?;
    let network = match (whole(call, "mcc")?, whole(call, "mnc")?) {
        (Some(mcc), Some(mnc)) => Some((mcc, mnc)),
        (None, None) => None,
        _ => {
            return Err(ApiError::bad(code::PARAMETER, "Invalid parameter: mcc and mnc come in pairs"));
        }
    };
    let direction = call.query("direction");
    if direction.is_some_and(|direction| !matches!(direction, "outbound" | "inbound")) {
        return Err(ApiError::bad(
            code::PARAMETER,
            "Invalid parameter: direction is none of outbound, inbound",
        ));
    }
    let countries: Vec<_> = OPERATORS
        .iter()
        .filter(|operator| country.is_none_or(|country| country.eq_ignore_ascii_case(operator.country)))
        .filter(|operator| network.is_none_or(|network| network == (operator.mcc, operator.mnc)))
        .map(Operator::to_json)
        .collect();
    let mut sub_account = json!({ "subAccountId": call.query("subAccountId").unwrap_or("sandbox") });
    if direction != Some("inbound") {
        sub_account["outbound"] = json!([{ "countries": countries }]);
    }
    if direction != Some("outbound") {
        sub_account["inbound"] = json!([]);
    }
    Ok(Json(json!({ "subAccounts": [sub_account] })).into_response())
}

/// <https://developer.8x8.com/connect/reference/get-account-balance>: a prepaid account that never runs out.
pub(crate) fn balance(_: &Sandbox, call: &Call) -> Answer {
    call.account()?;
    Ok(Json(json!({ "balance": 1000.0, "currency": "EUR" })).into_response())
}

impl Operator {
    fn to_json(&self) -> Value {
        json!({
            "alpha2Code": self.country,
            "countryName": self.country_name,
            "dialingPrefix": self.dialing_prefix,
            "operators": [{
                "operatorName": self.name,
                "operatorId": u32::from(self.mcc) * 1000 + u32::from(self.mnc),
                "hni": [{ "mcc": self.mcc.to_string(), "mnc": format!("{:02}", self.mnc) }],
                "price": { "amount": self.amount, "currency": "EUR" },
            }],
        })
    }
}

fn whole(call: &Call, name: &str) -> Result<Option<u16>, ApiError> {
    call.query(name)
        .map(|text| {
            text.parse().map_err(|_| {
                ApiError::bad(code::PARAMETER, format!("Invalid parameter: {name} is not a whole number"))
            })
        })
        .transpose()
}
