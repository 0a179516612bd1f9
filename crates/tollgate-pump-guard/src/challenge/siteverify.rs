mod answer;
mod form;
mod provider;
#[cfg(test)]
mod tests;

use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use sha2::{Digest, Sha256};
use tower_service::Service;

use super::used::{self, Used};
use super::{Binding, Challenge, ChallengeConfigError, ChallengeVerifier, Rejected, Step, tell};
use crate::whole;
use answer::Expected;
pub use provider::Provider;

/// How long a token that was accepted is remembered: as long as the providers' tokens live, or longer.
const REMEMBERED: Duration = Duration::from_secs(300);

/// The longest token, in bytes: Turnstile's have up to 2,048, hCaptcha's some thousands.
const LONGEST: usize = 8192;

/// Asks a provider (Turnstile, hCaptcha, reCAPTCHA) whether a token of its widget is good.
///
/// `C` is an HTTP client that speaks TLS, and `B` the body it takes. What it answers has to come within the timeout and
/// to be at most 64 KiB; anything else is [`Rejected::Unavailable`]. It must not follow redirects.
///
/// A provider's token is not issued for a number. It is bound to the one it is first accepted with: the provider accepts
/// it once, and so does this verifier, which remembers it for five minutes. Futures want tokio's timer.
pub struct SiteVerify<C, B> {
    client: C,
    settings: Arc<Settings>,
    body: PhantomData<fn() -> B>,
}

#[derive(Clone)]
struct Settings {
    provider: Provider,
    secret: String,
    url: Uri,
    site_key: Option<String>,
    expected: Expected,
    timeout: Duration,
    used: Arc<Used>,
}

impl<C, B> SiteVerify<C, B> {
    /// This provider at its own address, with 2 s to answer. `secret` is the one that belongs to the widget's site key.
    ///
    /// # Errors
    ///
    /// The secret is empty.
    pub fn new(provider: Provider, secret: &str, client: C) -> Result<Self, ChallengeConfigError> {
        if secret.is_empty() {
            return Err(ChallengeConfigError::new("secret", "", "the provider's secret key is needed"));
        }
        let settings = Settings {
            provider,
            secret: secret.to_owned(),
            url: Uri::from_static(provider.url()),
            site_key: None,
            expected: Expected { least_score: provider.least_score(), ..Expected::default() },
            timeout: Duration::from_secs(2),
            used: Arc::new(Used::new(used::CAPACITY)?),
        };
        Ok(Self { client, settings: Arc::new(settings), body: PhantomData })
    }
}

impl<C, B> SiteVerify<C, B> {
    /// Another address to ask at.
    ///
    /// # Errors
    ///
    /// It is not `https://…`: the secret goes there.
    pub fn with_url(self, url: Uri) -> Result<Self, ChallengeConfigError> {
        if url.scheme_str() != Some("https") || url.host().is_none() {
            return Err(ChallengeConfigError::new("url", url, "not an https:// address"));
        }
        Ok(self.set(|settings| settings.url = url))
    }

    /// The widget's site key, which clients are told.
    #[must_use]
    pub fn with_site_key(self, site_key: impl Into<String>) -> Self {
        self.set(|settings| settings.site_key = Some(site_key.into()))
    }

    /// The host name of the page that the widget has to be on, in any letter case. Others are
    /// [`Rejected::Elsewhere`], and an answer that names none too.
    #[must_use]
    pub fn with_hostname(self, hostname: impl Into<String>) -> Self {
        self.set(|settings| settings.expected.hostname = Some(hostname.into()))
    }

    /// The action that the widget has to be for (Turnstile, reCAPTCHA v3). Others are [`Rejected::Elsewhere`], and an
    /// answer that names none too.
    #[must_use]
    pub fn with_action(self, action: impl Into<String>) -> Self {
        self.set(|settings| settings.expected.action = Some(action.into()))
    }

    /// The least score of reCAPTCHA v3, from 0 (a machine) to 1 (a person); 0.5 by default, as Google suggests. A lower
    /// one is [`Rejected::Unsolved`]. Answers without a score (v2) pass. Of other providers no score is looked at.
    ///
    /// # Errors
    ///
    /// It is not within 0 to 1.
    pub fn with_least_score(self, score: f64) -> Result<Self, ChallengeConfigError> {
        if !(0.0..=1.0).contains(&score) {
            return Err(ChallengeConfigError::new("least_score", score, "not within 0 to 1"));
        }
        Ok(self.set(|settings| {
            settings.expected.least_score = settings.provider.least_score().map(|_| score);
        }))
    }

