use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::sync::Mutex;
use std::time::Duration;

use http::HeaderMap;
use http_body_util::{BodyExt, Full};
use tollgate_core::{ClientIp, FakeClock};
use tower::{Layer, ServiceExt};

use super::*;
use crate::engine::Policy;
use crate::{Dispatches, Profiles, PumpGuard, SmsPumpGuardLayer};

type Body = Full<Bytes>;

/// Records what reaches it. Panics where it was not made ready.
#[derive(Debug, Default)]
struct Client {
    sent: Arc<Mutex<Vec<Request<Body>>>>,
    ready: bool,
}

impl Clone for Client {
    fn clone(&self) -> Self {
        Self { sent: Arc::clone(&self.sent), ready: false }
    }
}

impl Service<Request<Body>> for Client {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without being ready");
        self.sent.lock().unwrap().push(request);
        ready(Ok(Response::new(Full::default())))
    }
}

struct Setup {
    service: SmsPumpGuard<Client>,
    client: Client,
    clock: FakeClock,
}

fn setup(profiles: impl Into<Profiles>) -> Setup {
    let (client, clock) = (Client::default(), FakeClock::new());
    let guard = PumpGuard::with_clock(profiles, Arc::new(clock.clone())).unwrap();
    Setup { service: SmsPumpGuardLayer::new(guard).layer(client.clone()), client, clock }
}

impl Setup {
    async fn post(&mut self, path: &str, body: &str) -> (u16, String, HeaderMap) {
        let request = Request::post(format!("https://sms.8x8.com{path}"))
            .header("content-type", "application/json")
            .body(Full::from(body.to_owned()))
            .unwrap();
        self.send(request).await
    }

    async fn send(&mut self, request: Request<Body>) -> (u16, String, HeaderMap) {
        let response = self.service.ready().await.unwrap().call(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status.as_u16(), String::from_utf8(body.to_vec()).unwrap(), parts.headers)
    }

    fn sent(&self) -> usize {
        self.client.sent.lock().unwrap().len()
    }
}

const SINGLE: &str = "/api/v1/subaccounts/x/messages";
const BATCH: &str = "/api/v1/subaccounts/x/messages/batch";
const VERIFY: &str = "/api/v2/subaccounts/x/sessions";

