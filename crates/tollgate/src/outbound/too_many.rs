use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, Request, Response, StatusCode};
use tokio::time::Sleep;
use tollgate_core::{Body, RefusalKind, refusal};
use tower::retry::Policy;

/// Tries again where 8x8 took nothing and says when it will: a 429 with `Retry-After`.
#[derive(Clone, Debug)]
pub struct TooManyRequests {
    /// How many more tries there are.
    pub(super) left: u32,
    pub(super) longest: Duration,
}

impl<B, ResBody, E> Policy<Request<Body<B>>, Response<ResBody>, E> for TooManyRequests {
    type Future = Sleep;

    fn retry(
        &mut self,
        _: &mut Request<Body<B>>,
        result: &mut Result<Response<ResBody>, E>,
    ) -> Option<Sleep> {
        let response = result.as_ref().ok()?;
        if response.status() != StatusCode::TOO_MANY_REQUESTS || is_refusal(response) {
            return None;
        }
        let wait = retry_after(response.headers()).filter(|wait| *wait <= self.longest && self.left > 0);
        let result = if wait.is_some() { "again" } else { "given_up" };
        metrics::counter!("tollgate_outbound_too_many_total", "result" => result).increment(1);
        tracing::debug!(result, ?wait, "8x8 takes no more for now");
        let wait = wait?;
        self.left = self.left.checked_sub(1)?;
        Some(tokio::time::sleep(wait))
    }

    fn clone_request(&mut self, request: &Request<Body<B>>) -> Option<Request<Body<B>>> {
        let mut copy = Request::new(request.body().try_clone()?);
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.version_mut() = request.version();
        *copy.headers_mut() = request.headers().clone();
        *copy.extensions_mut() = request.extensions().clone();
        Some(copy)
    }
}

/// Whether it is no answer of 8x8's: a layer's further in, or that of a gateway on the way.
fn is_refusal<B>(response: &Response<B>) -> bool {
    response.extensions().get::<RefusalKind>().is_some() || response.headers().contains_key(refusal::HEADER)
}

/// In seconds, as 8x8 writes it. A date (RFC 9110 §10.2.3) is not read.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    // Digits alone: `+1` would be read, too.
    let digits = seconds.bytes().all(|byte| byte.is_ascii_digit());
    seconds.parse().ok().filter(|_| digits).map(Duration::from_secs)
}
