//! What the orphan rule keeps other crates from writing.

use std::convert::Infallible;

use axum_core::body::Body as AxumBody;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::HeaderMap;
use http::request::Parts;

use crate::{ClientIp, Origin, Refusal, RefusalFormat, RefusalKind};

/// Rejects (500, with the remedy) where no resolver ran: a route without `TrustedClientIp` in front of it.
impl<S: Sync> FromRequestParts<S> for ClientIp {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        match Origin::of(&parts.extensions) {
            Some(Origin::Client(client)) => Ok(client),
            Some(_) => Err(Refusal::new(RefusalKind::ClientIpUndetermined, "this request has no client IP")),
            None => Err(Refusal::new(
                RefusalKind::ClientIpMissing,
                "no client IP was resolved: put TrustedClientIpLayer in front of this route",
            )),
        }
    }
}

/// `None` where the client IP is not known; never rejects.
impl<S: Sync> OptionalFromRequestParts<S> for ClientIp {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Self::Rejection> {
        Ok(match Origin::of(&parts.extensions) {
            Some(Origin::Client(client)) => Some(client),
            _ => None,
        })
    }
}

/// As problem+json; a layer that knows the request uses its own format instead.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        RefusalFormat::problem_json().render::<AxumBody>(self, &HeaderMap::new()).map(AxumBody::new)
    }
}