    /// How long the provider has, 100 ms to 30 s.
    ///
    /// # Errors
    ///
    /// A time outside that range.
    pub fn with_timeout(self, timeout: Duration) -> Result<Self, ChallengeConfigError> {
        if !(Duration::from_millis(100)..=Duration::from_secs(30)).contains(&timeout) {
            let value = format_args!("{timeout:?}");
            return Err(ChallengeConfigError::new("timeout", value, "not within 100 ms to 30 s"));
        }
        Ok(self.set(|settings| settings.timeout = timeout))
    }

    /// How many tokens are remembered: 1 to 4,194,304; 65,536 by default (3.5 MiB). When so many were accepted within
    /// five minutes, others are rejected ([`Rejected::MemoryFull`]).
    ///
    /// # Errors
    ///
    /// A number outside that range.
    pub fn with_memory(self, tokens: usize) -> Result<Self, ChallengeConfigError> {
        let used = Arc::new(Used::new(tokens)?);
        Ok(self.set(|settings| settings.used = used))
    }

    /// What was asked already goes by the settings of then.
    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }
}

impl<C, B, R> ChallengeVerifier for SiteVerify<C, B>
where
    C: Service<Request<B>, Response = Response<R>> + Clone + Send + Sync + 'static,
    C::Future: Send + 'static,
    C::Error: Into<Box<dyn StdError + Send + Sync>> + Send,
    B: From<Bytes> + Send + 'static,
    R: http_body::Body<Data = Bytes> + Send + 'static,
{
    fn issue(&self, _: &Binding, _: Duration) -> Option<Challenge> {
        let kind = self.settings.provider.as_str();
        tell::issued(kind, true);
        let site_key = self.settings.site_key.as_deref();
        let object = serde_json::json!({ "kind": kind, "site_key": site_key, "action": self.settings.expected.action });
        Some(Challenge::new(kind, object.to_string(), None))
    }

    fn verify(&self, solution: &str, binding: &Binding, now: Duration) -> Step<Result<(), Rejected>> {
        let settings = &self.settings;
        let kind = settings.provider.as_str();
        if let Err(rejected) = settings.look(solution) {
            return Step::Now(tell::judged(kind, Err(rejected)));
        }
        let request = settings.request(solution, binding);
        let (settings, client, key) = (settings.clone(), self.client.clone(), key(solution));
        Step::Later(Box::pin(async move {
            let judged = settings.ask(client, request).await;
            let used = judged.and_then(|()| settings.used.spend(key, now.saturating_add(REMEMBERED), now));
            tell::judged(kind, used)
        }))
    }
}

impl Settings {
    /// What can be said of a token without asking.
    fn look(&self, token: &str) -> Result<(), Rejected> {
        if token.len() > LONGEST {
            return Err(Rejected::TooLong);
        }
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Rejected::Malformed);
        }
        if self.used.holds(key(token)) {
            return Err(Rejected::AlreadyUsed);
        }
        Ok(())
    }

    fn request<B: From<Bytes>>(&self, token: &str, binding: &Binding) -> Request<B> {
        let body = form::body(&self.secret, token, binding.client_ip);
        let mut request = Request::new(B::from(Bytes::from(body)));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.url.clone();
        let form = http::HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(http::header::CONTENT_TYPE, form);
        request
    }

    /// Asks the provider, within the timeout.
    async fn ask<C, B, R>(&self, mut client: C, request: Request<B>) -> Result<(), Rejected>
    where
        C: Service<Request<B>, Response = Response<R>>,
        C::Error: Into<Box<dyn StdError + Send + Sync>>,
        R: http_body::Body<Data = Bytes>,
    {
        let kind = self.provider.as_str();
        let asked = tokio::time::timeout(self.timeout, async {
            poll_fn(|cx| client.poll_ready(cx)).await.map_err(Into::into)?;
            let (head, body) = client.call(request).await.map_err(Into::into)?.into_parts();
            let bytes = whole::read(body).await.ok_or("its body is broken, or longer than 64 KiB")?;
            answer::judge(head.status, &bytes, &self.expected).ok_or_else(|| head.status.to_string().into())
        });
        match asked.await {
            Ok(Ok(judged)) => judged,
            Ok(Err(error)) => {
                let error: Box<dyn StdError + Send + Sync> = error;
                tracing::warn!(kind, error, "the provider gives no answer");
                Err(Rejected::Unavailable)
            }
            Err(_) => {
                tracing::warn!(kind, timeout = ?self.timeout, "the provider does not answer in time");
                Err(Rejected::Unavailable)
            }
        }
    }
}

fn key(token: &str) -> u64 {
    let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = Sha256::digest(token).into();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Without the secret.
impl<C, B> fmt::Debug for SiteVerify<C, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SiteVerify")
            .field("provider", &self.settings.provider)
            .field("url", &self.settings.url)
            .finish_non_exhaustive()
    }
}
