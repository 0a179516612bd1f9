//! What the layer learns from 8x8's answers, and what it does with it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tollgate_core::{ClientIp, FakeClock};
use tower::util::BoxCloneService;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::engine::{Attempt, Charge, Outcome, Policy, Shift, Verdict};
use crate::{PumpGuard, SmsPumpGuardLayer};

type Body = Full<Bytes>;

/// 8x8's Verification API, as far as the guard sees it: every session takes the code 1234.
#[derive(Clone, Default)]
struct Eight {
    seen: Arc<Mutex<Vec<Request<Body>>>>,
}

impl Eight {
    async fn answer(self, request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let body = match (request.method().as_str(), request.uri().query()) {
            ("POST", _) => {
                let text = request.body().clone().collect().await.unwrap().to_bytes();
                let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
                let id = json["destination"].as_str().unwrap().trim_start_matches('+');
                format!(r#"{{"sessionId":"{id}","status":"WAITING","attempt":0}}"#)
            }
            (_, Some("code=1234")) => r#"{"sessionId":"x","status":"VERIFIED"}"#.to_owned(),
            (_, Some(_)) => r#"{"sessionId":"x","status":"WAITING","attempt":1}"#.to_owned(),
            _ => r#"{"sessionId":"x","status":"WAITING"}"#.to_owned(),
        };
        self.seen.lock().unwrap().push(request);
        Ok(Response::new(Full::from(body)))
    }
}

struct Setup {
    service: BoxCloneService<Request<Body>, Response<Bytes>, Infallible>,
    eight: Eight,
    clock: FakeClock,
}

const CLIENT: &str = "203.0.113.7";

impl Setup {
    fn new(policy: Policy) -> Self {
        Self::observed(policy, None)
    }

    fn observed(policy: Policy, observer: Option<Arc<dyn crate::Observer>>) -> Self {
        let (eight, clock) = (Eight::default(), FakeClock::new());
        clock.advance(Duration::from_secs(1000));
        let guard = PumpGuard::with_clock(policy, Arc::new(clock.clone())).unwrap();
        let guard = match observer {
            Some(observer) => guard.with_observer(observer),
            None => guard,
        };
        let inner = eight.clone();
        let service =
            SmsPumpGuardLayer::new(guard).layer(service_fn(move |request| inner.clone().answer(request)));
        let service =
            service.and_then(|response: Response<tollgate_core::Body<crate::Learned<Body>>>| async {
                let (parts, body) = response.into_parts();
                Ok(Response::from_parts(parts, body.collect().await.unwrap().to_bytes()))
            });
        Self { service: BoxCloneService::new(service), eight, clock }
    }

    async fn call(&mut self, request: http::request::Builder, body: String) -> Response<Bytes> {
        let client = ClientIp::asserted(CLIENT.parse().unwrap());
        let request = request.extension(client).body(Full::from(body)).unwrap();
        self.service.ready().await.unwrap().call(request).await.unwrap()
    }

    async fn start(&mut self, number: &str) -> Response<Bytes> {
        self.start_with(number, None).await
    }

