//! Waiting for one's turn instead of being refused.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::Instant;
use tollgate_core::Clock;
use tollgate_rate_limit::{IpRateLimitLayer, Limit, Limiter, Quota};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::{MINUTE, SECOND, client};

/// Shows the time of tokio's paused clock.
#[derive(Debug)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
}

fn layer(limits: impl IntoIterator<Item = Limit>) -> IpRateLimitLayer {
    Limiter::new(limits).unwrap().with_clock(Arc::new(TokioClock(Instant::now()))).into()
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
async fn requests_take_turns_and_what_waits_too_long_is_refused() {
    let layer =
        layer([Limit::new("a", Quota::requests(1).per(SECOND))]).with_waiting(3 * SECOND, 100).unwrap();
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
    answers.sort_unstable();
    assert_eq!(answers.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [200, 200, 200, 200, 429, 429]);
    // Tokio's timer has milliseconds.
    for (turn, (_, took)) in answers[..4].iter().enumerate() {
        let due = turn as u32 * SECOND;
        assert!(*took >= due && *took <= due + millis(10), "{turn}: {took:?}");
    }
    assert!(answers[4..].iter().all(|(_, took)| *took <= 3 * SECOND + millis(10)), "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_wait_than_there_are_places() {
    let layer = layer([Limit::new("a", Quota::requests(1).per(SECOND))]);
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
async fn who_goes_away_while_waiting_was_charged_nothing() {
    let layer = layer([
        Limit::new("a", Quota::requests(1).per(SECOND)),
        Limit::new("b", Quota::requests(10).per(366 * 24 * 60 * MINUTE)),
    ]);
    let layer = layer.with_waiting(10 * SECOND, 100).unwrap();
    assert_eq!(ask(&layer, "203.0.113.7").await.0, 200);
    for _ in 0..50 {
        let left = tokio::time::timeout(millis(10), ask(&layer, "203.0.113.7")).await;
        assert!(left.is_err(), "it waits");
    }
    tokio::time::advance(SECOND).await;
    assert_eq!(ask(&layer, "203.0.113.7").await, (200, millis(0)));
    // Two passed: eight are left.
    assert_eq!(layer.limiter().limit("b").unwrap().left(client("203.0.113.7")).unwrap().remaining, 8);
}

/// Waiting for one limit, and coming and going, must not gather requests that pass another limit all at once.
#[tokio::test(start_paused = true)]
async fn however_requests_wait_no_second_holds_more_than_the_quota() {
    const PATHS: [&str; 5] = ["/0", "/1", "/2", "/3", "/4"];
    let mut limits = vec![Limit::new("all", Quota::requests(1).per(SECOND))];
    for (n, path) in (0..).zip(PATHS) {
        let quota = Quota::requests(1).per((20 - n) * SECOND);
        limits.push(Limit::new(path, quota).only(move |head| head.uri.path() == path));
    }
    let layer = layer(limits).with_waiting(30 * SECOND, 1000).unwrap();
    let passed = Arc::new(std::sync::Mutex::new(Vec::new()));
    let start = Instant::now();
    let service = {
        let passed = Arc::clone(&passed);
        layer.layer(service_fn(move |request: Request<()>| {
            passed.lock().unwrap().push(start.elapsed());
            answer(request)
        }))
    };
    let asked: Vec<_> = (0..40)
        .map(|n| {
            let (service, mut request) = (service.clone(), request("203.0.113.7"));
            *request.uri_mut() = PATHS[n % 5].parse().unwrap();
            tokio::spawn(async move {
                tokio::time::sleep(millis(500) * n as u32).await;
                // Every third one loses patience.
                let patience = if n % 3 == 0 { millis(700) } else { MINUTE };
                let _ = tokio::time::timeout(patience, service.oneshot(request)).await;
            })
        })
        .collect();
    for asked in asked {
        asked.await.unwrap();
    }
    let passed = passed.lock().unwrap();
    assert!(passed.len() > 5, "{passed:?}");
    assert!(passed.windows(2).all(|pair| pair[1] - pair[0] >= SECOND - millis(1)), "{passed:?}");
}

#[tokio::test(start_paused = true)]
async fn what_can_never_pass_does_not_wait() {
    let limit = Limit::new("a", Quota::requests(60).per(MINUTE).burst(2)).with_cost_of(|_| 5);
    let layer = layer([limit]).with_waiting(MINUTE, 10).unwrap();
    assert_eq!(ask(&layer, "203.0.113.7").await, (429, millis(0)));
}

#[test]
fn without_a_runtime_to_wait_in_requests_are_refused() {
    let layer = IpRateLimitLayer::new([Limit::new("a", Quota::requests(1).per(MINUTE))]).unwrap();
    let mut service = layer.with_waiting(MINUTE, 10).unwrap().layer(service_fn(answer));
    let mut status = || {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let answer = std::pin::pin!(service.call(request("203.0.113.7")));
        let std::task::Poll::Ready(answer) = answer.poll(&mut context) else { panic!("it waits") };
        answer.unwrap().status().as_u16()
    };
    assert_eq!([status(), status()], [200, 429]);
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
    let layer = layer([Limit::new("a", Quota::requests(1).per(SECOND))]);
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
    let layer = || layer([Limit::new("a", Quota::requests(1).per(SECOND))]);
    for (at_most, requests, told) in [
        (Duration::ZERO, 1, "waiting: 0ns: give a time above zero, at most an hour"),
        (61 * MINUTE, 1, "waiting: 3660s: give a time above zero, at most an hour"),
        (SECOND, 0, "waiting: 0: nobody could wait; give at least one place"),
    ] {
        assert_eq!(layer().with_waiting(at_most, requests).unwrap_err().to_string(), told);
    }
}
