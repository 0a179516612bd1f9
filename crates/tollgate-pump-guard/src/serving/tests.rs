use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tollgate_core::{ClientIp, FakeClock};
use tower::{Layer, Service, ServiceExt};

use super::*;
use crate::challenge::solve;
use crate::{Action, Channel, Mode, Pass, Policy, PumpGuard, Shift, Verdict};

type Body = Full<Bytes>;

/// Records what reaches it. Panics where it was not made ready.
#[derive(Debug, Default)]
struct Handler {
    seen: Arc<Mutex<Vec<Request<Body>>>>,
    ready: bool,
}

impl Clone for Handler {
    fn clone(&self) -> Self {
        Self { seen: Arc::clone(&self.seen), ready: false }
    }
}

impl Service<Request<Body>> for Handler {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without being ready");
        // The scope begins where a service does its work in `call` already.
        let (own, ambient) = (request.extensions().get::<Pass>().is_some(), Pass::current().is_some());
        assert_eq!(own, ambient);
        self.seen.lock().unwrap().push(request);
        ready(Ok(Response::new(Full::default())))
    }
}

struct Setup {
    service: RouteGuard<Handler>,
    handler: Handler,
    clock: FakeClock,
}

fn setup(policy: Policy) -> Setup {
    let (handler, clock) = (Handler::default(), FakeClock::new());
    let guard = PumpGuard::with_clock(policy, Arc::new(clock.clone())).unwrap();
    let layer = RouteGuardLayer::new(guard, JsonField::new("phone").with_country("country"));
    Setup { service: layer.layer(handler.clone()), handler, clock }
}

fn post(body: impl Into<Bytes>) -> Request<Body> {
    let client = ClientIp::asserted("203.0.113.7".parse().unwrap());
    let request = Request::post("/sign-up").header("content-type", "application/json").extension(client);
    request.body(Full::new(body.into())).unwrap()
}