    async fn start_with(&mut self, number: &str, solution: Option<&str>) -> Response<Bytes> {
        let mut request = Request::post("https://verify.8x8.com/api/v2/subaccounts/x/sessions")
            .header("content-type", "application/json")
            .header("accept-encoding", "gzip");
        if let Some(solution) = solution {
            request = request.header("tollgate-solution", solution);
        }
        self.call(request, format!(r#"{{"destination":"{number}"}}"#)).await
    }

    async fn check(&mut self, number: &str, code: &str) -> Response<Bytes> {
        let session = number.trim_start_matches('+');
        let uri = format!("https://verify.8x8.com/api/v2/subaccounts/x/sessions/{session}?code={code}");
        self.call(Request::get(uri), String::new()).await
    }

    fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    fn seen(&self) -> usize {
        self.eight.seen.lock().unwrap().len()
    }

    /// People verify, so that outcomes mean something.
    async fn people(&mut self) {
        for n in 0..30 {
            let number = format!("+659{:07}", 1_000_000 + n * 240_007);
            self.wait(300);
            assert_eq!(self.start(&number).await.status(), 200);
            self.wait(10 + n % 17);
            assert_eq!(self.check(&number, "1234").await.status(), 200);
        }
    }
}

#[tokio::test]
async fn verifications_are_learned_from_8x8s_answers_and_a_range_without_any_is_stopped() {
    let mut setup = Setup::new(Policy::default());
    setup.people().await;
    let mut last = None;
    for n in 0..40 {
        setup.wait(5);
        let answer = setup.start(&format!("+628123456{:04}", n * 733 % 10_000)).await;
        last = Some(answer);
    }
    let last = last.unwrap();
    assert_eq!(
        (last.status(), &last.headers()["tollgate-refusal"]),
        (StatusCode::FORBIDDEN, &"pumping".parse().unwrap())
    );
    assert!(String::from_utf8_lossy(last.body()).contains("\"reasons\":[\"range_conversion\""));
    // No compressed answer is asked for: it could not be read.
    assert!(
        setup
            .eight
            .seen
            .lock()
            .unwrap()
            .iter()
            .all(|request| !request.headers().contains_key("accept-encoding"))
    );
}

#[tokio::test]
async fn codes_are_guessed_ten_times_a_day_over_all_sessions_and_the_right_one_comes_too_late() {
    let mut setup = Setup::new(Policy::default());
    let victim = "+6591110000";
    let mut checked = 0;
    for _ in 0..4 {
        setup.start(victim).await;
        for n in 0..5 {
            checked += usize::from(setup.check(victim, &format!("{n}000")).await.status() == 200);
        }
        setup.wait(4000);
    }
    assert_eq!(checked, 10);
    let stopped = setup.check(victim, "1234").await;
    assert_eq!(
        (stopped.status().as_u16(), &stopped.headers()["tollgate-refusal"]),
        (429, &"code_guesses".parse().unwrap())
    );
    // The status may be read all the same.
    let uri = "https://verify.8x8.com/api/v2/subaccounts/x/sessions/6591110000";
    assert_eq!(setup.call(Request::get(uri), String::new()).await.status(), 200);
}

#[tokio::test]
async fn guesses_at_sessions_nobody_knows_count_for_the_client() {
    let mut setup = Setup::new(Policy::default());
    let mut checked = 0;
    for n in 0..60 {
        checked += usize::from(setup.check(&format!("unknown{n}"), "0000").await.status() == 200);
    }
    assert_eq!(checked, 30);
}

#[tokio::test]
async fn a_second_press_gets_the_first_answer_and_no_other_message() {
    let mut setup = Setup::new(Policy::default());
    let first = setup.start("+6591110000").await;
    setup.wait(4);
    let again = setup.start("+6591110000").await;
    assert_eq!((again.status(), again.body()), (first.status(), first.body()));
    assert_eq!(again.headers()["tollgate-repeat"], "true");
    assert_eq!(setup.seen(), 1);
    // A third meets the cool-down.
    assert_eq!(setup.start("+6591110000").await.status(), 429);
}

#[tokio::test]
async fn another_request_for_the_same_number_gets_no_answer_that_is_not_its_own() {
    let post = |client: &str, key: &str, account: &str, brand: &str| {
        let uri = format!("https://verify.8x8.com/api/v2/subaccounts/{account}/sessions");
        let body = format!(r#"{{"destination":"+6591110000","brand":"{brand}"}}"#);
        let request = Request::post(uri)
            .header("content-type", "application/json")
            .header("authorization", key)
            .extension(ClientIp::asserted(client.parse().unwrap()));
        request.body(Full::from(body)).unwrap()
    };
    for (client, key, account, brand) in [
        ("203.0.113.8", "Bearer a", "x", "B"),
        (CLIENT, "Bearer b", "x", "B"),
        (CLIENT, "Bearer a", "y", "B"),
        (CLIENT, "Bearer a", "x", "C"),
    ] {
        let mut setup = Setup::new(Policy::default());
        let first = post(CLIENT, "Bearer a", "x", "B");
        assert_eq!(setup.service.ready().await.unwrap().call(first).await.unwrap().status(), 200);
        setup.wait(4);
        let other = post(client, key, account, brand);
        let answer = setup.service.ready().await.unwrap().call(other).await.unwrap();
        assert_eq!(answer.status(), 429, "{client} {key} {account} {brand}");
        assert_eq!(answer.headers()["tollgate-refusal"], "number_cooldown");
        assert_eq!(setup.seen(), 1);
    }
}

#[tokio::test]
async fn a_doubtful_verification_goes_over_whatsapp_with_its_template() {
    let shift_to = vec![Shift::WhatsApp { template_name: "otp_code".to_owned() }];
    let mut setup = Setup::new(Policy { shift_to, ..Policy::default() });
    setup.people().await;
    // Of several area codes, so that the country is doubtful, and no range.
    for n in 0..12 {
        setup.wait(2);
        let area = [202, 212, 213, 305][n % 4];
        assert_eq!(setup.start(&format!("+1{area}{:07}", 2_000_000 + n * 413_813)).await.status(), 200);
    }
    let (parts, body) = setup.eight.seen.lock().unwrap().pop().unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&body);
    assert!(text.ends_with(r#","channel":"whatsapp","whatsapp":{"templateName":"otp_code"}}"#), "{text}");
    assert_eq!(parts.headers["content-length"], body.len().to_string());
}

#[tokio::test]
async fn a_doubtful_message_goes_out_once_its_challenge_is_solved() {
    let mut setup = Setup::new(Policy::default());
    setup.people().await;
    let number = |n: u64| format!("+1202{:07}", 2_000_000 + n * 413_813);
    let mut doubtful = None;
    for n in 0..20 {
        setup.wait(2);
        let answer = setup.start(&number(n)).await;
        if answer.status() != 200 {
            doubtful = Some((n, answer));
            break;
        }
    }
    let (n, answer) = doubtful.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["tollgate-refusal"]),
        (428, &"challenge_required".parse().unwrap())
    );
    let told: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(told["challenge"]["kind"], "proof_of_work");
    let solution = crate::challenge::solve(told["challenge"]["challenge"].as_str().unwrap()).unwrap();

    let before = setup.seen();
    let elsewhere = setup.start_with(&number(n + 1), Some(&solution)).await;
    assert_eq!(elsewhere.status(), 428, "a solution holds for its number");
    assert_eq!(setup.start_with(&number(n), Some(&solution)).await.status(), 200);
    assert_eq!(setup.seen(), before + 1);
    let seen = setup.eight.seen.lock().unwrap().last().unwrap().headers().clone();
    assert!(!seen.contains_key("tollgate-solution"), "8x8 does not see it");
    setup.wait(3600 * 5);
    setup.start(&number(n + 2)).await;
}

/// Notes what it is told.
#[derive(Debug, Default)]
struct Notes(Mutex<Vec<String>>);

impl crate::Observer for Notes {
    fn judged(&self, attempt: &Attempt, verdict: &Verdict, charge: Option<&Charge>, _: Duration) {
        let key = charge.map(Charge::key);
        let trap = if attempt.trap { " trap" } else { "" };
        self.note(format!("judged {}{trap} {key:?}", verdict.action.as_str()));
    }

    fn outcome(&self, charge: &Charge, outcome: Outcome, _: Duration) {
        self.note(format!("{outcome:?} {:?}", Some(charge.key())));
    }

    fn not_sent(&self, charge: &Charge, _: Duration) {
        self.note(format!("not sent {:?}", Some(charge.key())));
    }
}

impl Notes {
    fn note(&self, note: String) {
        self.0.lock().unwrap().push(note);
    }
}

#[tokio::test]
async fn an_observer_is_told_of_each_attempt_and_of_what_became_of_it_by_the_same_key() {
    let notes = Arc::new(Notes::default());
    let mut setup = Setup::observed(Policy::default(), Some(Arc::clone(&notes) as Arc<dyn crate::Observer>));
    setup.start("+6591110000").await;
    setup.wait(3);
    setup.check("+6591110000", "0000").await;
    setup.check("+6591110000", "1234").await;
    setup.wait(30);
    setup.start("+99912").await;
    let told = notes.0.lock().unwrap().clone();
    let key = told[0].strip_prefix("judged allow ").unwrap();
    assert!(key.starts_with("Some("), "{told:?}");
    let expected = [
        format!("judged allow {key}"),
        format!("WrongCode {key}"),
        format!("Verified {key}"),
        "judged block None".to_owned(),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_message_that_8x8_did_not_take_is_told_as_not_sent() {
    let notes = Arc::new(Notes::default());
    let guard = PumpGuard::new(Policy::default())
        .unwrap()
        .with_observer(Arc::clone(&notes) as Arc<dyn crate::Observer>);
    let refusing = service_fn(|_: Request<Body>| async {
        let response = Response::builder().status(401).body(Full::<Bytes>::default()).unwrap();
        Ok::<_, Infallible>(response)
    });
    let request = Request::post("https://verify.8x8.com/api/v2/subaccounts/x/sessions")
        .header("content-type", "application/json")
        .extension(crate::Honeytoken)
        .body(Full::from(r#"{"destination":"+6591110000"}"#))
        .unwrap();
    SmsPumpGuardLayer::new(guard).layer(refusing).oneshot(request).await.unwrap();
    let told = notes.0.lock().unwrap().clone();
    let key = told[0].strip_prefix("judged allow trap ").unwrap();
    assert_eq!(told[1..], [format!("not sent {key}")]);
}
