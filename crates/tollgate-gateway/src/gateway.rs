//! The four layers in a row, with 8x8 at the end.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use tollgate::client_ip::TrustedClientIpLayer;
use tollgate::core::{Body, Refusal, RefusalKind, SharedClock, SystemClock};
use tollgate::eight::{Class, FeedbackCall, Hosts, ReadBody, envelope, refuse_encoded};
use tollgate::injector::ClientIpInjector;
use tollgate::pump_guard::{NotSent, Observer, Outcome, PumpGuard, SmsPumpGuard, SmsPumpGuardLayer, State};
use tollgate::rate_limit::{IpRateLimitLayer, Limiter};
use tollgate::redis::pump_guard;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};

use crate::auth::Secrets;
use crate::budget::BodyBudget;
use crate::config::{Built, Config, Problems};
use crate::deadline::Deadline;
use crate::forward;
use crate::number_lookup;
use crate::receipts::Receipts;
use crate::shared::{LimitStore, Shared};
use crate::told;
use crate::upstream::{Bases, OutBody, Streamed, Upstream};

/// An answer's body: 8x8's, or one in its place.
pub type InBody = UnsyncBoxBody<Bytes, Box<dyn StdError + Send + Sync>>;

/// The gateway as a service of the requests a server takes.
pub type App = BoxCloneSyncService<Request<Incoming>, Response<InBody>, Infallible>;

/// A gateway, ready to be [served](crate::serve).
#[derive(Clone, Debug)]
pub struct Gateway {
    /// The four layers and 8x8 behind them. Requests must carry their [`Peer`](tollgate::core::Peer).
    pub app: App,
    /// Who asks: whose connections begin with a PROXY protocol header is in its rules too.
    pub client_ip: TrustedClientIpLayer,
    /// How often: to be looked at and changed while it serves.
    pub limiter: Arc<Limiter<LimitStore>>,
    /// To whom: its memory can be kept.
    pub guard: PumpGuard,
    /// While it is there, the guard and those of other gateways tell each other what they know.
    pub(crate) sharing: Option<Arc<pump_guard::Shared>>,
}

impl Gateway {
    /// The gateway of a configuration. Its guard begins with an empty memory and nothing is logged of its traffic, whatever
    /// `[state]` path and `[traffic_log]` say. Where `[state]` redis names a server, the limits are on it: the connection is
    /// made in the background, and nothing waits for it.
    ///
    /// # Errors
    ///
    /// All that is wrong in the configuration.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, where `[state]` redis names a server.
    pub fn new(config: &Config, secrets: Secrets) -> Result<Self, Problems> {
        let bytes = config.pump_guard.memory.bytes();
        let state = match secrets.guard() {
            Some(secret) => State::with_secret(bytes, secret),
            None => State::new(bytes),
        };
        Self::with_state(config, secrets, state, None)
    }