fn to(number: &str) -> String {
    format!(r#"{{"destination":"{number}","text":"hi"}}"#)
}

#[tokio::test]
async fn a_pumped_range_is_stopped_with_reasons_and_nothing_more_is_sent() {
    let mut setup = setup(Policy::default());
    let mut stopped = Vec::new();
    for n in 0..20 {
        let path = if n % 2 == 0 { SINGLE } else { VERIFY };
        let (status, body, headers) = setup.post(path, &to(&format!("+62812345670{n:02}"))).await;
        if status != 200 {
            stopped.push((status, body, headers));
        }
    }
    assert_eq!(setup.sent(), 7);
    assert_eq!(
        (stopped[0].0, &stopped[0].2["tollgate-refusal"]),
        (428, &"challenge_required".parse().unwrap())
    );
    let (status, body, headers) = stopped.last().unwrap();
    assert_eq!(*status, 403);
    assert_eq!(headers["tollgate-refusal"], "pumping");
    assert!(body.contains(r#""reasons":["range_surprise"]"#) && body.contains("+6281234567xxx"), "{body}");
    assert!(headers.contains_key("retry-after"));
}

#[tokio::test]
async fn the_body_goes_on_byte_for_byte_and_the_answer_comes_back() {
    let mut setup = setup(Policy::default());
    let body = "{ \"destination\" : \"\\u002b6591234567\", \"n\":1e400 }";
    assert_eq!(setup.post(SINGLE, body).await.0, 200);
    let request = setup.client.sent.lock().unwrap().pop().unwrap();
    assert_eq!(request.into_body().collect().await.unwrap().to_bytes(), body);
}

#[tokio::test]
async fn a_batch_is_refused_whole_and_says_which_and_why() {
    let mut setup = setup(Policy::default());
    let many: Vec<_> = (0..10_000).map(|n| format!("\"+6281234{n:06}\"")).collect();
    let (status, ..) = setup.post(BATCH, &format!("{{\"destinations\":[{}]}}", many.join(","))).await;
    assert_eq!((status, setup.sent()), (200, 1));

    let body = format!(r#"{{"messages":[{},{},{}]}}"#, to("+6591234567"), to("+19002345678"), to("x"));
    let (status, body, headers) = setup.post(BATCH, &body).await;
    assert_eq!((status, setup.sent()), (400, 1));
    assert_eq!(headers["tollgate-refusal"], "invalid_number");
    assert!(body.contains("2 of its 3 recipients"), "{body}");
    assert!(body.contains("recipient 1: number_shape: +19002345xxx is premium-rate"), "{body}");
}

#[tokio::test]
async fn what_cannot_be_read_in_one_way_only_is_refused() {
    let mut setup = setup(Policy::default());
    let cases = [
        (SINGLE, r#"{"destination":"+6591234567","Destination":"+19002345678"}"#, "ambiguous_key"),
        (SINGLE, r#"{"destination":6591234567}"#, "invalid_shape"),
        (SINGLE, "{}", "invalid_shape"),
        (SINGLE, "{", "invalid_json"),
        (BATCH, r#"{"messages":[],"destinations":[]}"#, "ambiguous_key"),
        (BATCH, r#"{"messages":[]}"#, "invalid_shape"),
        ("/api/v1/subaccounts/x/messages/", "{}", "doubtful_path"),
        ("/api/v1/subaccounts/x/message", "{}", "unknown_endpoint"),
        ("/api/v1/subaccounts/x/%6dessages", "{}", "doubtful_path"),
    ];
    for (path, body, kind) in cases {
        let (_, _, headers) = setup.post(path, body).await;
        assert_eq!(headers["tollgate-refusal"], kind, "{path} {body}");
    }
    assert_eq!(setup.sent(), 0);
}

#[tokio::test]
async fn other_hosts_and_quiet_calls_pass_untouched() {
    let mut setup = setup(Policy::default());
    let foreign =
        Request::post("https://example.com/api/v1/subaccounts/x/messages").body(Full::from("{")).unwrap();
    assert_eq!(setup.send(foreign).await.0, 200);
    assert_eq!(setup.post("/api/v1/subaccounts/x/messages/1/feedback", "{").await.0, 200);
    let check = Request::get("https://verify.8x8.com/api/v2/subaccounts/x/sessions/1?code=1");
    assert_eq!(setup.send(check.body(Full::default()).unwrap()).await.0, 200);
    assert_eq!(setup.sent(), 3);
}

#[tokio::test]
async fn monitor_lets_everything_through_and_off_does_not_even_read() {
    let mut monitor = setup(Policy { mode: Mode::Monitor, ..Policy::default() });
    for n in 0..20 {
        assert_eq!(monitor.post(SINGLE, &to(&format!("+62812345670{n:02}"))).await.0, 200);
    }
    assert_eq!(monitor.post(SINGLE, &to("+19002345678")).await.0, 200);
    let mut off = setup(Policy { mode: Mode::Off, ..Policy::default() });
    assert_eq!(off.post(SINGLE, "{").await.0, 200);
}

#[tokio::test]
async fn a_resend_waits_and_says_how_long() {
    let mut setup = setup(Policy::default());
    setup.clock.advance(Duration::from_secs(10));
    setup.post(VERIFY, &to("+6591234567")).await;
    setup.clock.advance(Duration::from_secs(10));
    let (status, body, headers) = setup.post(VERIFY, &to("65 9123-4567")).await;
    assert_eq!((status, &headers["retry-after"]), (429, &"20".parse().unwrap()));
    assert!(body.contains("\"code\":1400"), "{body}");
    setup.clock.advance(Duration::from_secs(20));
    assert_eq!(setup.post(VERIFY, &to("+6591234567")).await.0, 200);
}

#[tokio::test]
async fn the_ambient_client_goes_with_the_request_into_another_task() {
    let mut setup = setup(Policy::default());
    let client = ClientIp::asserted("203.0.113.7".parse().unwrap());
    let request = Request::post("https://sms.8x8.com/api/v1/subaccounts/x/messages")
        .header("content-type", "application/json")
        .body(Full::from(to("+6591234567")))
        .unwrap();
    poll_fn(|cx| setup.service.poll_ready(cx)).await.unwrap();
    let future = Origin::Client(client).sync_scope(|| setup.service.call(request));
    tokio::spawn(future).await.unwrap().unwrap();
    let sent = setup.client.sent.lock().unwrap().pop().unwrap();
    assert_eq!(Origin::of(sent.extensions()), Some(Origin::Client(client)));
}

#[tokio::test]
async fn what_8x8_or_a_layer_further_in_refuses_is_not_remembered() {
    let clock = FakeClock::new();
    let guard = PumpGuard::with_clock(Policy::default(), Arc::new(clock.clone())).unwrap();
    for (status, kind, remembered) in [
        (401, None, false),
        (400, Some(RefusalKind::UnusableAddress), false),
        (502, Some(RefusalKind::UpstreamUnreachable), false),
        (504, Some(RefusalKind::UpstreamTimeout), true),
        (409, None, true),
        (500, None, true),
    ] {
        let answering = tower::service_fn(move |_: Request<Body>| {
            let mut response = Response::new(Body::default());
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            if let Some(kind) = kind {
                response.extensions_mut().insert::<RefusalKind>(kind);
            }
            ready(Ok::<_, Infallible>(response))
        });
        let service = SmsPumpGuardLayer::new(guard.clone()).layer(answering);
        let number = format!("+659123{status}5");
        let request = || {
            Request::post(format!("https://sms.8x8.com{SINGLE}"))
                .header("content-type", "application/json")
                .body(Full::from(to(&number)))
                .unwrap()
        };
        service.clone().oneshot(request()).await.unwrap();
        clock.advance(Duration::from_secs(11));
        let again = service.oneshot(request()).await.unwrap();
        let refused = again.headers().get("tollgate-refusal").is_some_and(|kind| kind == "number_cooldown");
        assert_eq!(refused, remembered, "{status} {kind:?}");
    }
}

#[test]
fn the_service_can_be_shared_between_tasks() {
    fn check<T: Clone + Send + Sync + 'static>() {}
    check::<SmsPumpGuard<Client>>();
    check::<SmsPumpGuardLayer>();
}

#[tokio::test]
async fn the_profile_is_the_requests_own_then_its_subaccounts_then_the_endpoints() {
    let mut profiles = Profiles::new(Policy::default());
    let mut closed = Policy::default();
    closed.country.deny = ["SG".parse().unwrap()].into();
    let launch = profiles.add("launch", Profile::Otp, closed).unwrap();
    let subaccounts = vec!["acme_launch".to_owned()];
    profiles.assign(launch, Dispatches { subaccounts, endpoints: vec![Endpoint::SmsSingle] }).unwrap();
    let mut setup = setup(profiles);
    let single = |subaccount: &str| format!("/api/v1/subaccounts/{subaccount}/messages");
    assert_eq!(setup.post(&single("Acme_Launch"), &to("+6591234567")).await.0, 403);
    assert_eq!(setup.post(&single("other"), &to("+6591234567")).await.0, 200);
    assert_eq!(setup.post("/api/v2/subaccounts/acme_launch/sessions", &to("+6598887777")).await.0, 200);
    for (subaccount, profile, status) in [("acme_launch", Profile::Notification, 200), ("other", launch, 403)]
    {
        let request = Request::post(format!("https://sms.8x8.com{}", single(subaccount)))
            .header("content-type", "application/json")
            .extension(profile)
            .body(Full::from(to("+6591110000")))
            .unwrap();
        assert_eq!(setup.send(request).await.0, status, "{subaccount}");
    }
}

#[tokio::test]
async fn a_batch_over_the_days_cap_is_refused_whole_and_what_was_refused_costs_nothing() {
    let mut prices = crate::Prices::new("EUR");
    prices.sms.default = crate::Money::of(0.5);
    let mut policy = Policy { prices: Some(prices), ..Policy::default() };
    policy.spend.per_day = crate::Money::of(2.0).unwrap();
    let mut setup = setup(policy);
    let batch = |numbers: std::ops::Range<u32>| {
        let messages: Vec<_> = numbers.map(|n| to(&format!("+6281234567{n:03}"))).collect();
        format!(r#"{{"messages":[{}]}}"#, messages.join(","))
    };
    for _ in 0..3 {
        let (status, body, headers) = setup.post(BATCH, &batch(0..5)).await;
        assert_eq!((status, &headers["tollgate-refusal"]), (429, &"spend_cap".parse().unwrap()), "{body}");
        assert!(
            body.contains("1 of its 5 recipients") && body.contains("the cap of all others is 2.00"),
            "{body}"
        );
        assert!(headers.contains_key("retry-after"));
    }
    assert_eq!(setup.post(BATCH, &batch(0..4)).await.0, 200);
    assert_eq!(setup.post(BATCH, &batch(4..5)).await.0, 429);
    // The button has a cap of its own.
    assert_eq!(setup.post(SINGLE, &to("+6591234567")).await.0, 200);
    assert_eq!(setup.sent(), 2);
}
