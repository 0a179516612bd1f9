use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::time::Instant;
use tollgate_core::{ClientIp, RefusalKind};
use tollgate_injector::ClientIpInjectorLayer;
use tollgate_pump_guard::{
    Attempt, Charge, Observer, Outcome, Policy, PumpGuard, SmsPumpGuardLayer, Verdict,
};
use tower::{Layer, Service, ServiceExt};

use super::*;

type Sent = Request<Full<Bytes>>;

/// 8x8, saying what it is told to say. Panics where it was not made ready.
#[derive(Default)]
struct Eight {
    shared: Arc<Shared>,
    ready: bool,
}

#[derive(Default)]
struct Shared {
    /// From the last on; then 200.
    answers: Mutex<Vec<Answer>>,
    received: Mutex<Vec<(String, Instant)>>,
}

enum Answer {
    Status(u16, &'static [(&'static str, &'static str)]),
    Refusal(RefusalKind),
    Never,
}

impl Clone for Eight {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), ready: false }
    }
}

impl Service<Sent> for Eight {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Sent) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without being ready");
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let body = String::from_utf8(body.to_vec()).unwrap();
            shared.received.lock().unwrap().push((body, Instant::now()));
            let answer = shared.answers.lock().unwrap().pop();
            let mut response = Response::new(Full::default());
            match answer {
                None => {}
                Some(Answer::Never) => std::future::pending().await,
                Some(Answer::Refusal(kind)) => {
                    *response.status_mut() = kind.status();
                    response.headers_mut().insert("retry-after", 0.into());
                    response.extensions_mut().insert(kind);
                }
                Some(Answer::Status(status, headers)) => {
                    *response.status_mut() = status.try_into().unwrap();
                    for (name, value) in headers {
                        response.headers_mut().insert(*name, value.parse().unwrap());
                    }
                }
            }
            Ok(response)
        })
    }
}

/// Counts what the guard judges, and what it hears was not sent.
#[derive(Debug, Default)]
struct Counts {
    judged: AtomicUsize,
    not_sent: AtomicUsize,
}

impl Observer for Counts {
    fn judged(&self, _: &Attempt, _: &Verdict, _: Option<&Charge>, _: Duration) {
        self.judged.fetch_add(1, Ordering::Relaxed);
    }

    fn not_sent(&self, _: &Charge, _: Duration) {
        self.not_sent.fetch_add(1, Ordering::Relaxed);
    }

    fn outcome(&self, _: &Charge, _: Outcome, _: Duration) {}
}

/// An 8x8 that answers so, the layer, and what its guard counts.
struct Road {
    eight: Eight,
    layer: OutboundLayer,
    counts: Arc<Counts>,
}

