//! The same limiter twice on the way of one request.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tollgate_rate_limit::{IpRateLimitLayer, Limit, Quota};
use tower::util::BoxCloneService;
use tower::{Layer, ServiceExt, service_fn};
use tracing::instrument::WithSubscriber as _;

use crate::{MINUTE, client};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn layer(name: &'static str) -> IpRateLimitLayer {
    IpRateLimitLayer::new([Limit::new(name, Quota::requests(100).per(MINUTE))]).unwrap()
}

/// An app that answers after having been away.
async fn app(_: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    tokio::task::yield_now().await;
    Ok(Response::new(Full::default()))
}

type App = BoxCloneService<Request<()>, Response<Full<Bytes>>, Infallible>;

/// What is logged when a request passes these layers, the first the outermost; `late`: each calls the next only once its
/// future is polled, as axum's router does.
async fn logged(layers: &[IpRateLimitLayer], late: bool) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    let mut service: App = BoxCloneService::new(service_fn(app));
    for layer in layers.iter().rev() {
        if late {
            let inner = service;
            service = BoxCloneService::new(service_fn(move |request| inner.clone().oneshot(request)));
        }
        let plain = |answer: Response<_>| answer.map(|_| Full::default());
        service = BoxCloneService::new(layer.layer(service).map_response(plain));
    }
    async {
        for _ in 0..2 {
            let mut request = Request::new(());
            request.extensions_mut().insert(client("203.0.113.7"));
            assert_eq!(service.clone().oneshot(request).await.unwrap().status(), 200);
        }
    }
    .with_subscriber(subscriber)
    .await;
    log.text()
}

#[tokio::test]
async fn it_is_told_loudly_and_once() {
    for late in [false, true] {
        let (one, other) = (layer("one"), layer("other"));
        let told = logged(&[one.clone(), other.clone(), one.clone()], late).await;
        assert_eq!(told.matches("passes the same rate limiter twice").count(), 1, "{told}");
        assert!(told.contains("ERROR") && told.contains("limits=[\"one\"]"), "{told}");
    }
}

#[tokio::test]
async fn two_limiters_are_two() {
    for late in [false, true] {
        assert_eq!(logged(&[layer("one"), layer("one")], late).await, "");
    }
}
