//! Codes that are guessed all at once, while 8x8 takes its time.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};
use tollgate_core::{ClientIp, FakeClock, RefusalKind};
use tower::util::BoxCloneService;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::engine::{Mode, Policy};
use crate::{Learned, PumpGuard, SmsPumpGuardLayer};

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, io::Error>;
type Sent = Full<Bytes>;
type Answer = Response<tollgate_core::Body<Learned<Body>>>;

/// 8x8, which holds each code check until it is let go. A session is its number, and what comes behind a dot.
#[derive(Clone)]
struct Setup {
    service: BoxCloneService<Request<Sent>, Answer, io::Error>,
    checks: Arc<Mutex<Vec<String>>>,
    gate: Arc<Semaphore>,
    clock: FakeClock,
}

const VICTIM: &str = "6591110000";
const CLIENT: &str = "203.0.113.7";

impl Setup {
    /// The right code is 1234.
    fn new(policy: Policy) -> Self {
        Self::answering(policy, |code| Ok(told(code)))
    }

    /// 8x8 answers what this makes of a code.
    fn answering(
        policy: Policy,
        answer: impl Fn(&str) -> io::Result<Response<Body>> + Clone + Send + Sync + 'static,
    ) -> Self {
        let (checks, gate, clock) =
            (Arc::<Mutex<Vec<String>>>::default(), Arc::new(Semaphore::new(0)), FakeClock::new());
        clock.advance(Duration::from_secs(1000));
        let guard = PumpGuard::with_clock(policy, Arc::new(clock.clone())).unwrap();
        let (seen, held) = (Arc::clone(&checks), Arc::clone(&gate));
        let eight = service_fn(move |request: Request<Sent>| {
            let (seen, held, answer) = (Arc::clone(&seen), Arc::clone(&held), answer.clone());
            async move {
                if request.method() == "POST" {
                    let session = request.headers()["session"].to_str().unwrap();
                    return Ok(ok(format!(r#"{{"sessionId":"{session}","status":"WAITING"}}"#)));
                }
                let code = request.uri().query().unwrap().trim_start_matches("code=").to_owned();
                seen.lock().unwrap().push(code.clone());
                held.acquire().await.unwrap().forget();
                answer(&code)
            }
        });
        let service = BoxCloneService::new(SmsPumpGuardLayer::new(guard).layer(eight));
        Self { service, checks, gate, clock }
    }

    async fn call(mut self, client: &str, request: http::request::Builder, body: Sent) -> io::Result<Answer> {
        let client = ClientIp::asserted(client.parse().unwrap());
        let request = request.extension(client).body(body).unwrap();
        self.service.ready().await.unwrap().call(request).await
    }

    async fn start(&self, client: &str, session: &str) {
        let number = session.split('.').next().unwrap();
        let request = Request::post("https://verify.8x8.com/api/v2/subaccounts/x/sessions")
            .header("content-type", "application/json")
            .header("session", session);
        let body = full(format!(r#"{{"destination":"+{number}"}}"#));
        let answer = self.clone().call(client, request, body).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap();
    }

    /// The status and the refusal's wait, once the answer is read.
    async fn check(self, (client, session, code): Check) -> (u16, Option<u64>) {
        let answer = self.call(&client, look(&session, &code), full("")).await;
        let Ok(answer) = answer else { return (0, None) };
        let wait = answer.headers().get("retry-after").map(|wait| wait.to_str().unwrap().parse().unwrap());
        let status = answer.status().as_u16();
        let _ = answer.into_body().collect().await;
        (status, wait)
    }

    /// The same, answered at once.
    async fn check_now(&self, session: &str, code: &str) -> u16 {
        self.gate.add_permits(1);
        let (status, _) = self.clone().check(check(CLIENT, session, code)).await;
        let left = self.gate.available_permits();
        self.gate.forget_permits(left);
        status
    }

    /// All of these, as far as they go before 8x8 answers.
    async fn at_once(&self, checks: impl IntoIterator<Item = Check>) -> Under {
        let mut tasks = JoinSet::new();
        for check in checks {
            tasks.spawn(self.clone().check(check));
        }
        settle().await;
        Under { tasks, gate: Arc::clone(&self.gate) }
    }

    fn seen(&self) -> usize {
        self.checks.lock().unwrap().len()
    }
}

/// Code checks under way.
struct Under {
    tasks: JoinSet<(u16, Option<u64>)>,
    gate: Arc<Semaphore>,
}

impl Under {
    async fn answered(self) -> Vec<(u16, Option<u64>)> {
        self.gate.add_permits(10_000);
        let answers = self.tasks.join_all().await;
        self.gate.forget_permits(10_000);
        answers
    }

    async fn hung_up(mut self) {
        self.tasks.shutdown().await;
    }
}

async fn settle() {
    for _ in 0..100 {
        yield_now().await;
    }
}

fn full(body: impl Into<Bytes>) -> Sent {
    Full::new(body.into())
}

fn ok(body: impl Into<Bytes>) -> Response<Body> {
    Response::new(body_of(body))
}

fn body_of(body: impl Into<Bytes>) -> Body {
    full(body).map_err(|never| match never {}).boxed_unsync()
}

fn status(status: u16) -> Response<Body> {
    Response::builder().status(status).body(body_of("")).unwrap()
}

fn told(code: &str) -> Response<Body> {
    let status = if code == "1234" { "VERIFIED" } else { "WAITING" };
    ok(format!(r#"{{"sessionId":"x","status":"{status}"}}"#))
}

fn look(session: &str, code: &str) -> http::request::Builder {
    Request::get(format!("https://verify.8x8.com/api/v2/subaccounts/x/sessions/{session}?code={code}"))
}

/// From which client, for which session, which code.
type Check = (String, String, String);

fn check(client: &str, session: &str, code: &str) -> Check {
    (client.to_owned(), session.to_owned(), code.to_owned())
}

/// So many wrong codes, each another one.
fn wrong(codes: u32, client: &str, session: &str) -> Vec<Check> {
    (0..codes).map(|n| check(client, session, &format!("{}", 2000 + n))).collect()
}

fn refused(answers: &[(u16, Option<u64>)]) -> usize {
    answers.iter().filter(|(status, _)| *status == 429).count()
}

/// Somebody's number at home, far from any other.
fn number(n: u32) -> String {
    format!("659{:07}", 1_000_000 + n * 240_007 % 7_000_000)
}

async fn victim(policy: Policy) -> Setup {
    let setup = Setup::new(policy);
    setup.start(CLIENT, VICTIM).await;
    setup
}

#[tokio::test]
async fn of_800_wrong_codes_at_once_ten_reach_8x8_and_ten_more_a_day_later() {
    let setup = victim(Policy::default()).await;
    for round in 1..=2 {
        let under_way = setup.at_once(wrong(800, CLIENT, VICTIM)).await;
        assert_eq!(setup.seen(), 10 * round);
        let answers = under_way.answered().await;
        assert_eq!((refused(&answers), setup.seen()), (790, 10 * round));
        let waits: Vec<_> = answers.iter().filter_map(|(_, wait)| *wait).collect();
        assert!(waits.iter().all(|wait| *wait == 1), "until those under way are answered: {waits:?}");
        let (_, wait) = setup.clone().check(check(CLIENT, VICTIM, "1234")).await;
        assert!(wait > Some(80_000), "they were wrong: {wait:?}");
        setup.clock.advance(Duration::from_secs(86_400));
    }
}

#[tokio::test]
async fn of_many_sessions_and_clients_at_once_one_number_takes_ten() {
    let setup = Setup::new(Policy::default());
    for n in 0..3 {
        setup.start(CLIENT, &format!("{VICTIM}.{n}")).await;
        setup.clock.advance(Duration::from_secs(4000));
    }
    let checks = wrong(800, CLIENT, VICTIM).into_iter().enumerate();
    let checks = checks.map(|(n, (_, session, code))| {
        (format!("198.51.{}.{}", n / 200, n % 200), format!("{session}.{}", n % 3), code)
    });
    let under_way = setup.at_once(checks).await;
    assert_eq!(setup.seen(), 10);
    assert_eq!((refused(&under_way.answered().await), setup.seen()), (790, 10));
}

#[tokio::test]
async fn of_many_numbers_at_once_one_client_is_let_have_thirty() {
    let setup = Setup::new(Policy::default());
    for n in 0..20 {
        setup.clock.advance(Duration::from_secs(300));
        setup.start(&format!("198.51.100.{n}"), &number(n)).await;
    }
    let known = (0..20).flat_map(|n| wrong(5, CLIENT, &number(n)));
    let unknown = (0..700).flat_map(|n| wrong(1, CLIENT, &format!("unknown{n}")));
    let under_way = setup.at_once(known.chain(unknown)).await;
    assert_eq!(setup.seen(), 30);
    assert_eq!((refused(&under_way.answered().await), setup.seen()), (770, 30));
}

#[tokio::test]
async fn where_everybody_guesses_at_once_a_number_has_one_try() {
    let mut policy = Policy::default();
    policy.guesses.per_hour = 4.0;
    let setup = Setup::new(policy);
    for n in 0..10 {
        setup.clock.advance(Duration::from_secs(300));
        setup.start(&format!("198.51.100.{n}"), &number(n)).await;
    }
    let under_way =
        setup.at_once((0..10).flat_map(|n| wrong(5, &format!("198.51.100.{n}"), &number(n)))).await;
    // Four that are borne, and a first one for each of the others.
    assert_eq!(setup.seen(), 4 + 9);
    under_way.answered().await;
}

#[tokio::test]
async fn the_right_code_verifies_among_wrong_ones_under_way_and_makes_room_for_another() {
    let setup = victim(Policy::default()).await;
    let guesses = setup.at_once(wrong(9, "198.51.100.1", VICTIM)).await;
    let right = setup.at_once([check(CLIENT, VICTIM, "1234")]).await;
    let late = setup.at_once(wrong(1, "198.51.100.2", VICTIM)).await;
    assert_eq!(setup.seen(), 10, "all that may be are under way");
    assert_eq!(right.answered().await, [(200, None)]);
    assert_eq!(refused(&late.answered().await), 1);
    guesses.answered().await;
    // Nine were wrong, and one was not.
    assert_eq!(setup.check_now(VICTIM, "3000").await, 200);
    assert_eq!(setup.check_now(VICTIM, "3001").await, 429);
}

#[tokio::test]
async fn whoever_hangs_up_has_guessed() {
    let setup = victim(Policy::default()).await;
    setup.at_once(wrong(4, CLIENT, VICTIM)).await.hung_up().await;
    // Before anything was waited for, and after the answer has begun.
    for code in 0..3 {
        let mut service = setup.service.clone();
        drop(service.ready().await.unwrap().call(look(VICTIM, &code.to_string()).body(full("")).unwrap()));
        setup.gate.add_permits(1);
        let answer = setup.clone().call(CLIENT, look(VICTIM, &format!("7{code}")), full("")).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(setup.check_now(VICTIM, "1234").await, 429);
    setup.clock.advance(Duration::from_secs(86_400));
    assert_eq!(setup.check_now(VICTIM, "1234").await, 200);
}

/// How many of 50 checks, one after the other, are let out.
async fn let_out(
    body: fn() -> Sent,
    answer: impl Fn(&str) -> io::Result<Response<Body>> + Clone + Send + Sync + 'static,
) -> usize {
    let setup = Setup::answering(Policy::default(), answer);
    setup.start(CLIENT, VICTIM).await;
    setup.gate.add_permits(100);
    for code in 0..50 {
        if let Ok(answer) = setup.clone().call(CLIENT, look(VICTIM, &code.to_string()), body()).await {
            let _ = answer.into_body().collect().await;
        }
    }
    setup.seen()
}

fn refusal(code: u16, kind: RefusalKind) -> Response<Body> {
    let mut response = status(code);
    response.extensions_mut().insert(kind);
    response
}

#[tokio::test]
async fn what_8x8_did_not_judge_is_no_guess() {
    for code in [400, 401, 403, 405, 429, 500, 502, 503, 504] {
        assert_eq!(let_out(|| full(""), move |_| Ok(status(code))).await, 50, "{code}");
    }
    assert_eq!(let_out(|| full(""), |_| Err(io::ErrorKind::ConnectionReset.into())).await, 50);
    for kind in [RefusalKind::UpstreamUnreachable, RefusalKind::UpstreamTimeout] {
        assert_eq!(let_out(|| full(""), move |_| Ok(refusal(502, kind))).await, 50, "{kind:?}");
    }
    assert_eq!(let_out(|| full(""), |_| Ok(refusal(404, RefusalKind::UnknownEndpoint))).await, 50);
    for state in ["VERIFIED", "EXPIRED"] {
        let body = format!(r#"{{"sessionId":"x","status":"{state}"}}"#);
        assert_eq!(let_out(|| full(""), move |_| Ok(ok(body.clone()))).await, 50, "{state}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_a_guess_whatever_makes_it_so() {
    // A part, nothing new, another form, a condition, a session that is not known; and what nobody has thought of.
    for code in [206, 304, 406, 412, 416, 404, 202, 301, 418] {
        assert_eq!(let_out(|| full(""), move |_| Ok(status(code))).await, 10, "{code}");
    }
    assert_eq!(let_out(|| full(""), |_| Ok(ok("<status>VERIFIED</status>"))).await, 10);
    assert_eq!(let_out(|| full(""), |_| Ok(ok(vec![b' '; 70_000]))).await, 10);
    let packed =
        |_: &str| Ok(Response::builder().header("content-encoding", "br").body(body_of("x")).unwrap());
    assert_eq!(let_out(|| full(""), packed).await, 10);
    let broken = |_: &str| Ok(Response::new(Body::new(Broken)));
    assert_eq!(let_out(|| full(""), broken).await, 10);
}

/// An answer's body that breaks.
struct Broken;

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<http_body::Frame<Bytes>>>> {
        Poll::Ready(Some(Err(io::ErrorKind::BrokenPipe.into())))
    }
}

/// A body that never ends makes any way to 8x8 fail, once 8x8 has judged.
#[tokio::test]
async fn a_check_with_a_body_is_given_back_by_a_right_code_alone() {
    let body = || full("code=1234");
    for code in [400, 500, 504] {
        assert_eq!(let_out(body, move |_| Ok(status(code))).await, 10, "{code}");
    }
    assert_eq!(let_out(body, |_| Err(io::ErrorKind::TimedOut.into())).await, 10);
    assert_eq!(let_out(body, |_| Ok(refusal(408, RefusalKind::BodyTimeout))).await, 10);
    assert_eq!(let_out(body, |_| Ok(told("1234"))).await, 50);
}

#[tokio::test]
async fn the_second_of_a_double_click_is_not_refused_for_the_first() {
    let mut policy = Policy::default();
    policy.guesses.per_day = 1;
    let setup = victim(policy).await;
    let click = || check(CLIENT, VICTIM, "1234");
    let under_way = setup.at_once([click(), click(), click()]).await;
    let other = setup.at_once(wrong(1, CLIENT, VICTIM)).await;
    assert_eq!(setup.seen(), 2, "a third is no double click, and another code none at all");
    assert_eq!(refused(&other.answered().await), 1);
    let answers = under_way.answered().await;
    assert_eq!((answers.len(), refused(&answers)), (3, 1));
    assert_eq!(setup.check_now(VICTIM, "1234").await, 200);
}

#[tokio::test]
async fn of_the_same_wrong_code_at_once_no_more_reach_8x8_than_of_others() {
    let setup = victim(Policy::default()).await;
    let same = vec![check(CLIENT, VICTIM, "2000"); 800];
    let under_way = setup.at_once(same).await;
    assert_eq!(setup.seen(), 10);
    assert_eq!((refused(&under_way.answered().await), setup.seen()), (790, 10));
}

#[tokio::test]
async fn a_double_click_on_each_guess_buys_no_other_guess() {
    let setup = victim(Policy::default()).await;
    let twice = wrong(400, CLIENT, VICTIM).into_iter().flat_map(|check| [check.clone(), check]);
    let under_way = setup.at_once(twice).await;
    let codes: std::collections::BTreeSet<_> = setup.checks.lock().unwrap().iter().cloned().collect();
    assert!(codes.len() <= 10, "{codes:?}");
    under_way.answered().await;
}

#[tokio::test]
async fn a_wrong_code_and_then_the_right_one_pass_as_often_as_people_do_so() {
    let setup = Setup::new(Policy::default());
    // Far more than a client may have under way: none is kept that has ended.
    for n in 0..200 {
        setup.clock.advance(Duration::from_secs(7200));
        setup.start(CLIENT, &number(n)).await;
        setup.clock.advance(Duration::from_secs(20));
        assert_eq!(setup.check_now(&number(n), "2000").await, 200, "{n}");
        assert_eq!(setup.check_now(&number(n), "1234").await, 200, "{n}");
    }
}

#[tokio::test]
async fn whoever_only_looks_guesses_nothing() {
    let setup = victim(Policy::default()).await;
    let guesses = setup.at_once(wrong(10, CLIENT, VICTIM)).await;
    let uri = format!("https://verify.8x8.com/api/v2/subaccounts/x/sessions/{VICTIM}?lang=en");
    let looks = tokio::spawn(setup.clone().call(CLIENT, Request::get(uri), full("")));
    settle().await;
    assert_eq!(setup.seen(), 11);
    guesses.answered().await;
    looks.abort();
}

#[tokio::test]
async fn monitor_counts_and_refuses_nothing() {
    let mut setup = Setup::new(Policy { mode: Mode::Monitor, ..Policy::default() });
    setup.start(CLIENT, VICTIM).await;
    setup.at_once(wrong(800, CLIENT, VICTIM)).await.hung_up().await;
    assert_eq!(setup.seen(), 800);
    let mut off = Policy::default();
    off.guesses.mode = Mode::Off;
    setup = victim(off).await;
    assert_eq!(refused(&setup.at_once(wrong(800, CLIENT, VICTIM)).await.answered().await), 0);
}