fn phone(number: &str) -> Request<Body> {
    post(format!(r#"{{"phone":"{number}"}}"#))
}

impl Setup {
    async fn send(&mut self, request: Request<Body>) -> (Response<()>, String) {
        let response = self.service.ready().await.unwrap().call(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(parts, ()), String::from_utf8(body.to_vec()).unwrap())
    }

    fn seen(&self) -> usize {
        self.handler.seen.lock().unwrap().len()
    }
}

fn kind(response: &Response<()>) -> &str {
    response.headers().get("tollgate-refusal").map_or("", |kind| kind.to_str().unwrap())
}

#[tokio::test]
async fn what_is_allowed_reaches_the_handler_byte_for_byte_with_its_verdict_and_pass() {
    let mut setup = setup(Policy::default());
    let body = "{ \"phone\" : \"\\u002b6591234567\", \"n\":1e400 }\n";
    setup.send(post(body)).await;
    let request = setup.handler.seen.lock().unwrap().pop().unwrap();
    assert_eq!(request.extensions().get::<Verdict>().unwrap().action, Action::Allow);
    assert!(request.extensions().get::<Pass>().is_some() && Pass::current().is_none());
    assert_eq!(request.into_body().collect().await.unwrap().to_bytes(), body);
}

#[tokio::test]
async fn a_national_number_is_read_with_its_country() {
    let mut setup = setup(Policy::default());
    assert_eq!(setup.send(post(r#"{"phone":"9123 4567","country":"SG"}"#)).await.0.status(), 200);
    assert_eq!(kind(&setup.send(phone("9123 4567")).await.0), "invalid_number");
}

#[tokio::test]
async fn what_cannot_be_read_in_one_way_only_is_refused_in_every_mode() {
    for mode in [Mode::Enforce, Mode::Monitor] {
        let mut setup = setup(Policy { mode, ..Policy::default() });
        let cases = [
            (r#"{"phone":"+6591234567","Phone":"+19002345678"}"#, "ambiguous_key"),
            (r#"{"phone":"+6591234567","ph\u006fne":"+19002345678"}"#, "ambiguous_key"),
            (r#"{"phone":6591234567}"#, "invalid_shape"),
            (r#"{"phone":"\ud800"}"#, "invalid_shape"),
            ("{}", "invalid_shape"),
            (r#"{"phone":"+6591234567"}{"phone":"+19002345678"}"#, "invalid_json"),
            ("", "invalid_json"),
        ];
        for (body, expected) in cases {
            assert_eq!(kind(&setup.send(post(body)).await.0), expected, "{body}");
        }
        let mut gzip = phone("+6591234567");
        gzip.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        assert_eq!(kind(&setup.send(gzip).await.0), "content_encoding");
        let long = format!(r#"{{"phone":"+6591234567","x":"{}"}}"#, "x".repeat(64 << 10));
        let (response, _) = setup.send(post(long)).await;
        assert_eq!((response.status().as_u16(), kind(&response)), (413, "body_too_large"));
        assert_eq!(setup.seen(), 0);
    }
}

#[tokio::test]
async fn a_preflight_passes_untouched_and_so_does_everything_when_the_guard_is_off() {
    let mut setup_on = setup(Policy::default());
    let preflight = Request::options("/sign-up").body(Full::default()).unwrap();
    assert_eq!(setup_on.send(preflight).await.0.status(), 200);
    let mut off = setup(Policy { mode: Mode::Off, ..Policy::default() });
    assert_eq!(off.send(post("{")).await.0.status(), 200);
    assert_eq!((setup_on.seen(), off.seen()), (1, 1));
}

#[tokio::test]
async fn an_attacker_is_stopped_and_not_told_what_was_measured() {
    let mut setup = setup(Policy::default());
    let (mut last, mut body) = (None, String::new());
    for n in 0..20 {
        let (response, text) = setup.send(phone(&format!("+62812345670{n:02}"))).await;
        (last, body) = (Some(response), text);
    }
    assert_eq!(setup.seen(), 7);
    let last = last.unwrap();
    assert_eq!((last.status().as_u16(), kind(&last)), (403, "pumping"));
    assert_eq!(last.headers()["content-type"], "application/problem+json");
    assert!(!body.contains("range") && !body.contains("score") && !body.contains("62812"), "{body}");
    assert_eq!(last.extensions().get::<Verdict>().unwrap().action, Action::Block);
}

#[tokio::test]
async fn a_challenge_that_is_solved_opens_once_and_for_its_number_alone() {
    let mut setup = setup(Policy::default());
    let mut challenged = None;
    for n in 0..20 {
        let number = format!("+62812345670{n:02}");
        let (response, body) = setup.send(phone(&number)).await;
        if response.status() == 428 {
            challenged = Some((number, body));
            break;
        }
    }
    let (number, body) = challenged.unwrap();
    let problem: serde_json::Value = serde_json::from_str(&body).unwrap();
    let solution = solve(problem["challenge"]["challenge"].as_str().unwrap()).unwrap();
    let solved = |number: &str| {
        let mut request = phone(number);
        request.headers_mut().insert("tollgate-solution", solution.parse().unwrap());
        request
    };
    let before = setup.seen();
    let (response, body) = setup.send(solved(&number)).await;
    assert_eq!((response.status().as_u16(), setup.seen()), (200, before + 1), "{body}");
    assert_ne!(setup.send(solved("+6281234567999")).await.0.status(), 200);
    let request = setup.handler.seen.lock().unwrap().pop().unwrap();
    assert!(!request.headers().contains_key("tollgate-solution"));
}

#[tokio::test]
async fn a_doubtful_number_goes_on_and_the_verdict_names_the_channel() {
    let mut policy = Policy::default();
    policy.shift_to.push(Shift::Viber);
    let mut setup = setup(policy);
    for n in 0..10 {
        setup.send(phone(&format!("+62812345670{n:02}"))).await;
    }
    let request = setup.handler.seen.lock().unwrap().pop().unwrap();
    let verdict = request.extensions().get::<Verdict>().unwrap();
    assert_eq!(verdict.action, Action::Shift(Channel::Viber));
}

#[tokio::test]
async fn a_second_press_is_refused_where_nobody_outbound_keeps_the_first_answer() {
    let mut setup = setup(Policy::default());
    setup.send(phone("+6591234567")).await;
    setup.clock.advance(Duration::from_secs(2));
    let (response, _) = setup.send(phone("+6591234567")).await;
    assert_eq!((response.status().as_u16(), kind(&response), setup.seen()), (429, "number_cooldown", 1));
}

#[tokio::test]
async fn monitor_lets_everything_through() {
    let mut setup = setup(Policy { mode: Mode::Monitor, ..Policy::default() });
    assert_eq!(setup.send(phone("+19002345678")).await.0.status(), 200);
    let request = setup.handler.seen.lock().unwrap().pop().unwrap();
    let verdict = request.extensions().get::<Verdict>().unwrap();
    assert!(verdict.action == Action::Allow && verdict.score >= 80);
}

#[test]
fn the_service_can_be_shared_between_tasks() {
    fn check<T: Clone + Send + Sync + 'static>() {}
    check::<RouteGuard<Handler>>();
    check::<RouteGuardLayer>();
    check::<Pass>();
}
