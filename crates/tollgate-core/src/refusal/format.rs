use std::fmt;
use std::sync::Arc;

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
#[derive(Clone)]
pub struct RefusalFormat(Render);

/// Turns a refusal into a response; the request's headers tell what the caller speaks.
#[derive(Clone)]
enum Render {
    Plain(fn(&Refusal, &HeaderMap) -> Response<Bytes>),
    Capturing(Arc<Capturing>),
}

type Capturing = dyn Fn(&Refusal, &HeaderMap) -> Response<Bytes> + Send + Sync;

impl RefusalFormat {
    /// A form of your own. Status, headers and body are the function's; the headers every refusal carries are added.
    #[must_use]
    pub const fn new(render: fn(&Refusal, &HeaderMap) -> Response<Bytes>) -> Self {
        Self(Render::Plain(render))
    }

    /// The same for a function that holds something: a template, a table of translations. Clones share it.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::{Response, header::CONTENT_TYPE};
    /// use tollgate_core::RefusalFormat;
    ///
    /// let page = String::from("<h1>Please try again later</h1>");
    /// let format = RefusalFormat::from_fn(move |refusal, _request_headers| {
    ///     let mut response = Response::new(Bytes::from(page.clone()));
    ///     *response.status_mut() = refusal.kind().status();
    ///     response.headers_mut().insert(CONTENT_TYPE, "text/html; charset=utf-8".parse().unwrap());
    ///     response
    /// });
    /// # drop(format);
    /// ```
    #[must_use]
    pub fn from_fn(render: impl Fn(&Refusal, &HeaderMap) -> Response<Bytes> + Send + Sync + 'static) -> Self {
        Self(Render::Capturing(Arc::new(render)))
    }

    /// `application/problem+json` (RFC 9457). The type is IANA's where it has one for the kind, else
    /// `urn:tollgate:refusal:<kind>`.
    #[must_use]
    pub const fn problem_json() -> Self {
        Self(Render::Plain(problem_json))
    }

    /// gRPC, trailers-only: HTTP 200, the code in `grpc-status`, no body. Where it is known when to come back, so do
    /// `grpc-status-details-bin` (a `google.rpc.RetryInfo`) and `grpc-retry-pushback-ms` (gRFC A6) say.
    #[must_use]
    pub const fn grpc() -> Self {
        Self(Render::Plain(grpc))
    }

    /// gRPC where the request's content type is `application/grpc…` or `application/grpc-web…`, else problem+json.
    #[must_use]
    pub const fn auto() -> Self {
        Self(Render::Plain(auto))
    }

    /// The response for `refusal`, asked for with these headers.
    pub fn render<B>(&self, refusal: Refusal, request_headers: &HeaderMap) -> Response<Body<B>> {
        self.render_bytes(refusal, request_headers).map(Body::from)
    }

    /// The same before it is known what it will stand in for.
    #[must_use]
    pub fn render_bytes(&self, refusal: Refusal, request_headers: &HeaderMap) -> Response<Bytes> {
        let response = match &self.0 {
            Render::Plain(render) => render(&refusal, request_headers),
            Render::Capturing(render) => render(&refusal, request_headers),
        };
        let (mut parts, body) = response.into_parts();
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
    // For all that a refusal has, and what a layer may add: so that the map does not grow.
    response.headers_mut().reserve(8);
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
mod tests;
