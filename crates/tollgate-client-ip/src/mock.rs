//! A layer for tests of services that ask for the client IP.

use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};

use http::{Request, Response};
use tollgate_core::{Body, Peer};
use tower_layer::Layer;
use tower_service::Service;

use crate::{Resolver, ResponseFuture, TrustedClientIp, TrustedClientIpLayer};

/// Makes every request one of this client's, connected directly: for tests, in place of [`TrustedClientIpLayer`] and of a
/// server that knows its peers. What it tells the inner service is what that layer would.
///
/// ```
/// use http::{Request, Response};
/// use tollgate_client_ip::MockClientIpLayer;
/// use tollgate_core::ClientIp;
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app = MockClientIpLayer::new("203.0.113.7".parse()?).layer(service_fn(|request: Request<()>| async move {
///     assert_eq!(request.extensions().get::<ClientIp>().unwrap().to_string(), "203.0.113.7");
///     Ok::<_, std::convert::Infallible>(Response::new(String::new()))
/// }));
/// app.oneshot(Request::new(())).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct MockClientIpLayer {
    client: IpAddr,
}

impl MockClientIpLayer {
    /// A layer whose client is always this one.
    pub fn new(client: IpAddr) -> Self {
        Self { client }
    }
}

impl<S> Layer<S> for MockClientIpLayer {
    type Service = MockClientIp<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let peer = Peer::Tcp(SocketAddr::new(self.client, 0));
        MockClientIp { inner: TrustedClientIpLayer::new(Resolver::new()).layer(inner), peer }
    }
}

/// The service of [`MockClientIpLayer`].
#[derive(Clone, Debug)]
pub struct MockClientIp<S> {
    inner: TrustedClientIp<S>,
    peer: Peer,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for MockClientIp<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<Body<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        self.inner.call(request)
    }
}
