//! A guard in front of something that answers as 8x8 does, for tests of what is on the wire.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tollgate_core::{ClientIp, FakeClock};
use tower::util::BoxCloneService;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::engine::{Policy, Profile};
use crate::{Learned, PumpGuard, SmsPumpGuardLayer};

pub(crate) type Body = Full<Bytes>;
type Answer = dyn Fn(&str) -> Response<Body> + Send + Sync;

pub(crate) const SINGLE: &str = "https://sms.8x8.com/api/v1/subaccounts/x/messages";
pub(crate) const BATCH: &str = "https://sms.8x8.com/api/v1/subaccounts/x/messages/batch";
pub(crate) const VERIFY: &str = "https://verify.8x8.com/api/v2/subaccounts/x/sessions";

pub(crate) struct Wire {
    pub(crate) guard: PumpGuard,
    pub(crate) clock: FakeClock,
    service: BoxCloneService<Request<Body>, Response<Bytes>, Infallible>,
    /// The bodies of what reached 8x8, with the length their header says.
    sent: Arc<Mutex<Vec<(String, String)>>>,
}

impl Wire {
    /// 8x8 answers what this makes of a body.
    pub(crate) fn new(
        policy: Policy,
        answer: impl Fn(&str) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let (clock, sent) = (FakeClock::new(), Arc::new(Mutex::new(Vec::new())));
        clock.advance(Duration::from_secs(1000));
        let guard = PumpGuard::with_clock(policy, Arc::new(clock.clone())).unwrap();
        let (answer, seen): (Arc<Answer>, _) = (Arc::new(answer), Arc::clone(&sent));
        let eight = service_fn(move |request: Request<Body>| {
            let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await?.to_bytes();
                let body = String::from_utf8(body.to_vec()).unwrap();
                let length = parts.headers.get("content-length");
                let length = length.map_or(String::new(), |length| length.to_str().unwrap().to_owned());
                let response = answer(&body);
                seen.lock().unwrap().push((body, length));
                Ok::<_, Infallible>(response)
            }
        });
        let service = SmsPumpGuardLayer::new(guard.clone()).layer(eight);
        let service = service.and_then(|response: Response<tollgate_core::Body<Learned<Body>>>| async {
            let (parts, body) = response.into_parts();
            Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
        });
        Self { guard, clock, service: BoxCloneService::new(service), sent }
    }

    pub(crate) async fn call(&mut self, request: http::request::Builder, body: &str) -> Response<Bytes> {
        let client = ClientIp::asserted("203.0.113.7".parse().unwrap());
        let request = request.extension(client).body(Full::from(body.to_owned())).unwrap();
        self.service.ready().await.unwrap().call(request).await.unwrap()
    }

    pub(crate) async fn post(&mut self, uri: &str, body: &str) -> Response<Bytes> {
        self.call(Request::post(uri).header("content-type", "application/json"), body).await
    }

    /// A batch that strangers filled.
    pub(crate) async fn post_as_otp(&mut self, uri: &str, body: &str) -> Response<Bytes> {
        let request = Request::post(uri).header("content-type", "application/json").extension(Profile::Otp);
        self.call(request, body).await
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn sent(&self) -> usize {
        self.sent.lock().unwrap().len()
    }

    /// The last body that reached 8x8, whose declared length is right.
    pub(crate) fn last(&self) -> String {
        let (body, length) = self.sent.lock().unwrap().last().cloned().unwrap();
        assert!(length.is_empty() || length == body.len().to_string(), "{length} of {body}");
        body
    }
}

pub(crate) fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

pub(crate) fn ok(body: impl Into<Bytes>) -> Response<Body> {
    Response::new(Full::from(body.into()))
}
