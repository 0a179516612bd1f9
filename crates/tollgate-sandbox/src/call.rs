use std::collections::HashMap;

use axum::body::to_bytes;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{Query, RawPathParams, Request};
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use uuid::Uuid;

use crate::error::{ApiError, code};
use crate::time::Now;
use crate::validate::{is_account, is_sub_account};

/// What a request may weigh: 10,000 messages of a kilobyte and some.
pub(crate) const MAX_BODY: usize = 16 * 1024 * 1024;

pub(crate) type PathParams = Result<RawPathParams, RawPathParamsRejection>;

/// A request, taken apart.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) now: Now,
    params: HashMap<String, String>,
    query: HashMap<String, String>,
    headers: HeaderMap,
    authority: Option<String>,
    body: Bytes,
}

impl Call {
    pub(crate) async fn read(params: PathParams, request: Request, now: Now) -> Result<Self, ApiError> {
        let bad = |what: &'static str| move |_| ApiError::bad(code::PARAMETER, what);
        let (head, body) = request.into_parts();
        let params = params.map_err(|_| ApiError::bad(code::PARAMETER, "Invalid path"))?;
        let Query(query) =
            Query::try_from_uri(&head.uri).map_err(|_| ApiError::bad(code::PARAMETER, "Invalid query"))?;
        Ok(Self {
            now,
            params: params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            query,
            headers: head.headers,
            authority: head.uri.authority().map(ToString::to_string),
            body: to_bytes(body, MAX_BODY).await.map_err(bad("Unreadable body"))?,
        })
    }

    pub(crate) fn json(&self) -> Result<Value, ApiError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| ApiError::bad(code::PARAMETER, format!("Invalid JSON: {error}")))
    }

    /// Any token, or the one that is expected.
    pub(crate) fn authenticate(&self, expected: Option<&str>) -> Result<(), ApiError> {
        let token = self
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .filter(|token| !token.is_empty());
        match (token, expected) {
            (Some(token), Some(expected)) if token == expected => Ok(()),
            (Some(_), None) => Ok(()),
            _ => Err(ApiError::unauthenticated()),
        }
    }

    pub(crate) fn sub_account(&self) -> Result<&str, ApiError> {
        let id = self.param("sub_account");
        if is_sub_account(id) {
            Ok(id)
        } else {
            Err(ApiError::bad(code::SUB_ACCOUNT, "Provided subAccountId doesn't belong to your account"))
        }
    }

    pub(crate) fn account(&self) -> Result<&str, ApiError> {
        let id = self.param("account");
        if is_account(id) { Ok(id) } else { Err(ApiError::bad(code::PARAMETER, "Invalid accountId.")) }
    }

    /// A path parameter that is a UUID, in either of its spellings.
    pub(crate) fn uuid(&self, name: &str) -> Result<Uuid, ApiError> {
        self.param(name).parse().map_err(|_| ApiError::bad(code::PARAMETER, format!("Invalid {name}.")))
    }

    /// A path parameter, percent-decoded; the router has seen to it that it is there.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// Two letters, as `country` is in a query.
    pub(crate) fn country(&self) -> Result<Option<&str>, ApiError> {
        match self.query("country") {
            Some(country) if country.chars().count() != 2 => {
                Err(ApiError::bad(code::COUNTRY, "Invalid country (ISO 3166-1 alpha-2)"))
            }
            country => Ok(country),
        }
    }

    /// The host that was called.
    pub(crate) fn host(&self) -> &str {
        self.headers
            .get(HOST)
            .and_then(|value| value.to_str().ok())
            .or(self.authority.as_deref())
            .unwrap_or("localhost")
    }
}

/// The body is over [`MAX_BODY`].
pub(crate) fn too_large() -> ApiError {
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, code::PARAMETER, "Request body too large (16 MiB at most)")
}
