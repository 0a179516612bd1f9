use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::json::escape_into;
use super::{HEADER, Refusal, rpc};
use crate::Body;

/// The form of a refusal: a value on each layer.
///
/// Whatever the form, the response carries `tollgate-refusal`, `cache-control: no-store` and, where it is known when to
/// come back, `retry-after`.
#[derive(Clone, Copy)]
pub struct RefusalFormat(Render);

/// Turns a refusal into a response; the request's headers tell what the caller speaks.
type Render = fn(&Refusal, &HeaderMap) -> Response<Bytes>;

impl RefusalFormat {
    /// A form of your own. Status, headers and body are the function's; the headers every refusal carries are added.
    #[must_use]
    pub const fn new(render: fn(&Refusal, &HeaderMap) -> Response<Bytes>) -> Self {
        Self(render)
    }

    /// `application/problem+json` (RFC 9457). The type is IANA's where it has one for the kind, else
    /// `urn:tollgate:refusal:<kind>`.
    #[must_use]
    pub const fn problem_json() -> Self {
        Self(problem_json)
    }

    /// gRPC, trailers-only: HTTP 200, the code in `grpc-status`, no body. Where it is known when to come back, so do
    /// `grpc-status-details-bin` (a `google.rpc.RetryInfo`) and `grpc-retry-pushback-ms` (gRFC A6) say.
    #[must_use]
    pub const fn grpc() -> Self {
        Self(grpc)
    }

    /// gRPC where the request's content type is `application/grpc…` or `application/grpc-web…`, else problem+json.
    #[must_use]
    pub const fn auto() -> Self {
        Self(auto)
    }

    /// The response for `refusal`, asked for with these headers.
    pub fn render<B>(self, refusal: Refusal, request_headers: &HeaderMap) -> Response<Body<B>> {
        self.render_bytes(refusal, request_headers).map(Body::from)
    }

    /// The same before it is known what it will stand in for.
    #[must_use]
    pub fn render_bytes(self, refusal: Refusal, request_headers: &HeaderMap) -> Response<Bytes> {
        let (mut parts, body) = (self.0)(&refusal, request_headers).into_parts();
        parts.headers.insert(HEADER, HeaderValue::from_static(refusal.kind().as_str()));
        parts.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = refusal.retry_after_seconds() {
            parts.headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        parts.extensions.insert(refusal.kind());
        Response::from_parts(parts, body)
    }
}

/// [`RefusalFormat::auto`].
impl Default for RefusalFormat {
    fn default() -> Self {
        Self::auto()
    }
}

impl fmt::Debug for RefusalFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefusalFormat(..)")
    }
}

