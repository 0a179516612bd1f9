//! 8x8: where it is, and a client that always answers.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Request, Response, Uri};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tollgate::core::{Body, Refusal, RefusalKind};
use tollgate::eight::{HostError, Hosts, Product, Region, envelope};
use tower::Service;

use crate::deadline::{Deadline, timed_out};

/// Scheme and authority of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    scheme: Scheme,
    authority: Authority,
}

impl Base {
    /// Reads `https://host[:port]`, or `http://…` on this host (anywhere with `insecure_http`).
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what would be right.
    pub fn parse(url: &str, insecure_http: bool) -> Result<Self, String> {
        let error = |why: &str| format!("{url:?} {why}: write for example \"https://sms.8x8.com\"");
        if url.contains(['#', '?']) {
            return Err(error("has a query or a fragment, which come from the request"));
        }
        let parts = url.parse::<Uri>().map_err(|_| error("is not a URL"))?.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(error("is not a URL with a scheme and a host"));
        };
        if parts.path_and_query.is_some_and(|path| path != "/") {
            return Err(error("has a path, which comes from the request"));
        }
        if authority.as_str().contains('@') {
            return Err(error("has a user, which Authorization is for"));
        }
        // What the layers cannot recognise as 8x8's would pass them unseen.
        if Hosts::new().with_host(authority.as_str()).is_err() || authority.port_u16() == Some(0) {
            return Err(error("has no port from 1 to 65535 behind its colon"));
        }
        if scheme == Scheme::HTTP {
            if !insecure_http && !is_this_host(authority.host()) {
                return Err(error("would send the API key in the clear (insecure_http = true allows it)"));
            }
        } else if scheme != Scheme::HTTPS {
            return Err(error("is neither https nor http"));
        }
        Ok(Self { scheme, authority })
    }

    /// This base with the request's path.
    fn join(&self, path: Option<PathAndQuery>) -> Result<Uri, http::Error> {
        let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

/// Whether a host name or address is loopback.
pub(crate) fn is_this_host(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|addr| addr.to_canonical().is_loopback())
}

/// The base of each product.
#[derive(Clone, Debug)]
pub struct Bases {
    bases: Vec<(Product, Base)>,
}

const PRODUCTS: [Product; 5] =
    [Product::Sms, Product::Verify, Product::Lookup, Product::Contacts, Product::Voice];

impl Bases {
    /// 8x8's own hosts in a region.
    #[must_use]
    pub fn of(region: Region) -> Self {
        let base = |product: Product| {
            let authority = Authority::from_static(product.host(region));
            (product, Base { scheme: Scheme::HTTPS, authority })
        };
        Self { bases: PRODUCTS.into_iter().map(base).collect() }
    }

    pub(crate) fn set(&mut self, product: Product, base: Base) {
        for (known, current) in &mut self.bases {
            if *known == product {
                *current = base.clone();
            }
        }
    }

    /// All of them, as hosts of 8x8's.
    pub(crate) fn hosts(&self) -> Result<Hosts, HostError> {
        self.bases.iter().try_fold(Hosts::new(), |hosts, (_, base)| hosts.with_host(base.authority.as_str()))
    }

    /// Each product with its base.
    pub fn iter(&self) -> impl Iterator<Item = (Product, &Base)> {
        self.bases.iter().map(|(product, base)| (*product, base))
    }

    /// Where a path is served.
    pub(crate) fn uri(&self, uri: Uri) -> Option<Uri> {
        let product = Product::serving(uri.path());
        let (_, base) = self.bases.iter().find(|(known, _)| *known == product)?;
        base.join(uri.into_parts().path_and_query).ok()
    }
}

/// What goes out: what the layers left of the caller's body, within its time.
pub(crate) type OutBody = Body<Deadline<Incoming>>;

/// Marks a request whose body the caller is still sending, for at most so long: 8x8's time begins after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Streamed(pub(crate) Duration);

/// Sends requests to 8x8. What goes wrong is a refusal, not an error: nothing above has to handle it.
#[derive(Clone)]
pub(crate) struct Upstream {
    client: Client<HttpsConnector<HttpConnector>, OutBody>,
    timeout: Duration,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Upstream {
    /// TLS 1.3 (8x8 refuses less with 426) with Mozilla's roots; HTTP/2 where it is offered.
    pub(crate) fn new(timeout: Duration) -> Result<Self, rustls::Error> {
        let mut http = HttpConnector::new();
        // Shorter than the whole, so that what was never sent is known not to have been.
        http.set_connect_timeout(Some(timeout / 2));
        http.set_nodelay(true);
        http.enforce_http(false);
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http2_keep_alive_interval(Duration::from_secs(20))
            .build(https);
        Ok(Self { client, timeout })
    }

    /// The client itself, with its connections.
    pub(crate) fn client(&self) -> &Client<HttpsConnector<HttpConnector>, OutBody> {
        &self.client
    }
}

impl Service<Request<OutBody>> for Upstream {
    type Response = Response<Body<Deadline<Incoming>>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<OutBody>) -> Self::Future {
        let timeout = self.timeout;
        let upload = request.extensions().get().map_or(Duration::ZERO, |Streamed(upload)| *upload);
        let sent = self.client.request(request);
        Box::pin(async move {
            let refusal = match tokio::time::timeout(upload + timeout, sent).await {
                // A protocol switch that nobody asked for leaves no connection to answer on.
                Ok(Ok(response)) if response.status().is_informational() => Refusal::new(
                    RefusalKind::UpstreamBroken,
                    "8x8 answered with another protocol; whether it sends the message is not known",
                ),
                Ok(Ok(response)) => {
                    return Ok(response.map(|body| Body::inner(Deadline::each_frame(body, timeout))));
                }
                Ok(Err(error)) => unreachable(&error),
                Err(_) => Refusal::new(
                    RefusalKind::UpstreamTimeout,
                    format!(
                        "8x8 did not answer within {timeout:?}; whether it sends the message is not known"
                    ),
                ),
            };
            let kind = refusal.kind().as_str();
            metrics::counter!("tollgate_gateway_refused_total", "kind" => kind).increment(1);
            tracing::warn!(kind, detail = refusal.detail(), "refused");
            Ok(envelope().render::<Deadline<Incoming>>(refusal, &HeaderMap::new()))
        })
    }
}

fn unreachable(error: &ClientError) -> Refusal {
    let cause = innermost(error);
    if error.is_connect() {
        let detail = format!("8x8 could not be reached, nothing was sent: {cause}");
        return Refusal::new(RefusalKind::UpstreamUnreachable, detail);
    }
    if timed_out(error) {
        return Refusal::new(RefusalKind::BodyTimeout, "the body did not come in time");
    }
    let detail = format!("the connection to 8x8 broke; whether it sends the message is not known: {cause}");
    Refusal::new(RefusalKind::UpstreamBroken, detail)
}

fn innermost(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
