//! One attempt, judged where the app serves and sent through the outbound guard.

use std::convert::Infallible;
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tollgate_core::{ClientIp, FakeClock};
use tower::{Layer, ServiceExt, service_fn};

use crate::{
    Action, Channel, JsonField, Pass, Policy, Profile, PumpGuard, RouteGuardLayer, Shift, SmsPumpGuardLayer,
};

type Body = Full<Bytes>;

const NUMBER: &str = "+6591234567";

struct Setup {
    guard: PumpGuard,
    clock: FakeClock,
    /// What 8x8 was sent.
    sent: Arc<Mutex<Vec<String>>>,
}

impl Setup {
    fn new(policy: Policy) -> Self {
        let clock = FakeClock::new();
        let guard = PumpGuard::with_clock(policy, Arc::new(clock.clone())).unwrap();
        Self { guard, clock, sent: Arc::default() }
    }

    /// Sends, as a handler would. The status and which refusal it is.
    async fn send(&self, number: &str, pass: Option<Pass>) -> (u16, String) {
        self.send_over(number, "sms", "https://verify.8x8.com/api/v2/subaccounts/x/sessions", pass).await
    }

    async fn send_over(&self, number: &str, channel: &str, uri: &str, pass: Option<Pass>) -> (u16, String) {
        let sent = Arc::clone(&self.sent);
        let eight = service_fn(move |request: Request<Body>| {
            let sent = Arc::clone(&sent);
            async move {
                let body = request.into_body().collect().await.unwrap().to_bytes();
                sent.lock().unwrap().push(String::from_utf8(body.to_vec()).unwrap());
                let answer = Bytes::from(r#"{"sessionId":"first","status":"WAITING","attempt":0}"#);
                Ok::<_, Infallible>(Response::new(Full::new(answer)))
            }
        });
        let mut request = Request::post(uri)
            .header("content-type", "application/json")
            .body(Full::from(format!(r#"{{"destination":"{number}","channel":"{channel}","text":"x"}}"#)))
            .unwrap();
        request.extensions_mut().insert(ClientIp::asserted("203.0.113.7".parse().unwrap()));
        if let Some(pass) = pass {
            request.extensions_mut().insert(pass);
        }
        let service = SmsPumpGuardLayer::new(self.guard.clone()).layer(eight);
        let response = service.oneshot(request).await.unwrap();
        let refusal =
            response.headers().get("tollgate-refusal").map(|kind| kind.to_str().unwrap().to_owned());
        let repeat = response.headers().contains_key("tollgate-repeat").then(|| "repeat".to_owned());
        let status = response.status().as_u16();
        response.into_body().collect().await.unwrap();
        (status, refusal.or(repeat).unwrap_or_default())
    }

    async fn pass(&self, number: &str) -> Option<Pass> {
        let client = Some("203.0.113.7".parse().unwrap());
        let attempt = self.guard.attempt(number, None, Profile::Otp).from_client(client);
        self.guard.check_for_pass(&attempt).await.1
    }

    fn sent(&self) -> usize {
        self.sent.lock().unwrap().len()
    }
}

#[tokio::test]
async fn an_attempt_judged_before_is_not_judged_again_and_its_outcome_is_learned() {
    let setup = Setup::new(Policy::default());
    let pass = setup.pass(NUMBER).await;
    setup.clock.advance(Duration::from_secs(5));
    assert_eq!(setup.send(NUMBER, pass).await, (200, String::new()));
    assert!(setup.guard.observe_id("first", crate::Outcome::Verified));
}

#[tokio::test]
async fn without_the_pass_the_same_attempt_meets_the_cool_down() {
    let setup = Setup::new(Policy::default());
    let _pass = setup.pass(NUMBER).await;
    setup.clock.advance(Duration::from_secs(11));
    assert_eq!(setup.send(NUMBER, None).await, (429, "number_cooldown".to_owned()));
}

#[tokio::test]
async fn a_pass_is_good_for_one_message() {
    let setup = Setup::new(Policy::default());
    let pass = setup.pass(NUMBER).await;
    setup.send(NUMBER, pass.clone()).await;
    setup.clock.advance(Duration::from_secs(11));
    assert_eq!(setup.send(NUMBER, pass).await, (429, "number_cooldown".to_owned()));
    assert_eq!(setup.sent(), 1);
}

#[tokio::test]
async fn a_pass_for_one_number_opens_nothing_for_another_profile_guard_or_time() {
    let setup = Setup::new(Policy::default());
    let pass = setup.pass(NUMBER).await;
    // What the app sends to another number than the one it showed is judged by that number.
    assert_eq!(setup.send("+19002345678", pass.clone()).await.1, "number_blocked");
    let other = Setup::new(Policy::default());
    let _ = other.pass(NUMBER).await;
    other.clock.advance(Duration::from_secs(11));
    assert_eq!(other.send(NUMBER, pass.clone()).await.1, "number_cooldown");

    let attempt = setup.guard.attempt("+6591234568", None, Profile::Notification);
    let notification = setup.guard.check_for_pass(&attempt).await.1;
    let _ = setup.pass("+6591234568").await;
    setup.clock.advance(Duration::from_secs(11));
    assert_eq!(setup.send("+6591234568", notification).await.1, "number_cooldown");

    setup.clock.advance(Pass::VALID_FOR);
    let again = setup.pass(NUMBER).await;
    setup.clock.advance(Duration::from_secs(11));
    assert_eq!(setup.send(NUMBER, pass).await.1, "number_cooldown", "too old");
    assert_eq!(setup.send(NUMBER, again).await.0, 200);
}

#[tokio::test]
async fn a_thousand_sends_at_once_with_one_pass_send_one() {
    let setup = Setup::new(Policy::default());
    let pass = setup.pass(NUMBER).await;
    let all = (0..1000).map(|_| setup.send(NUMBER, pass.clone()));
    for one in all {
        one.await;
    }
    assert_eq!(setup.sent(), 1);
}

#[tokio::test]
async fn an_attempt_that_is_not_sent_after_all_is_forgotten() {
    let setup = Setup::new(Policy::default());
    let pass = setup.pass(NUMBER).await.unwrap();
    pass.not_sent();
    setup.clock.advance(Duration::from_secs(11));
    assert_eq!(setup.send(NUMBER, Some(pass.clone())).await.0, 200, "judged anew");
    pass.not_sent();
    setup.clock.advance(Duration::from_secs(11));
    assert_eq!(setup.send(NUMBER, None).await.1, "number_cooldown", "what was sent stays");
}

#[tokio::test]
async fn what_goes_out_by_another_way_uses_the_pass_up_and_stays() {
    let setup = Setup::new(Policy::default());
    let pass = setup.pass(NUMBER).await.unwrap();
    pass.sent();
    pass.not_sent();
    setup.clock.advance(Duration::from_secs(11));
    assert_eq!(setup.send(NUMBER, Some(pass)).await.1, "number_cooldown");
}

/// A number whose message is to go over another channel, and its pass.
async fn shifted(setup: &Setup) -> (String, Pass) {
    for n in 0..20 {
        let number = format!("+62812345670{n:02}");
        let pass = setup.pass(&number).await.unwrap();
        if pass.verdict().action == Action::Shift(Channel::Viber) {
            return (number, pass);
        }
    }
    panic!("none was shifted");
}

#[tokio::test]
async fn a_pass_to_another_channel_lets_no_text_message_out() {
    let mut policy = Policy::default();
    policy.shift_to.push(Shift::Viber);
    let setup = Setup::new(policy.clone());
    let (number, pass) = shifted(&setup).await;
    let single = "https://sms.8x8.com/api/v1/subaccounts/x/messages";
    let answer = setup.send_over(&number, "sms", single, Some(pass)).await;
    assert_eq!((answer.0, setup.sent()), (428, 0));

    let setup = Setup::new(policy);
    let (number, pass) = shifted(&setup).await;
    assert_eq!(setup.send(&number, Some(pass)).await.0, 200);
    assert!(setup.sent.lock().unwrap()[0].contains("viber"));
}

#[tokio::test]
async fn a_pass_for_a_message_is_none_for_a_call_which_is_dearer() {
    let setup = Setup::new(Policy::default());
    let pass = setup.pass(NUMBER).await.unwrap();
    assert_eq!(
        setup
            .send_over(NUMBER, "call", "https://verify.8x8.com/api/v2/subaccounts/x/sessions", Some(pass))
            .await
            .0,
        200,
        "judged anew, as a call"
    );
    // What was counted as a message was taken back: the call is the number's one send.
    setup.clock.advance(Duration::from_secs(31));
    assert_eq!(setup.send(NUMBER, None).await.0, 200);
}

/// A route whose handler sends to what `to` says, or nothing.
async fn sign_up(setup: &Setup, to: Option<&'static str>) -> Response<()> {
    let handler = |_: Request<Body>| async move {
        let (status, kind) = match to {
            // The handler knows nothing of passes: the ambient one is found.
            Some(number) => setup.send(number, None).await,
            None => (409, String::new()),
        };
        let mut response = Response::builder().status(status);
        response = response.header("sent", kind);
        Ok::<_, Infallible>(response.body(Body::default()).unwrap())
    };
    let layer = RouteGuardLayer::new(setup.guard.clone(), JsonField::new("phone")).with_outbound_guard();
    let request = Request::post("/sign-up")
        .header("content-type", "application/json")
        .extension(ClientIp::asserted("203.0.113.7".parse().unwrap()))
        .body(Full::from(format!(r#"{{"phone":"{NUMBER}"}}"#)))
        .unwrap();
    layer.layer(service_fn(handler)).oneshot(request).await.unwrap().map(|_| ())
}

#[tokio::test]
async fn a_route_and_its_client_with_one_guard_count_an_attempt_once() {
    let setup = Setup::new(Policy::default());
    assert_eq!(sign_up(&setup, Some(NUMBER)).await.status(), 200);
    // One charge: the first rest is over after 30 s, which it would not be after two.
    setup.clock.advance(Duration::from_secs(31));
    assert_eq!(sign_up(&setup, Some(NUMBER)).await.status(), 200);
    assert_eq!(setup.sent(), 2);
}

#[tokio::test]
async fn a_handler_that_sends_to_another_number_than_it_showed_is_judged_again() {
    let setup = Setup::new(Policy::default());
    let response = sign_up(&setup, Some("+19002345678")).await;
    assert_eq!(response.headers()["sent"], "number_blocked");
}

#[tokio::test]
async fn what_the_handler_turns_down_is_forgotten() {
    let setup = Setup::new(Policy::default());
    for _ in 0..20 {
        assert_eq!(sign_up(&setup, None).await.status(), 409);
    }
    assert_eq!(sign_up(&setup, Some(NUMBER)).await.status(), 200);
}

#[tokio::test]
async fn a_second_press_gets_8x8s_first_answer_through_the_handler() {
    let setup = Setup::new(Policy::default());
    sign_up(&setup, Some(NUMBER)).await;
    setup.clock.advance(Duration::from_secs(2));
    let again = sign_up(&setup, Some(NUMBER)).await;
    assert_eq!((again.status().as_u16(), &again.headers()["sent"]), (200, &"repeat".parse().unwrap()));
    assert_eq!(setup.sent(), 1);
}

#[tokio::test]
async fn a_spawned_task_has_the_pass_where_it_is_carried_there() {
    let setup = Setup::new(Policy::default());
    let pass = setup.pass(NUMBER).await.unwrap();
    let inside = pass.clone().scope(async {
        let spawned = tokio::spawn(async { Pass::current().is_some() }).await.unwrap();
        (spawned, Pass::current().is_some())
    });
    assert_eq!(inside.await, (false, true));
    let carried = pass.scope(ready(()));
    tokio::spawn(carried).await.unwrap();
}