fn response(status: StatusCode, content_type: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn problem_json(refusal: &Refusal, _: &HeaderMap) -> Response<Bytes> {
    let status = refusal.kind().status();
    let mut body = String::with_capacity(256 + refusal.detail().len());
    body.push_str("{\"type\":\"");
    if let Some((uri, title)) = refusal.kind().iana_problem_type() {
        body.push_str(uri);
        body.push_str("\",\"title\":\"");
        body.push_str(title);
    } else {
        body.push_str("urn:tollgate:refusal:");
        body.push_str(refusal.kind().as_str());
        body.push_str("\",\"title\":\"");
        body.push_str(status.canonical_reason().unwrap_or("Refused"));
    }
    body.push_str("\",\"status\":");
    body.push_str(status.as_str());
    body.push_str(",\"detail\":\"");
    escape_into(&mut body, refusal.detail());
    body.push('"');
    refusal.append_members(&mut body);
    body.push('}');
    response(status, "application/problem+json", body)
}

fn grpc(refusal: &Refusal, request_headers: &HeaderMap) -> Response<Bytes> {
    let content_type = grpc_answer(request_headers).unwrap_or("application/grpc");
    let mut response = response(StatusCode::OK, content_type, String::new());
    let headers = response.headers_mut();
    headers.insert("grpc-status", HeaderValue::from(u16::from(refusal.kind().grpc_code())));
    if let Ok(message) = HeaderValue::try_from(percent_encode(refusal.detail())) {
        headers.insert("grpc-message", message);
    }
    if let Some(wait) = refusal.retry_after() {
        let details = STANDARD_NO_PAD.encode(rpc::status(refusal.kind().grpc_code(), refusal.detail(), wait));
        if let Ok(details) = HeaderValue::try_from(details) {
            headers.insert("grpc-status-details-bin", details);
        }
        let millis = wait.as_nanos().div_ceil(1_000_000).max(1);
        headers
            .insert("grpc-retry-pushback-ms", HeaderValue::from(u64::try_from(millis).unwrap_or(u64::MAX)));
    }
    response
}

fn auto(refusal: &Refusal, request_headers: &HeaderMap) -> Response<Bytes> {
    if grpc_answer(request_headers).is_some() {
        grpc(refusal, request_headers)
    } else {
        problem_json(refusal, request_headers)
    }
}

/// The content type to answer a gRPC request with; `None` for a request that is none.
fn grpc_answer(headers: &HeaderMap) -> Option<&'static str> {
    let asked = headers.get(CONTENT_TYPE)?.as_bytes();
    // The longer ones first: each is the start of the next.
    [
        ("application/grpc-web-text", "application/grpc-web-text+proto"),
        ("application/grpc-web", "application/grpc-web+proto"),
        ("application/grpc", "application/grpc"),
    ]
    .into_iter()
    .find(|(name, _)| {
        asked.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
            && matches!(asked.get(name.len()), None | Some(b'+' | b';' | b' '))
    })
    .map(|(_, answer)| answer)
}

/// As the gRPC protocol has it for `grpc-message`: everything but printable ASCII, and `%`.
fn percent_encode(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::{BodyExt, Empty};

    use super::*;
    use crate::RefusalKind;
    use crate::refusal::Member;

    type NoBody = Empty<Bytes>;

    fn refusal() -> Refusal {
        Refusal::new(RefusalKind::RateLimited, "5 requests a minute, 100 % used")
            .with_retry_after(Duration::from_millis(1500))
            .with_member("violated-policies", Member::Texts(vec!["per-minute".into(), "per-day".into()]))
    }

    #[tokio::test]
    async fn problem_json_says_what_when_and_which() {
        let response = RefusalFormat::problem_json().render::<NoBody>(refusal(), &HeaderMap::new());
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["tollgate-refusal"], "rate_limited");
        assert_eq!(response.headers()["retry-after"], "2");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.extensions().get(), Some(&RefusalKind::RateLimited));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(
            body,
            "{\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\",\
             \"title\":\"Request cannot be satisfied as assigned quota has been exceeded\",\"status\":429,\
             \"detail\":\"5 requests a minute, 100 % used\",\"violated-policies\":[\"per-minute\",\"per-day\"]}"
        );
    }

    #[test]
    fn a_grpc_web_caller_is_answered_in_its_own_content_type() {
        for (asked, answered) in [
            ("application/grpc-web", "application/grpc-web+proto"),
            ("application/grpc-web+proto", "application/grpc-web+proto"),
            ("application/grpc-web-text", "application/grpc-web-text+proto"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, asked.parse().unwrap());
            let response = RefusalFormat::auto().render::<NoBody>(refusal(), &headers);
            assert_eq!(response.headers()[CONTENT_TYPE], answered);
            assert_eq!(response.headers()["grpc-status"], "8");
        }
    }

    #[test]
    fn a_grpc_caller_gets_trailers_only() {
        use http_body::Body as _;
        for content_type in ["application/grpc", "application/grpc+proto", "Application/gRPC; x=y"] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
            let response = RefusalFormat::auto().render::<NoBody>(refusal(), &headers);
            assert_eq!(response.status(), 200);
            assert_eq!(response.headers()["grpc-status"], "8");
            assert_eq!(response.headers()["grpc-message"], "5 requests a minute, 100 %25 used");
            assert_eq!(response.headers()["grpc-retry-pushback-ms"], "1500");
            assert!(response.body().is_end_stream());
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, "application/grpcx".parse().unwrap());
        assert_eq!(RefusalFormat::auto().render::<NoBody>(refusal(), &headers).status(), 429);
    }
}
