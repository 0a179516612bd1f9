//! `Resolution` as an extractor.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use std::convert::Infallible;
use tollgate_core::{Refusal, RefusalKind};

use crate::Resolution;

/// Rejects (500, with the remedy) where no resolver ran.
impl<S: Sync> FromRequestParts<S> for Resolution {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            Refusal::new(
                RefusalKind::ClientIpMissing,
                "no client IP was resolved: put TrustedClientIpLayer in front of this route",
            )
        })
    }
}

/// `None` where no resolver ran; never rejects.
impl<S: Sync> OptionalFromRequestParts<S> for Resolution {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}