    /// The same with the guard's memory, and whoever is told what it judges and learns. Where `[state]` redis names a server,
    /// the memory is hashed under [`Secrets::guard`].
    ///
    /// # Errors
    ///
    /// All that is wrong in the configuration.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new) does.
    pub fn with_state(
        config: &Config,
        secrets: Secrets,
        state: State,
        observer: Option<Arc<dyn Observer>>,
    ) -> Result<Self, Problems> {
        let clock = SystemClock::shared();
        let Built { client_ip, limiter, redis, profiles, injector, bases, hosts, warnings, .. } =
            config.build(Arc::clone(&clock))?;
        for warning in &warnings {
            tracing::warn!("{warning}");
        }
        let shared = redis.map(|server| Shared::open(server, &config.state, &secrets)).transpose()?;
        let limiter = Arc::new(match &shared {
            Some(shared) => shared.limiter(limiter)?,
            None => limiter.map_store(LimitStore::Here),
        });
        let guard = PumpGuard::with_state(profiles, Arc::clone(&clock), state);
        let mut guard = guard.map_err(|error| Problems::one("", error))?;
        if let Some(observer) = observer {
            guard = guard.with_observer(observer);
        }
        let sharing = shared.map(|shared| shared.guard(&guard)).transpose()?.map(Arc::new);
        let upstream = Upstream::new(config.upstream.timeout.0).map_err(|error| Problems::one("", error))?;
        let lookup = &config.pump_guard.number_lookup;
        if let Some(known) = number_lookup::intelligence(lookup, secrets.api_key(), &bases, &upstream) {
            guard = guard.with_intelligence(known);
        }
        let receipts = secrets.webhook.clone().map(|authorization| {
            let timeout = config.listen.body_timeout.0;
            Receipts { guard: guard.clone(), authorization, timeout }
        });
        let proxy = Proxy {
            outbound: SmsPumpGuardLayer::new(guard.clone())
                .with_hosts(hosts.clone())
                .with_body_limit(config.listen.max_body)
                .layer(injector.layer(upstream)),
            guard: guard.clone(),
            bases: Arc::new(bases),
            hosts,
            secrets: Arc::new(secrets),
            managed: client_ip.resolver().managed_headers().into(),
            budget: BodyBudget::new(config.listen.max_body),
            body_timeout: config.listen.body_timeout.0,
        };
        let limits = IpRateLimitLayer::from(Arc::clone(&limiter)).with_refusal_format(envelope());
        let app = app(client_ip.clone(), limits, proxy, receipts, clock);
        Ok(Self { app, client_ip, limiter, guard, sharing })
    }
}

fn app(
    client_ip: TrustedClientIpLayer,
    limits: IpRateLimitLayer<LimitStore>,
    proxy: Proxy,
    receipts: Option<Receipts>,
    clock: SharedClock,
) -> App {
    let secrets = Arc::clone(&proxy.secrets);
    let handler = service_fn(move |request| proxy.clone().answer(request));
    let limited = limits.layer(handler);
    let admitted = service_fn(move |request: Request<Incoming>| {
        let admitted = secrets.admit(&request);
        let limited = limited.clone();
        async move {
            match admitted {
                Ok(()) => Ok::<_, Infallible>(boxed(limited.oneshot(request).await?)),
                Err(refusal) => Ok(refuse(refusal, &request)),
            }
        }
    });
    let resolved = client_ip.layer(admitted);
    let observed = service_fn(move |mut request: Request<Incoming>| {
        let (resolved, clock, receipts) = (resolved.clone(), Arc::clone(&clock), receipts.clone());
        async move {
            if let Some(receipts) = receipts.filter(|_| Receipts::is_one(&request)) {
                return Ok(boxed(receipts.take(request).await));
            }
            let served = Served::of(&request);
            let (start, class) = (clock.monotonic(), served.name());
            request.extensions_mut().insert(served);
            let response = boxed(resolved.oneshot(request).await?);
            observe(&clock, start, class, &response);
            Ok::<_, Infallible>(response)
        }
    });
    BoxCloneSyncService::new(observed)
}

/// The longest feedback call, in bytes.
const FEEDBACK: usize = 4 << 10;

