use std::error::Error as StdError;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use tollgate_8x8::{Class, DispatchFuture, Endpoint, Removed, refuse_other_than_json, refuse_signed};
use tollgate_core::{Body, Origin, Refusal, RefusalKind};
use tower_service::Service;

use crate::layer::{ClientIpInjectorLayer, Unusable};
use crate::message_origins::MessageOrigins;
use crate::usable::{documentation, why_unusable};
use crate::writing::{Addresses, Writing, tell};

/// Writes `clientIp` before the inner service sends the request. Made by [`ClientIpInjectorLayer`].
#[derive(Clone, Debug)]
pub struct ClientIpInjector<S> {
    inner: S,
    config: Arc<ClientIpInjectorLayer>,
}

/// The response of [`ClientIpInjector`].
pub type ResponseFuture<S, B> = DispatchFuture<S, B, Writing>;

/// What becomes of a request, seen from outside.
enum Decision {
    Pass,
    Write(Endpoint, Addresses),
    Refuse(Refusal),
}

impl<S> ClientIpInjector<S> {
    pub(crate) fn new(inner: S, config: ClientIpInjectorLayer) -> Self {
        Self { inner, config: Arc::new(config) }
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

    fn decide<B>(&self, request: &Request<B>) -> Decision {
        match self.judge(request) {
            Ok(None) => Decision::Pass,
            Ok(Some((endpoint, addresses))) => Decision::Write(endpoint, addresses),
            Err(refusal) if self.config.insecure.passes(&refusal) => Decision::Pass,
            Err(refusal) => Decision::Refuse(refusal),
        }
    }

    /// Where to write and what; `None` passes as it is.
    fn judge<B>(&self, request: &Request<B>) -> Result<Option<(Endpoint, Addresses)>, Refusal> {
        let headers = request.headers();
        let Class::Body(endpoint) = self.config.hosts.classify(request.method(), request.uri(), headers)?
        else {
            return Ok(None);
        };
        refuse_other_than_json(headers)?;
        refuse_signed(headers)?;
        let of_messages = request.extensions().get::<MessageOrigins>().filter(|_| endpoint.is_batch());
        let addresses = match of_messages {
            // What 8x8 does not document there, nobody else may write either.
            _ if !endpoint.takes_client_ip() => Addresses::One(None),
            None => Addresses::One(self.address(endpoint, Origin::resolve(request.extensions()))?),
            Some(origins) => {
                let removed = request.extensions().get::<Removed>();
                let stays = |index: usize| removed.is_none_or(|removed| !removed.has(index));
                let origins = origins.iter().enumerate().filter(|(index, _)| stays(*index));
                let addresses = origins.map(|(index, origin)| {
                    self.address(endpoint, origin).map_err(|refusal| of_message(index, &refusal))
                });
                Addresses::Each(addresses.collect::<Result<_, _>>()?)
            }
        };
        Ok(Some((endpoint, addresses)))
    }

    fn address(&self, endpoint: Endpoint, origin: Origin) -> Result<Option<IpAddr>, Refusal> {
        let addr = match origin {
            Origin::Client(client) => self.usable(client.addr())?,
            Origin::System => None,
            _ => {
                return Err(Refusal::new(
                    RefusalKind::NoClientIp,
                    "nothing was sent: no client IP is known for this request. Put TrustedClientIpLayer in front, \
                     or insert a ClientIp into the request's extensions, or Origin::System where there is no end user",
                ));
            }
        };
        if addr.is_none() && endpoint == Endpoint::SmaCoverage {
            return Err(Refusal::new(
                RefusalKind::NoClientIp,
                "SMA coverage cannot be asked for without a client IP",
            ));
        }
        Ok(addr)
    }

    fn usable(&self, addr: IpAddr) -> Result<Option<IpAddr>, Refusal> {
        let Some(why) = why_unusable(addr) else {
            return Ok(Some(addr));
        };
        if self.config.documentation && documentation(addr) {
            return Ok(Some(addr));
        }
        let (result, addr) = match self.config.unusable {
            Unusable::Pass => ("passed", Ok(Some(addr))),
            Unusable::Omit => ("left_out", Ok(None)),
            Unusable::Replace(instead) => ("replaced", Ok(Some(instead.to_canonical()))),
            Unusable::Refuse => (
                "refused",
                Err(Refusal::new(
                    RefusalKind::UnusableAddress,
                    format!(
                        "nothing was sent: the client IP {addr} is {why}, 8x8 cannot limit by it. Say which proxies to \
                         trust, or what to do with such addresses (unusable_address)"
                    ),
                )),
            ),
        };
        metrics::counter!("tollgate_injector_unusable_total", "result" => result).increment(1);
        addr
    }
}

/// The refusal of a batch for one of its messages.
fn of_message(index: usize, refusal: &Refusal) -> Refusal {
    Refusal::new(refusal.kind(), format!("messages[{index}]: {}", refusal.detail()))
}

impl<S, B, ResBody> Service<Request<B>> for ClientIpInjector<S>
where
    S: Service<Request<B>, Response = Response<ResBody>> + Clone,
    B: http_body::Body<Data = Bytes> + From<Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Response = Response<Body<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let config = &self.config;
        match self.decide(&request) {
            Decision::Pass => DispatchFuture::pass(self.inner.call(request)),
            Decision::Refuse(refusal) => {
                tell(&refusal);
                // What the service that was made ready holds, such as a permit, others may have.
                let clone = self.inner.clone();
                drop(std::mem::replace(&mut self.inner, clone));
                DispatchFuture::refuse(refusal, &config.format, request.headers())
            }
            Decision::Write(endpoint, addresses) => {
                // The service that was made ready is the one to call.
                let clone = self.inner.clone();
                let ready = std::mem::replace(&mut self.inner, clone);
                let writing = Writing::new(addresses, config.placement, config.insecure);
                DispatchFuture::read(endpoint, request, config.limit, ready, writing, config.format.clone())
            }
        }
    }
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