impl Road {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let eight = Eight::default();
        *eight.shared.answers.lock().unwrap() = answers.into_iter().collect();
        eight.shared.answers.lock().unwrap().reverse();
        let counts = Arc::<Counts>::default();
        let guard = PumpGuard::new(Policy::default()).unwrap().with_observer(counts.clone());
        let layer = OutboundLayer::new(SmsPumpGuardLayer::new(guard), ClientIpInjectorLayer::new());
        Self { eight, layer, counts }
    }

    fn send(&self, number: &str) -> impl Future<Output = Response<()>> + Send + 'static + use<> {
        let request = Request::post("https://sms.8x8.com/api/v1/subaccounts/x/messages")
            .header("content-type", "application/json")
            .extension(ClientIp::asserted("8.8.4.4".parse().unwrap()))
            .body(Full::from(format!(r#"{{"destination":"{number}","text":"hi"}}"#)))
            .unwrap();
        let service = self.layer.layer(self.eight.clone());
        async move { service.oneshot(request).await.unwrap().map(drop) }
    }

    fn received(&self) -> Vec<(String, Instant)> {
        std::mem::take(&mut self.eight.shared.received.lock().unwrap())
    }

    fn counted(&self) -> (usize, usize) {
        (self.counts.judged.load(Ordering::Relaxed), self.counts.not_sent.load(Ordering::Relaxed))
    }
}

const AGAIN: Answer = Answer::Status(429, &[("retry-after", "2")]);

#[tokio::test(start_paused = true)]
async fn a_429_is_tried_again_when_8x8_says_and_the_guard_counts_it_once() {
    let road = Road::new([AGAIN, AGAIN]);
    assert_eq!(road.send("+6591234567").await.status(), 200);
    let received = road.received();
    let bodies: Vec<_> = received.iter().map(|(body, _)| body.as_str()).collect();
    assert_eq!(bodies, [r#"{"destination":"+6591234567","text":"hi","clientIp":"8.8.4.4"}"#; 3]);
    for pair in received.windows(2) {
        let wait = pair[1].1 - pair[0].1;
        assert!(wait >= Duration::from_secs(2) && wait < Duration::from_secs(3), "{wait:?}");
    }
    assert_eq!(road.counted(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn after_the_last_try_8x8s_answer_is_given_back_and_the_guard_forgets_it() {
    let road = Road::new([AGAIN, AGAIN, AGAIN]);
    let response = road.send("+6591234567").await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (429, &"2".parse().unwrap())
    );
    assert_eq!((road.received().len(), road.counted()), (3, (1, 1)));

    let once = Road::new([AGAIN]);
    let once = Road { layer: once.layer.clone().with_tries(0), ..once };
    assert_eq!(
        (once.send("+6591234567").await.status(), once.received().len()),
        (429.try_into().unwrap(), 1)
    );
}

#[tokio::test(start_paused = true)]
async fn what_8x8_may_have_taken_or_asks_too_long_for_is_not_tried_again() {
    for answer in [
        Answer::Status(429, &[("retry-after", "6")]),
        Answer::Status(429, &[("retry-after", "99999999999999999999999")]),
        Answer::Status(429, &[("retry-after", "-1")]),
        Answer::Status(429, &[("retry-after", "+1")]),
        Answer::Status(429, &[("retry-after", "Thu, 26 Nov 2026 12:00:00 GMT")]),
        Answer::Status(429, &[]),
        Answer::Status(503, &[("retry-after", "1")]),
        Answer::Status(500, &[("retry-after", "1")]),
        Answer::Status(409, &[("retry-after", "1")]),
        Answer::Status(408, &[]),
    ] {
        let road = Road::new([answer]);
        let (start, response) = (Instant::now(), road.send("+6591234567").await);
        assert_ne!(response.status(), 200);
        assert_eq!(
            (road.received().len(), start.elapsed()),
            (1, Duration::ZERO),
            "{response:?}",
            response = response.status()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_never_tried_again_whoever_gave_it() {
    for answer in [
        Answer::Refusal(RefusalKind::NumberCooldown),
        Answer::Refusal(RefusalKind::RateLimited),
        Answer::Status(429, &[("retry-after", "1"), ("tollgate-refusal", "number_cooldown")]),
    ] {
        let road = Road::new([answer]);
        assert_eq!(road.send("+6591234567").await.status(), 429);
        assert_eq!((road.received().len(), road.counted()), (1, (1, 1)));
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_next_try_lets_others_go() {
    let road = Road::new([Answer::Status(429, &[("retry-after", "5")])]);
    let road = Road { layer: road.layer.clone().with_concurrency(1), ..road };
    let first = tokio::spawn(road.send("+6591234567"));
    tokio::time::sleep(Duration::from_millis(1)).await;
    let start = Instant::now();
    assert_eq!(road.send("+6591234568").await.status(), 200);
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(first.await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn only_so_many_are_on_their_way_whatever_service_they_take() {
    let road = Road::new([Answer::Never]);
    let road = Road { layer: road.layer.clone().with_concurrency(0), ..road };
    let slow = tokio::spawn(road.send("+6591234567"));
    tokio::time::sleep(Duration::from_millis(1)).await;
    let start = Instant::now();
    assert_eq!(road.send("+6591234568").await.status(), 200);
    // Until the first one's time was over.
    assert!(start.elapsed() > Duration::from_secs(9), "{:?}", start.elapsed());
    assert_eq!(slow.await.unwrap().status(), 504);
}

#[tokio::test(start_paused = true)]
async fn no_answer_in_time_is_a_refusal_that_may_have_sent_and_goes_on_counting() {
    let road = Road::new([AGAIN, Answer::Never]);
    let start = Instant::now();
    let response = road.send("+6591234567").await;
    assert_eq!(response.status(), 504);
    assert_eq!(response.headers()["tollgate-refusal"], "upstream_timeout");
    assert_eq!(response.extensions().get(), Some(&RefusalKind::UpstreamTimeout));
    // Two seconds of waiting, and ten for the second try.
    assert_eq!(start.elapsed().as_secs(), 12);
    assert_eq!((road.received().len(), road.counted()), (2, (1, 0)));
    // The same button pressed again: the message may be there already.
    let again = road.send("+6591234567").await;
    assert_eq!((again.status().as_u16(), road.received().len()), (429, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_while_it_waits_is_not_sent_again() {
    let road = Road::new([AGAIN]);
    let waiting = tokio::time::timeout(Duration::from_secs(1), road.send("+6591234567"));
    assert!(waiting.await.is_err());
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(road.received().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn calls_without_a_body_are_tried_again_and_other_bodies_pass_as_they_come() {
    let ask = async |request: Sent| {
        let road = Road::new([AGAIN]);
        let response = road.layer.layer(road.eight.clone()).oneshot(request).await.unwrap();
        (response.status().as_u16(), road.received().pop().unwrap().0)
    };
    let check = Request::get("https://verify.8x8.com/api/v2/subaccounts/x/sessions/0?code=1");
    assert_eq!(ask(check.body(Full::default()).unwrap()).await, (200, String::new()));
    let feedback = Request::post("https://sms.8x8.com/api/v1/subaccounts/x/messages/1/feedback");
    assert_eq!(ask(feedback.body(Full::from("as it is")).unwrap()).await, (429, "as it is".to_owned()));
    let foreign = Request::get("https://example.com/");
    assert_eq!(ask(foreign.body(Full::default()).unwrap()).await, (429, String::new()));
}

#[test]
fn the_service_can_be_shared_between_tasks() {
    fn check<T: Clone + Send + Sync + 'static>() {}
    check::<Outbound<Eight>>();
    check::<OutboundLayer>();
}
