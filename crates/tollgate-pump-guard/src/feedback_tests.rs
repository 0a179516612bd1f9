use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use tollgate_core::FakeClock;
use tower::util::BoxCloneService;
use tower::{Layer, ServiceExt, service_fn};

use super::*;
use crate::{Policy, SmsPumpGuardLayer};

type Body = Full<Bytes>;
type Client = BoxCloneService<Request<Body>, Response<Body>, Infallible>;

const NUMBER: &str = "+6591234567";

struct Setup {
    guard: PumpGuard,
    clock: FakeClock,
    /// What 8x8 was told.
    told: Arc<Mutex<Vec<Request<Body>>>>,
}

impl Setup {
    fn new() -> Self {
        let clock = FakeClock::new();
        let guard = PumpGuard::with_clock(Policy::default(), Arc::new(clock.clone())).unwrap();
        Self { guard: guard.with_feedback(), clock, told: Arc::default() }
    }

    /// Sends by the layer, to 8x8 that answers this.
    async fn send(&self, path: &str, answer: &'static str) {
        let eight = service_fn(move |_: Request<Body>| async move {
            Ok::<_, Infallible>(Response::new(Body::from(answer)))
        });
        let body = format!(r#"{{"destination":"{NUMBER}","text":"1234","track":"Outcome"}}"#);
        let request = Request::post(format!("https://sms.8x8.com/api/{path}"))
            .header("content-type", "application/json")
            .header("authorization", "Bearer of the app")
            .body(Body::from(body))
            .unwrap();
        let service = SmsPumpGuardLayer::new(self.guard.clone()).layer(eight);
        let answer = service.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap();
    }

    async fn sms(&self, umid: &'static str) {
        self.send("v1/subaccounts/mine/messages", umid).await;
    }

    fn feedback(&self, status: u16) -> Feedback<Client, Body> {
        let told = Arc::clone(&self.told);
        let client = service_fn(move |request| {
            told.lock().unwrap().push(request);
            async move { Ok(Response::builder().status(status).body(Body::default()).unwrap()) }
        });
        let key = HeaderValue::from_static("Bearer key");
        Feedback::new(self.guard.clone(), key, BoxCloneService::new(client))
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().iter().map(|request| request.uri().to_string()).collect()
    }
}

const FIRST: &str = r#"{"umid":"u-1","status":{"code":"QUEUED"}}"#;

#[tokio::test]
async fn eight_is_told_once_of_the_message_whose_code_was_given_back() {
    let setup = Setup::new();
    setup.sms(FIRST).await;
    let feedback = setup.feedback(200);
    assert!(feedback.verified(NUMBER, None).await.unwrap());
    assert!(!feedback.verified(NUMBER, None).await.unwrap());
    assert_eq!(setup.told(), ["https://sms.8x8.com/api/v1/subaccounts/mine/messages/u-1/feedback"]);
    let request = setup.told.lock().unwrap().remove(0);
    assert_eq!(request.method(), "POST");
    assert_eq!(request.headers()["authorization"], "Bearer key");
    let body = request.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, r#"{"outcome":"success"}"#);
}

#[tokio::test]
async fn of_two_messages_the_last_one_is_told_of() {
    let setup = Setup::new();
    setup.sms(FIRST).await;
    setup.clock.advance(Duration::from_secs(40));
    setup.sms(r#"{"umid":"u-2","status":{"code":"QUEUED"}}"#).await;
    assert!(setup.feedback(200).verified("6591234567", None).await.unwrap());
    assert_eq!(setup.told(), ["https://sms.8x8.com/api/v1/subaccounts/mine/messages/u-2/feedback"]);
}

#[tokio::test]
async fn after_15_minutes_and_for_what_is_no_accepted_sms_nobody_is_told() {
    let setup = Setup::new();
    setup.sms(FIRST).await;
    setup.clock.advance(Duration::from_secs(900));
    assert!(!setup.feedback(200).verified(NUMBER, None).await.unwrap());
    for (path, answer) in [
        ("v1/subaccounts/mine/messages", r#"{"umid":"u-1","status":{"code":"REJECTED"}}"#),
        ("v1/subaccounts/mine/messages", r#"{"umid":"../u","status":{"code":"QUEUED"}}"#),
        ("v1/subaccounts/mine/messages", "<html>"),
        ("v2/subaccounts/mine/sessions", r#"{"sessionId":"u-1","status":"WAITING"}"#),
    ] {
        let setup = Setup::new();
        setup.send(path, answer).await;
        assert!(!setup.feedback(200).verified(NUMBER, None).await.unwrap(), "{answer}");
        assert!(setup.told().is_empty());
    }
}

#[tokio::test]
async fn a_later_message_over_another_way_takes_the_place_of_the_sms() {
    let setup = Setup::new();
    setup.sms(FIRST).await;
    setup.clock.advance(Duration::from_secs(40));
    setup.send("v2/subaccounts/mine/sessions", r#"{"sessionId":"s","status":"WAITING"}"#).await;
    assert!(!setup.feedback(200).verified(NUMBER, None).await.unwrap());
}

#[tokio::test]
async fn whoever_was_never_sent_to_and_what_is_no_number_is_told_of_to_nobody() {
    let setup = Setup::new();
    for destination in ["+6598765432", "", "../", "+999", "garbage"] {
        assert!(!setup.feedback(200).verified(destination, None).await.unwrap(), "{destination}");
    }
}

#[tokio::test]
async fn what_8x8_does_not_take_is_an_error_and_not_told_again() {
    let setup = Setup::new();
    setup.sms(FIRST).await;
    let error = setup.feedback(400).verified(NUMBER, None).await.unwrap_err();
    assert_eq!(error.to_string(), "8x8 does not take the feedback: it answers 400 Bad Request");
    assert!(!setup.feedback(200).verified(NUMBER, None).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn eight_has_five_seconds_and_the_guard_has_learned_before() {
    let setup = Setup::new();
    setup.sms(FIRST).await;
    let client = service_fn(|_: Request<Body>| pending::<Result<Response<Body>, Infallible>>());
    let feedback = Feedback::new(setup.guard.clone(), HeaderValue::from_static("Bearer key"), client);
    let before = tokio::time::Instant::now();
    let error = feedback.verified(NUMBER, None).await.unwrap_err();
    assert_eq!((before.elapsed().as_secs(), error.to_string().contains("within 5s")), (5, true));
    assert!(!format!("{feedback:?}").contains("key"));
}

#[tokio::test]
async fn a_guard_without_feedback_keeps_nothing() {
    let mut setup = Setup::new();
    setup.guard = PumpGuard::new(Policy::default()).unwrap();
    setup.sms(FIRST).await;
    assert!(!setup.feedback(200).verified(NUMBER, None).await.unwrap());
}
