//! The layer as a middleware of `reqwest-middleware`.

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use ::reqwest::{Body, ResponseBuilderExt, Url};
use async_trait::async_trait;
use http::{Extensions, Request, Response};
use reqwest_middleware::{Error, Middleware, Next, Result};
use tollgate_core::{Origin, RefusalKind};
use tower_layer::Layer;
use tower_service::Service;

use crate::MessageOrigins;
use crate::layer::ClientIpInjectorLayer;

/// For [`reqwest_middleware::ClientBuilder::with`]. A refusal is a response here too.
///
/// The address is that of the request's own extensions, else that of the extensions given beside it (`with_extension`,
/// `execute_with_extensions`), else that of the ambient scope.
///
/// ```
/// use reqwest_middleware::ClientBuilder;
/// use tollgate_injector::ClientIpInjectorLayer;
///
/// # fn main() -> Result<(), reqwest::Error> {
/// let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
/// // Whatever signs requests comes after it.
/// let client = ClientBuilder::new(client).with(ClientIpInjectorLayer::new()).build();
/// # Ok(())
/// # }
/// ```
#[async_trait]
impl Middleware for ClientIpInjectorLayer {
    async fn handle(
        &self,
        request: ::reqwest::Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<::reqwest::Response> {
        let url = request.url().clone();
        let mut request = Request::<Body>::try_from(request)?;
        if Origin::of(request.extensions()).is_none()
            && let Some(origin) = Origin::of(extensions)
        {
            request.extensions_mut().insert(origin);
        }
        if request.extensions().get::<MessageOrigins>().is_none()
            && let Some(origins) = extensions.get::<MessageOrigins>()
        {
            request.extensions_mut().insert(origins.clone());
        }
        let mut service = self.layer(Rest(Some((next, extensions))));
        poll_fn(|cx| service.poll_ready(cx)).await?;
        let mut response = service.call(request).await?;
        if response.extensions().get::<RefusalKind>().is_some() {
            note_url(response.extensions_mut(), url);
        }
        Ok(response.map(Body::wrap).into())
    }
}

/// The rest of the chain, which runs once: it is the readied service that has it, and clones are never ready.
struct Rest<'a>(Option<(Next<'a>, &'a mut Extensions)>);

impl Clone for Rest<'_> {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl<'a> Service<Request<Body>> for Rest<'a> {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>>> + Send + 'a>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        if self.0.is_some() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Some((next, extensions)) = self.0.take() else {
            return Box::pin(pending());
        };
        Box::pin(async move {
            let response = next.run(::reqwest::Request::try_from(request)?, extensions).await?;
            let url = response.url().clone();
            let mut response = Response::<Body>::from(response);
            note_url(response.extensions_mut(), url);
            Ok(response)
        })
    }
}

/// What reqwest's response is told its URL by.
fn note_url(extensions: &mut Extensions, url: Url) {
    if let Ok(response) = Response::builder().url(url).body(()) {
        extensions.extend(response.into_parts().0.extensions);
    }
}
