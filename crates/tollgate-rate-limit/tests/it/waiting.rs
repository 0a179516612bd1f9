//! Waiting for one's turn instead of being refused.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::Instant;
use tollgate_core::FakeClock;
use tollgate_rate_limit::{IpRateLimitLayer, Limit, Limiter, Quota};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::{MINUTE, SECOND, client};

fn layer(limits: impl IntoIterator<Item = Limit>) -> (IpRateLimitLayer, FakeClock) {
    let clock = FakeClock::new();
    (Limiter::new(limits).unwrap().with_clock(Arc::new(clock.clone())).into(), clock)
}

fn request(addr: &str) -> Request<()> {
    let mut request = Request::new(());
    request.extensions_mut().insert(client(addr));
    request
}

async fn answer(_: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::default()))
}

/// Status, and how long it took.
async fn ask(layer: &IpRateLimitLayer, addr: &str) -> (u16, Duration) {
    let asked = Instant::now();
    let response = layer.layer(service_fn(answer)).oneshot(request(addr)).await.unwrap();
    (response.status().as_u16(), asked.elapsed().round_to_millis())
}

trait RoundToMillis {
    fn round_to_millis(self) -> Self;
}

impl RoundToMillis for Duration {
    fn round_to_millis(self) -> Self {
        Duration::from_millis((self.as_micros() as u64 + 500) / 1000)
    }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test(start_paused = true)]
async fn requests_take_turns_in_the_order_they_came_in_and_what_waits_too_long_is_refused() {
    let (layer, _clock) = layer([Limit::new("a", Quota::requests(1).per(SECOND))]);
    let layer = layer.with_waiting(3 * SECOND, 100).unwrap();
    let asked: Vec<_> = (0..6)
        .map(|_| {
            let layer = layer.clone();
            tokio::spawn(async move { ask(&layer, "203.0.113.7").await })
        })
        .collect();
    let mut answers = Vec::new();
    for asked in asked {
        answers.push(asked.await.unwrap());
    }
    assert_eq!(answers.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [200, 200, 200, 200, 429, 429]);
    // Tokio's timer has milliseconds.
    for (turn, (_, took)) in answers[..4].iter().enumerate() {
        let due = turn as u32 * SECOND;
        assert!(*took >= due && *took <= due + millis(2), "{turn}: {took:?}");
    }
    assert_eq!([answers[4].1, answers[5].1], [millis(0); 2]);
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_wait_than_there_are_places() {
    let (layer, _clock) = layer([Limit::new("a", Quota::requests(1).per(SECOND))]);
    let layer = layer.with_waiting(60 * SECOND, 2).unwrap();
    let other = layer.clone();
    let asked: Vec<_> = (0..5)
        .map(|_| {
            let layer = layer.clone();
            tokio::spawn(async move { ask(&layer, "203.0.113.7").await.0 })
        })
        .collect();
    tokio::task::yield_now().await;
    // Who has not used up anything needs no place.
    assert_eq!(ask(&other, "198.51.100.9").await.0, 200);
    let mut statuses = Vec::new();
    for asked in asked {
        statuses.push(asked.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    // The places are free again.
    assert_eq!(ask(&other, "198.51.100.9").await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn who_goes_away_while_waiting_is_given_back_what_was_charged() {
    let (layer, clock) = layer([
        Limit::new("a", Quota::requests(1).per(SECOND)),
        Limit::new("b", Quota::requests(10).per(366 * 24 * 60 * MINUTE)),
    ]);
    let layer = layer.with_waiting(10 * SECOND, 100).unwrap();
    assert_eq!(ask(&layer, "203.0.113.7").await.0, 200);
    for _ in 0..50 {
        let left = tokio::time::timeout(millis(10), ask(&layer, "203.0.113.7")).await;
        assert!(left.is_err(), "it waits");
    }
    clock.advance(SECOND);
    assert_eq!(ask(&layer, "203.0.113.7").await, (200, millis(0)));
    // Two passed: eight are left.
    assert_eq!(layer.limiter().limit("b").unwrap().left(client("203.0.113.7")).unwrap().remaining, 8);
}

#[tokio::test(start_paused = true)]
async fn the_service_that_was_ready_is_the_one_that_is_called() {
    /// Counts how often it was made ready and called; a clone is not ready.
    #[derive(Default)]
    struct Picky {
        is_ready: bool,
        calls: Arc<AtomicUsize>,
    }
    impl Clone for Picky {
        fn clone(&self) -> Self {
            Self { is_ready: false, calls: Arc::clone(&self.calls) }
        }
    }
    impl Service<Request<()>> for Picky {
        type Response = Response<Full<Bytes>>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
            self.is_ready = true;
            std::task::Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            assert!(std::mem::take(&mut self.is_ready), "called without having been ready");
            self.calls.fetch_add(1, Relaxed);
            std::future::ready(Ok(Response::new(Full::default())))
        }
    }
    let (layer, _clock) = layer([Limit::new("a", Quota::requests(1).per(SECOND))]);
    let picky = Picky::default();
    let mut service = layer.with_waiting(10 * SECOND, 100).unwrap().layer(picky.clone());
    for _ in 0..3 {
        let answer = service.ready().await.unwrap().call(request("203.0.113.7")).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(picky.calls.load(Relaxed), 3);
}

#[test]
fn a_waiting_that_cannot_be_says_what_would_be_right() {
    let layer = || layer([Limit::new("a", Quota::requests(1).per(SECOND))]).0;
    for (at_most, requests, told) in [
        (Duration::ZERO, 1, "waiting: 0ns: give a time above zero, at most an hour"),
        (61 * MINUTE, 1, "waiting: 3660s: give a time above zero, at most an hour"),
        (SECOND, 0, "waiting: 0: nobody could wait; give at least one place"),
    ] {
        assert_eq!(layer().with_waiting(at_most, requests).unwrap_err().to_string(), told);
    }
}
