use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Extensions, Request, Response};
use tollgate_core::refusal::Member;
use tollgate_core::{Body, ClientIp, Origin, Refusal, RefusalKind, Scoped};
use tower_service::Service;

use crate::layer::Settings;
use crate::peer::peer;
use crate::sanitize::{clean, keep, rewrite};
use crate::{Reason, Resolution, Resolver};

/// Finds who asks and tells the inner service; made by [`TrustedClientIpLayer`](crate::TrustedClientIpLayer).
#[derive(Clone, Debug)]
pub struct TrustedClientIp<S> {
    inner: S,
    settings: Arc<Settings>,
}

/// The response of [`TrustedClientIp`], made within the client's ambient scope.
pub type ResponseFuture<F> = tollgate_core::ResponseFuture<Scoped<F>>;

impl<S> TrustedClientIp<S> {
    pub(crate) fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for TrustedClientIp<S>
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
        let settings = &self.settings;
        let mut resolution = resolve(settings, &mut request);
        settings.record.resolution(&resolution);
        match (settings.policy.origin(&resolution), resolution.reason()) {
            (Some(origin), _) => {
                mark(request.extensions_mut(), origin, resolution);
                // A service may do its work in `call` already, so the scope begins there.
                let future = origin.sync_scope(|| self.inner.call(request));
                tollgate_core::ResponseFuture::inner(origin.scope(future))
            }
            (None, reason) => {
                let mut response = settings.format.render_bytes(refusal(reason), request.headers());
                if !settings.rewrites {
                    keep(request.headers(), &mut resolution);
                }
                response.extensions_mut().insert(resolution);
                tollgate_core::ResponseFuture::refused(response)
            }
        }
    }
}

/// Who asks; and the headers cleaned of what nobody vouched for.
fn resolve<B>(settings: &Settings, request: &mut Request<B>) -> Resolution {
    let peer = peer(request.extensions());
    let of_the_listener = request.extensions().get::<Resolver>().cloned();
    let resolver = of_the_listener.as_ref().unwrap_or(&settings.resolver);
    let headers = request.headers_mut();
    let mut resolution = resolver.resolve(peer, headers);
    if let Some(other) = &settings.dry_run {
        settings.record.dry_run(&resolution, &other.resolve(peer, headers));
    }
    let other = of_the_listener.as_ref().map(|_| &settings.resolver);
    clean(resolver, other, headers, &mut resolution);
    if settings.rewrites {
        rewrite(headers, &mut resolution);
    }
    resolution
}

/// Replaces whatever was said before: an earlier word that stayed could win over this one in [`Origin::of`].
fn mark(extensions: &mut Extensions, origin: Origin, resolution: Resolution) {
    match origin {
        Origin::Client(client) => {
            extensions.remove::<Origin>();
            extensions.insert(client);
        }
        nobody => {
            extensions.remove::<ClientIp>();
            extensions.insert(nobody);
        }
    }
    extensions.insert(resolution);
}

fn refusal(reason: Option<&Reason>) -> Refusal {
    let kind = RefusalKind::ClientIpUndetermined;
    match reason {
        // Without the evidence: a proxy may have written it, and it is none of the client's business.
        Some(reason) => Refusal::new(kind, format!("{reason:#}"))
            .with_member("reasons", Member::Texts([reason.as_str().to_owned()].into())),
        None => Refusal::new(kind, "the client's address is not known"),
    }
}
