use std::error::Error as StdError;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, Request, Response};
use tollgate_8x8::{Class, CodeCheck, DispatchFuture, Endpoint};
use tollgate_core::{Body, Origin, Refusal, RefusalKind};
use tower_service::Service;

use crate::engine::{Mode, Profile};
use crate::future::ResponseFuture;
use crate::honeytoken::Honeytoken;
use crate::judging::Judging;
use crate::layer::SmsPumpGuardLayer;
use crate::learning::Learned;
use crate::pass::Pass;
use crate::proof::Proof;
use crate::refuse;

/// Judges dispatches before the inner service sends them. Made by [`SmsPumpGuardLayer`].
#[derive(Clone, Debug)]
pub struct SmsPumpGuard<S> {
    inner: S,
    config: Arc<SmsPumpGuardLayer>,
}

/// What becomes of a request, seen from outside.
enum Decision {
    Pass,
    Judge(Endpoint),
    Check(CodeCheck),
    Refuse(Refusal),
}

impl<S> SmsPumpGuard<S> {
    pub(crate) fn new(inner: S, config: SmsPumpGuardLayer) -> Self {
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
        if self.config.guard.mode() == Mode::Off {
            return Decision::Pass;
        }
        match self.config.hosts.classify(request.method(), request.uri(), request.headers()) {
            Ok(Class::Body(endpoint)) if endpoint.is_dispatch() => Decision::Judge(endpoint),
            Ok(Class::Check) => match CodeCheck::of(request.uri()) {
                Some(check) => Decision::Check(check),
                None => Decision::Pass,
            },
            Ok(_) => Decision::Pass,
            Err(refusal) if refusal.kind() == RefusalKind::UnknownEndpoint && self.config.pass_unknown => {
                Decision::Pass
            }
            Err(refusal) => Decision::Refuse(refusal),
        }
    }
}

impl<S, B, ResBody> Service<Request<B>> for SmsPumpGuard<S>
where
    S: Service<Request<B>, Response = Response<ResBody>> + Clone,
    B: http_body::Body<Data = Bytes> + From<Bytes>,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    type Response = Response<Body<Learned<ResBody>>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let proof = Proof::take(request.headers_mut());
        let guard = self.config.guard.clone();
        let (future, check) = match self.decide(&request) {
            Decision::Pass => (DispatchFuture::pass(self.inner.call(request)), None),
            Decision::Refuse(refusal) => {
                self.let_go();
                (self.refuse(refusal, request.headers()), None)
            }
            Decision::Check(check) => {
                let client = client_of(Origin::of(request.extensions()).or_else(Origin::current));
                let has_body = !request.body().is_end_stream();
                // With a body it may be another code.
                let press = (!has_body).then(|| guard.press(&request, client, &[]));
                match guard.judge_check(check, client, press) {
                    Err(refusal) => {
                        self.let_go();
                        (self.refuse(refusal, request.headers()), None)
                    }
                    Ok(mut checking) => {
                        if let Some(response) =
                            guard.check_decoy(checking.check(), request.uri().path(), client)
                        {
                            // It has counted by itself.
                            checking.give_back();
                            self.let_go();
                            return ResponseFuture::new(DispatchFuture::answer(response), guard, None);
                        }
                        // The answer is to be read.
                        request.headers_mut().remove(ACCEPT_ENCODING);
                        let future = DispatchFuture::pass(self.inner.call(request));
                        (future, Some(checking.with_body(has_body)))
                    }
                }
            }
            Decision::Judge(endpoint) => (self.judge(endpoint, request, proof), None),
        };
        ResponseFuture::new(future, guard, check)
    }
}

impl<S: Clone> SmsPumpGuard<S> {
    /// What the service that was made ready holds, such as a permit, others may have: it is not called.
    fn let_go(&mut self) {
        let clone = self.inner.clone();
        drop(std::mem::replace(&mut self.inner, clone));
    }

    fn judge<B>(
        &mut self,
        endpoint: Endpoint,
        mut request: Request<B>,
        proof: Proof,
    ) -> DispatchFuture<S, B, Judging>
    where
        S: Service<Request<B>>,
        B: http_body::Body,
    {
        // The inner service is called later, perhaps in another task: what the scope knows goes with the request.
        if Origin::of(request.extensions()).is_none()
            && let Some(origin) = Origin::current()
        {
            request.extensions_mut().insert(origin);
        }
        let named = request.extensions().get::<Profile>().copied();
        let profiles = self.config.guard.profiles();
        let profile = named.unwrap_or_else(|| profiles.of(endpoint, endpoint.subaccount(request.uri())));
        // The service that was made ready is the one to call.
        let clone = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, clone);
        let client_ip = client_of(Origin::of(request.extensions()));
        let pass = request.extensions_mut().remove::<Pass>().or_else(Pass::current);
        let trap = request.extensions().get::<Honeytoken>().is_some();
        let judging = Judging::new(self.config.guard.clone(), profile, client_ip, proof, pass, trap)
            .asked_by(request.extensions());
        let format = self.config.format.clone();
        DispatchFuture::read(endpoint, request, self.config.limit, ready, judging, format)
    }
}

impl<S> SmsPumpGuard<S> {
    fn refuse<B>(&self, refusal: Refusal, headers: &HeaderMap) -> DispatchFuture<S, B, Judging>
    where
        S: Service<Request<B>>,
    {
        refuse::tell(&refusal);
        DispatchFuture::refuse(refusal, &self.config.format, headers)
    }
}

pub(crate) fn client_of(origin: Option<Origin>) -> Option<IpAddr> {
    match origin {
        Some(Origin::Client(client)) => Some(client.addr()),
        _ => None,
    }
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
