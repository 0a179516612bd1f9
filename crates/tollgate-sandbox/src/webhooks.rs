//! `/api/v1/accounts/{accountId}/webhooks`: kept and shown, never called.

use axum::Json;
use axum::response::IntoResponse;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use crate::call::Call;
use crate::error::{Answer, ApiError, code};
use crate::sandbox::Sandbox;
use crate::validate::Fields;

/// In all accounts together; the oldest go.
const MAX_WEBHOOKS: usize = 1_000;

const MAX_TEXT: usize = 2_048;

const MASK: &str = "***";

#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    account: String,
    config: Config,
}

/// As `GET` shows it: secrets are not kept.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    sub_account_id: String,
    url: String,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_authorization: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oauth: Option<OAuth>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OAuth {
    url: String,
    client_id: String,
    client_secret: &'static str,
    credentials_location: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

impl Config {
    fn read(fields: &Fields<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            sub_account_id: text(fields, "subAccountId")?,
            url: url(fields)?,
            enabled: fields.flag("enabled")?.unwrap_or(true),
            http_authorization: fields.text("httpAuthorization", code::PARAMETER)?.map(|_| MASK),
            oauth: fields.object("oauth", code::PARAMETER)?.map(|oauth| OAuth::read(&oauth)).transpose()?,
        })
    }
}

impl OAuth {
    fn read(fields: &Fields<'_>) -> Result<Self, ApiError> {
        text(fields, "clientSecret")?;
        let location = fields.choice("credentialsLocation", &["header", "body"], code::PARAMETER)?;
        let scope = fields.text_of("scope", 0..=MAX_TEXT, code::PARAMETER)?;
        Ok(Self {
            url: url(fields)?,
            client_id: text(fields, "clientId")?,
            client_secret: MASK,
            credentials_location: location
                .ok_or_else(|| fields.fault("credentialsLocation", code::PARAMETER, "is missing"))?,
            scope: scope.map(str::to_owned),
        })
    }
}

/// <https://developer.8x8.com/connect/reference/get-webhooks-2>
pub(crate) fn list(sandbox: &Sandbox, call: &Call) -> Answer {
    let account = call.account()?;
    let state = sandbox.lock();
    let of_account = state.webhooks.iter().filter(|webhook| webhook.account == account);
    let configs: Vec<_> = of_account.map(|webhook| &webhook.config).collect();
    Ok(Json(configs).into_response())
}

/// Adds each webhook, or replaces the one of the same subaccount and URL.
pub(crate) fn add(sandbox: &Sandbox, call: &Call) -> Answer {
    let account = call.account()?;
    let body = call.json()?;
    let configs: Vec<_> = items(&body)?.map(|item| Config::read(&item?)).collect::<Result<_, _>>()?;
    let mut state = sandbox.lock();
    for config in configs {
        state.webhooks.retain(|webhook| {
            webhook.account != account
                || webhook.config.sub_account_id != config.sub_account_id
                || webhook.config.url != config.url
        });
        if state.webhooks.len() == MAX_WEBHOOKS {
            state.webhooks.remove(0);
        }
        state.webhooks.push(Webhook { account: account.to_owned(), config });
    }
    Ok(StatusCode::OK.into_response())
}

/// <https://developer.8x8.com/connect/reference/delete-webhooks-2>
pub(crate) fn delete(sandbox: &Sandbox, call: &Call) -> Answer {
    let account = call.account()?;
    let body = call.json()?;
    let sub_accounts: Vec<_> =
        items(&body)?.map(|item| text(&item?, "subAccountId")).collect::<Result<_, _>>()?;
    sandbox.lock().webhooks.retain(|webhook| {
        webhook.account != account || !sub_accounts.contains(&webhook.config.sub_account_id)
    });
    Ok(StatusCode::OK.into_response())
}

fn items(body: &Value) -> Result<impl Iterator<Item = Result<Fields<'_>, ApiError>>, ApiError> {
    match body {
        Value::Array(items) if items.len() <= MAX_WEBHOOKS => {
            Ok(items.iter().enumerate().map(|(index, item)| Fields::item(item, "", index)))
        }
        _ => Err(ApiError::bad(
            code::PARAMETER,
            format!("Invalid parameter: the body is not an array of at most {MAX_WEBHOOKS} items"),
        )),
    }
}

fn text(fields: &Fields<'_>, name: &str) -> Result<String, ApiError> {
    match fields.text_of(name, 1..=MAX_TEXT, code::PARAMETER)? {
        Some(text) => Ok(text.to_owned()),
        None => Err(fields.fault(name, code::PARAMETER, "is missing")),
    }
}

fn url(fields: &Fields<'_>) -> Result<String, ApiError> {
    fields.url("url")?;
    text(fields, "url")
}