/// Sends what may go out, and brings the answer back.
#[derive(Clone)]
struct Proxy {
    outbound: SmsPumpGuard<ClientIpInjector<Upstream>>,
    guard: PumpGuard,
    bases: Arc<Bases>,
    hosts: Hosts,
    secrets: Arc<Secrets>,
    /// The headers that say who asks: they are for this gateway.
    managed: Arc<[&'static HeaderName]>,
    budget: BodyBudget,
    body_timeout: Duration,
}

impl Proxy {
    async fn answer(self, request: Request<Incoming>) -> Result<Response<InBody>, Infallible> {
        let class = match request.extensions().get::<Served>() {
            Some(Served(class)) => class.clone(),
            None => Served::of(&request).0,
        };
        let streamed = !matches!(class, Ok(Class::Body(_)));
        let memory = match class {
            Ok(Class::Body(_)) => self.budget.take(request.headers()).map(Some),
            other => other.map(|_| None),
        };
        // Held until 8x8 has answered: by then the body is gone.
        let _memory = match memory {
            Ok(memory) => memory,
            Err(refusal) => return Ok(refuse(refusal, &request)),
        };
        let (mut parts, body) = request.into_parts();
        told::take(&mut parts.headers, &mut parts.extensions);
        for name in self.managed.iter() {
            parts.headers.remove(*name);
        }
        if let Err(refusal) = forward::outbound(&mut parts, &self.bases, &self.secrets) {
            return Ok(refuse(refusal, &Request::from_parts(parts, ())));
        }
        // A host that the layers take for a foreign one would get the request unseen.
        if matches!(self.hosts.classify(&parts.method, &parts.uri, &parts.headers), Ok(Class::Foreign)) {
            let refusal =
                Refusal::new(RefusalKind::UnknownEndpoint, "where this would go is not known to be 8x8");
            return Ok(refuse(refusal, &Request::from_parts(parts, ())));
        }
        let body: OutBody = Body::inner(Deadline::whole(body, self.body_timeout));
        if streamed {
            parts.extensions.insert(Streamed(self.body_timeout));
        }
        let mut request = Request::from_parts(parts, body);
        let mut verified = None;
        if let Some(umid) = FeedbackCall::message(request.method(), request.uri()).map(str::to_owned) {
            // The app tells 8x8 what became of a code of its own: the guard learns it, too.
            let (parts, body) = match ReadBody::checked(refuse_encoded, request, FEEDBACK).await {
                Ok(read) => read,
                Err(unread) => return Ok(refuse(unread.refusal, &Request::from_parts(unread.parts, ()))),
            };
            verified = FeedbackCall::succeeded(&body).filter(|succeeded| *succeeded).map(|_| umid);
            request = Request::from_parts(parts, Body::from(body));
        }
        let mut response = self.outbound.oneshot(request).await?;
        if let Some(umid) = verified.filter(|_| response.status().is_success()) {
            self.guard.observe_id(&umid, Outcome::Verified);
        }
        // A refusal of the layers above 8x8 has its kind in the extensions; 8x8's own answer has not.
        if response.extensions().get::<RefusalKind>().is_none() {
            forward::inbound(response.headers_mut());
        }
        if response.extensions().get::<NotSent>().is_none() {
            for name in NotSent::HEADERS {
                response.headers_mut().remove(name);
            }
        }
        Ok(boxed(response))
    }
}

fn refuse<B>(refusal: Refusal, request: &Request<B>) -> Response<InBody> {
    let kind = refusal.kind().as_str();
    metrics::counter!("tollgate_gateway_refused_total", "kind" => kind).increment(1);
    tracing::info!(kind, detail = refusal.detail(), "refused");
    let unauthorized = refusal.kind() == RefusalKind::Unauthorized;
    let mut response = envelope().render::<http_body_util::Empty<Bytes>>(refusal, request.headers());
    if unauthorized {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    boxed(response)
}

fn boxed<B>(response: Response<B>) -> Response<InBody>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    response.map(|body| UnsyncBoxBody::new(body.map_err(Into::into)))
}

/// What a request to the gateway is: looked at once, kept in its extensions.
#[derive(Clone, Debug)]
pub(crate) struct Served(Result<Class, Refusal>);

impl Served {
    fn of<B>(request: &Request<B>) -> Self {
        Self(Hosts::classify_served(request.method(), request.uri(), request.headers()))
    }

    pub(crate) fn class(&self) -> Option<Class> {
        self.0.as_ref().ok().copied()
    }

    /// For metrics: never the path, in which there may be a phone number or a code.
    fn name(&self) -> &'static str {
        match self.class() {
            Some(Class::Body(endpoint)) => endpoint.as_str(),
            Some(Class::Check) => "check",
            Some(_) => "quiet",
            None => "unknown",
        }
    }
}

fn observe(clock: &SharedClock, start: Duration, class: &'static str, response: &Response<InBody>) {
    let took = clock.monotonic().saturating_sub(start);
    let status = response.status().as_u16();
    metrics::counter!("tollgate_gateway_requests_total", "class" => class, "status" => status.to_string())
        .increment(1);
    metrics::histogram!("tollgate_gateway_request_seconds", "class" => class).record(took.as_secs_f64());
    tracing::info!(class, status, ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX), "answered");
}
