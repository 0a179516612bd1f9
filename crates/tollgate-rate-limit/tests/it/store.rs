//! The store suite, on our own store, and on one that asks elsewhere.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use http::{Request, Response};
use tollgate_core::ClientIp;
use tollgate_rate_limit::store::{Count, Counts, Debt, Memory, Step, Store, Tick, suite};
use tollgate_rate_limit::{IpRateLimitLayer, Limit, Limiter, Quota};
use tower::{Layer, ServiceExt, service_fn};

use crate::{MINUTE, client};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_passes_the_suite() {
    suite::run(async |limits| Limiter::new(limits).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_answers_later_passes_the_suite() {
    suite::run(async |limits: Vec<Limit>| elsewhere(limits)).await;
}

/// A store whose every answer takes a moment.
struct Elsewhere(Memory);

fn elsewhere(limits: Vec<Limit>) -> Limiter<Elsewhere> {
    let memory = Limiter::new(limits.clone()).unwrap().into_store();
    Limiter::new(limits).unwrap().with_store(Elsewhere(memory))
}

impl Store for Elsewhere {
    type Later = Pin<Box<dyn Future<Output = Counts> + Send>>;

    fn take(&self, counts: &mut Counts, now: Tick) -> Step<Self::Later> {
        let mut counts = std::mem::take(counts);
        assert!(matches!(self.0.take(&mut counts, now), Step::Now));
        Step::Later(Box::pin(async move {
            tokio::time::sleep(Duration::from_micros(100)).await;
            counts
        }))
    }

    fn give_back(&self, count: &Count, debt: Debt, now: Tick) {
        self.0.give_back(count, debt, now);
    }

    fn charge(&self, count: &Count, cost: u32, most: Debt, now: Tick) -> Debt {
        self.0.charge(count, cost, most, now)
    }

    fn debt(&self, count: &Count, now: Tick) -> Debt {
        self.0.debt(count, now)
    }

    fn forget(&self, count: &Count, now: Tick) {
        self.0.forget(count, now);
    }

    fn convert(&self, limit: usize, level: usize, convert: &dyn Fn(Debt) -> Debt, now: Tick) {
        self.0.convert(limit, level, convert, now);
    }
}

#[tokio::test]
async fn a_request_waits_for_a_store_elsewhere_and_is_answered_like_any_other() {
    let limit = Limit::new("a", Quota::requests(2).per(MINUTE)).skip_failures();
    let app = service_fn(|request: Request<()>| async move {
        let mut response = Response::new(http_body_util::Full::<bytes::Bytes>::default());
        if request.uri().path() == "/fails" {
            *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        }
        Ok::<_, std::convert::Infallible>(response)
    });
    let service = IpRateLimitLayer::from(elsewhere(vec![limit])).layer(app);
    let mut statuses = Vec::new();
    for path in ["/fails", "/fails", "/", "/fails", "/", "/", "/"] {
        let mut request = Request::get(path).body(()).unwrap();
        request.extensions_mut().insert::<ClientIp>(client("203.0.113.7"));
        let answer = service.clone().oneshot(request).await.unwrap();
        if answer.status() == 429 {
            assert_eq!(answer.headers()["retry-after"], "30");
        }
        statuses.push(answer.status().as_u16());
    }
    assert_eq!(statuses, [500, 500, 200, 500, 200, 429, 429]);
}
