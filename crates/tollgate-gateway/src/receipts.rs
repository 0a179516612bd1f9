//! 8x8's delivery receipts, told to the guard.

use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use subtle::ConstantTimeEq;
use tollgate::eight::Receipt;
use tollgate::pump_guard::PumpGuard;

/// Where 8x8 posts them.
pub(crate) const PATH: &str = "/webhooks/8x8";
/// The longest one, in bytes.
const LONGEST: usize = 64 << 10;

/// Takes receipts from whoever shows the secret that 8x8 was given as `httpAuthorization`.
#[derive(Clone, Debug)]
pub(crate) struct Receipts {
    pub(crate) guard: PumpGuard,
    pub(crate) authorization: HeaderValue,
    pub(crate) timeout: Duration,
}

impl Receipts {
    pub(crate) fn is_one<B>(request: &Request<B>) -> bool {
        request.uri().path() == PATH
    }

    pub(crate) async fn take(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (status, why) = self.judge(request).await;
        metrics::counter!("tollgate_gateway_receipts_total", "status" => status.as_u16().to_string())
            .increment(1);
        let mut response = Response::new(Full::from(why));
        *response.status_mut() = status;
        response
    }

    async fn judge(&self, request: Request<Incoming>) -> (StatusCode, String) {
        if request.method() != Method::POST {
            return (StatusCode::METHOD_NOT_ALLOWED, "8x8 posts its receipts\n".to_owned());
        }
        let mut given = request.headers().get_all(AUTHORIZATION).iter();
        let given = given.next().filter(|_| given.next().is_none());
        if !given.is_some_and(|given| given.as_bytes().ct_eq(self.authorization.as_bytes()).into()) {
            let why = "give 8x8's webhook the httpAuthorization that listen.webhook_secret_env holds\n";
            return (StatusCode::UNAUTHORIZED, why.to_owned());
        }
        let body = Limited::new(request.into_body(), LONGEST).collect();
        let body = match tokio::time::timeout(self.timeout, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) => {
                return (StatusCode::BAD_REQUEST, format!("the body cannot be read: {error}\n"));
            }
            Err(_) => return (StatusCode::REQUEST_TIMEOUT, "the body did not come in time\n".to_owned()),
        };
        match Receipt::read(&body) {
            Ok(Some(receipt)) => {
                self.guard.receive(&receipt);
                (StatusCode::OK, String::new())
            }
            // About something else: to be taken, or it comes again.
            Ok(None) => (StatusCode::OK, String::new()),
            Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")),
        }
    }
}
