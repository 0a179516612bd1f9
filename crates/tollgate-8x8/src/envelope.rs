use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use tollgate_core::{Refusal, RefusalFormat, RefusalKind, SystemClock, refusal};

/// 8x8's error envelope: `{"code", "message", "errorId", "timestamp"}`, for callers who speak 8x8.
///
/// Source: <https://developer.8x8.com/connect/docs/api-error-codes>
#[must_use]
pub const fn envelope() -> RefusalFormat {
    RefusalFormat::new(render)
}

/// The 8x8 code that stands for a refusal.
#[must_use]
pub const fn code_of(kind: RefusalKind) -> u16 {
    use RefusalKind as K;
    match kind {
        K::RateLimited | K::ClientBanned | K::CodeGuesses | K::SpendCap | K::TenantRate => 429,
        K::InvalidNumber => 1002,
        K::ClientIpUndetermined | K::UnusableAddress => 1012,
        K::TooManyDestinations => 1100,
        K::Unauthorized => 1200,
        K::ClientDenied | K::NumberBlocked | K::ChallengeRequired | K::Pumping => 1201,
        K::UnknownEndpoint => 1300,
        K::NumberCooldown => 1400,
        K::ClientIpMissing
        | K::NoClientIp
        | K::UpstreamUnreachable
        | K::UpstreamBroken
        | K::UpstreamTimeout
        | K::Overloaded => 2000,
        // Invalid parameter: what is wrong with the request itself.
        _ => 1000,
    }
}

fn render(refusal: &Refusal, _: &HeaderMap) -> Response<Bytes> {
    let mut body = format!("{{\"code\":{},\"message\":\"", code_of(refusal.kind()));
    refusal::escape_into(&mut body, refusal.detail());
    let timestamp = jiff::Timestamp::try_from(SystemClock::wall_now()).unwrap_or_default();
    body.push_str(&format!("\",\"errorId\":\"{}\",\"timestamp\":\"{timestamp:.3}\"", uuid::Uuid::new_v4()));
    refusal.append_members(&mut body);
    body.push('}');
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = refusal.kind().status();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Empty};
    use tollgate_core::refusal::Member;

    use super::*;

    #[tokio::test]
    async fn a_refusal_looks_like_8x8s_own_errors_and_says_that_it_is_not_one() {
        let refusal = Refusal::new(RefusalKind::Pumping, "range +62 812 345 xxx")
            .with_member("reasons", Member::Texts(["range_surprise".to_owned()].into()));
        let response = envelope().render::<Empty<Bytes>>(refusal, &HeaderMap::new());
        assert_eq!(response.status(), 403);
        assert_eq!(response.headers()["tollgate-refusal"], "pumping");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["code"], 1201);
        assert_eq!(body["message"], "range +62 812 345 xxx");
        assert_eq!(body["reasons"][0], "range_surprise");
        assert!(body["errorId"].as_str().unwrap().parse::<uuid::Uuid>().is_ok());
        assert!(body["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    }
}
