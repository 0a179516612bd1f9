use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, StatusCode};
use tower_service::Service;

use crate::guard::PumpGuard;

/// How long 8x8 has to answer.
const LIMIT: Duration = Duration::from_secs(5);

/// Tells 8x8 too which codes were given back: its feedback call, for apps that send codes of their own by its SMS API with
/// `"track":"Outcome"`. It is what 8x8's own protection goes by.
///
/// `C` is an HTTP client that speaks TLS, and `B` the body it takes. Futures want tokio's timer.
pub struct Feedback<C, B> {
    guard: PumpGuard,
    client: C,
    authorization: HeaderValue,
    body: PhantomData<fn() -> B>,
}

impl<C, B> Feedback<C, B> {
    /// Tells of messages that went through this guard's layer. `authorization` is `Bearer` and the API key.
    ///
    /// The guard has to [remember them](PumpGuard::with_feedback), and the layer to be around this guard or a clone made
    /// after that.
    #[must_use]
    pub fn new(guard: PumpGuard, mut authorization: HeaderValue, client: C) -> Self {
        authorization.set_sensitive(true);
        Self { guard, client, authorization, body: PhantomData }
    }

    /// [`PumpGuard::verified`], and where the number's last message was an SMS of the last 15 minutes, told to 8x8: whether
    /// it was. Each message is told of once, also when that fails.
    ///
    /// It takes at most 5 s; a handler that wants to answer at once spawns it. The guard has learned of it when the future
    /// is first polled.
    ///
    /// # Errors
    ///
    /// 8x8 was not told, or did not take it.
    pub async fn verified<R>(&self, destination: &str, country: Option<&str>) -> Result<bool, FeedbackError>
    where
        C: Service<Request<B>, Response = Response<R>> + Clone,
        C::Error: Into<Box<dyn StdError + Send + Sync>>,
        B: From<Bytes>,
    {
        let Some(call) = self.guard.verified_with_feedback(destination, country) else { return Ok(false) };
        let mut request = call.request();
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        let mut client = self.client.clone();
        let posted = tokio::time::timeout(LIMIT, async {
            poll_fn(|cx| client.poll_ready(cx)).await?;
            client.call(request).await.map(|response| response.status())
        });
        let told = match posted.await {
            Ok(Ok(status)) if status.is_success() => Ok(true),
            Ok(Ok(status)) => Err(FeedbackError(Why::Status(status))),
            Ok(Err(error)) => Err(FeedbackError(Why::Client(error.into()))),
            Err(_) => Err(FeedbackError(Why::TooSlow)),
        };
        let result = if told.is_ok() { "told" } else { "failed" };
        metrics::counter!("tollgate_pump_guard_feedback_total", "result" => result).increment(1);
        told
    }
}

/// Without the API key.
impl<C, B> fmt::Debug for Feedback<C, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feedback").finish_non_exhaustive()
    }
}

/// 8x8 was not told, or did not take it.
#[derive(Debug)]
pub struct FeedbackError(Why);

#[derive(Debug)]
enum Why {
    Status(StatusCode),
    Client(Box<dyn StdError + Send + Sync>),
    TooSlow,
}

impl fmt::Display for FeedbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Why::Status(status) => write!(f, "8x8 does not take the feedback: it answers {status}"),
            Why::Client(_) => f.write_str("the feedback could not be sent"),
            Why::TooSlow => write!(f, "8x8 did not answer the feedback within {LIMIT:?}"),
        }
    }
}

impl StdError for FeedbackError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0 {
            Why::Client(error) => Some(error.as_ref()),
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "feedback_tests.rs"]
mod tests;
