use std::convert::Infallible;
use std::future::{pending, ready};
use std::sync::Mutex;

use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use tower::service_fn;
use tower::util::BoxCloneSyncService;

use super::*;
use crate::engine::{Policy, Reading};

const NOW: Duration = Duration::from_secs(1_700_000_000);
const PREMIUM: &str =
    r#"{"phoneNumber":"+442079460000","phoneType":"PremiumRate","country":"GB","status":{"state":"ok"}}"#;

type Body = Full<Bytes>;
type Answers = UnsyncBoxBody<Bytes, Infallible>;
type Client = BoxCloneSyncService<Request<Body>, Response<Answers>, &'static str>;

fn number(destination: &str) -> Number {
    match Policy::default().read(destination, None) {
        Reading::Number(number) => number,
        other => panic!("{other:?}"),
    }
}

fn landline() -> Number {
    number("+442079460000")
}

fn nth(n: usize) -> Number {
    number(&format!("+65912{n:05}"))
}

fn lookup(client: Client) -> NumberLookup<Client, Body> {
    NumberLookup::new("mine".parse().unwrap(), HeaderValue::from_static("Bearer hush"), client)
}

/// A client that answers this, and writes down what it is asked.
fn answering(status: u16, body: &str) -> (Client, Arc<Mutex<Vec<Request<Body>>>>) {
    let (asked, body) = (Arc::new(Mutex::new(Vec::new())), Bytes::from(body.to_owned()));
    let keep = Arc::clone(&asked);
    let client = service_fn(move |request| {
        keep.lock().unwrap().push(request);
        let response = Response::builder().status(status);
        ready(Ok(response.body(UnsyncBoxBody::new(Full::new(body.clone()))).unwrap()))
    });
    (BoxCloneSyncService::new(client), asked)
}

async fn known(status: u16, body: &str) -> Facts {
    lookup(answering(status, body).0).facts(&landline(), NOW).wait().await
}

#[tokio::test]
async fn the_question_is_one_get_with_the_key() {
    let (client, asked) = answering(200, PREMIUM);
    let lookup = lookup(client).with_kind(LookupKind::Operator).with_region(Region::NorthAmerica);
    let facts = lookup.facts(&landline(), NOW).wait().await;
    assert_eq!((facts.line_type, facts.country), (Some(NumberType::Premium), "GB".parse().ok()));
    let asked = asked.lock().unwrap();
    let [request] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(
        (request.method().as_str(), request.uri().to_string().as_str()),
        ("GET", "https://lookup.us.8x8.com/api/v1/subaccounts/mine/phones/442079460000?type=operator")
    );
    assert_eq!(request.headers()["authorization"], "Bearer hush");
    assert!(request.headers()["authorization"].is_sensitive());
}

#[tokio::test]
async fn a_number_is_asked_for_once_in_seven_days() {
    let (client, asked) = answering(200, PREMIUM);
    let lookup = lookup(client);
    let first = lookup.facts(&landline(), NOW).wait().await;
    let Step::Now(second) = lookup.facts(&landline(), NOW + REMEMBERED - Duration::from_secs(1)) else {
        panic!()
    };
    assert_eq!(first, second);
    lookup.facts(&landline(), NOW + REMEMBERED).wait().await;
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_sim_that_receives_nothing_is_asked_for_again_after_an_hour() {
    let body = r#"{"status":{"state":"error","errorCode":6001}}"#;
    let lookup = lookup(answering(200, body).0);
    assert_eq!(lookup.facts(&landline(), NOW).wait().await.sim, Some(Sim::Offline));
    assert!(matches!(lookup.facts(&landline(), NOW + Duration::from_secs(3599)), Step::Now(_)));
    assert!(matches!(lookup.facts(&landline(), NOW + Duration::from_secs(3600)), Step::Later(_)));
}

#[tokio::test]
async fn what_is_no_answer_says_nothing_and_is_not_remembered() {
    let other = PREMIUM.replace("442079460000", "442079460001");
    for (status, body) in [
        (200, ""),
        (200, "<html>"),
        (200, "{}"),
        (200, other.as_str()),
        (302, PREMIUM),
        (400, r#"{"code":1002}"#),
        (401, PREMIUM),
        (429, PREMIUM),
        (500, PREMIUM),
    ] {
        assert_eq!(known(status, body).await, Facts::default(), "{status} {body}");
    }
    let (client, asked) =
        answering(200, r#"{"phoneType":"VoIP","status":{"state":"error","errorCode":2007}}"#);
    let lookup = lookup(client);
    for _ in 0..2 {
        assert_eq!(lookup.facts(&landline(), NOW).wait().await.line_type, Some(NumberType::Voip));
    }
    assert_eq!(asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_client_that_fails_says_nothing() {
    let client = service_fn(|_| ready(Err::<Response<Answers>, _>("no route to host")));
    let facts = lookup(BoxCloneSyncService::new(client)).facts(&landline(), NOW).wait().await;
    assert_eq!(facts, Facts::default());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_waited_for_longer_than_300_ms() {
    let never = service_fn(|_| pending::<Result<Response<Answers>, &'static str>>());
    // The answer's body never ends, at a byte each 50 ms.
    let slow = service_fn(|_| {
        let body = StreamBody::new(Drip(Box::pin(tokio::time::sleep(Duration::ZERO))));
        ready(Ok::<_, &'static str>(Response::new(UnsyncBoxBody::new(body))))
    });
    for client in [BoxCloneSyncService::new(never), BoxCloneSyncService::new(slow)] {
        let before = tokio::time::Instant::now();
        assert_eq!(lookup(client).facts(&landline(), NOW).wait().await, Facts::default());
        assert_eq!(before.elapsed().as_millis(), 300);
    }
}

/// One byte at a time, for ever.
struct Drip(std::pin::Pin<Box<tokio::time::Sleep>>);

impl futures_core::Stream for Drip {
    type Item = Result<http_body::Frame<Bytes>, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::ready!(self.0.as_mut().poll(cx));
        self.0 = Box::pin(tokio::time::sleep(Duration::from_millis(50)));
        std::task::Poll::Ready(Some(Ok(http_body::Frame::data(Bytes::from_static(b" ")))))
    }
}

/// Pieces of 16 KiB, ten MiB of them, counted as they are read.
struct Flood(Arc<std::sync::atomic::AtomicU32>);

impl futures_core::Stream for Flood {
    type Item = Result<http_body::Frame<Bytes>, Infallible>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let read = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let piece = (read < 640).then(|| Ok(http_body::Frame::data(Bytes::from(vec![b' '; 16 << 10]))));
        std::task::Poll::Ready(piece)
    }
}

#[tokio::test]
async fn an_answer_of_ten_megabytes_is_cut_off() {
    let read = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let count = Arc::clone(&read);
    let client = service_fn(move |_| {
        let body = StreamBody::new(Flood(Arc::clone(&count)));
        ready(Ok::<_, &'static str>(Response::new(body.boxed_unsync())))
    });
    let facts = lookup(BoxCloneSyncService::new(client)).facts(&landline(), NOW).wait().await;
    assert_eq!((facts, read.load(std::sync::atomic::Ordering::Relaxed)), (Facts::default(), 5));
}

#[tokio::test]
async fn sixty_four_are_asked_for_at_once_and_whoever_gives_up_makes_room() {
    let never = service_fn(|_| pending::<Result<Response<Answers>, &'static str>>());
    let lookup = lookup(BoxCloneSyncService::new(never)).with_per_minute(NonZeroU32::MAX);
    let mut asked: Vec<_> = (0..64).map(|n| lookup.facts(&nth(n), NOW)).collect();
    assert!(asked.iter().all(|step| matches!(step, Step::Later(_))));
    assert!(matches!(lookup.facts(&nth(64), NOW), Step::Now(facts) if facts == Facts::default()));
    asked.pop();
    let again = lookup.facts(&nth(64), NOW);
    assert!(matches!(again, Step::Later(_)));
    assert!(matches!(lookup.facts(&nth(65), NOW), Step::Now(_)));
}

#[tokio::test]
async fn numbers_that_are_made_up_cost_sixty_lookups_a_minute_and_no_more() {
    let (client, asked) = answering(200, r#"{"status":{"state":"ok"}}"#);
    let lookup = lookup(client);
    // 1,700,000,000 s is 20 s into its minute.
    for n in 0..200 {
        lookup.facts(&nth(n), NOW + Duration::from_millis(n as u64 * 100)).wait().await;
    }
    assert_eq!(asked.lock().unwrap().len(), 60);
    // Time that is a little behind opens no other minute.
    let (next, behind) = (NOW + Duration::from_secs(40), NOW + Duration::from_secs(39));
    for n in 200..400 {
        lookup.facts(&nth(n), if n % 2 == 0 { next } else { behind }).wait().await;
    }
    assert_eq!(asked.lock().unwrap().len(), 120);
}

#[test]
fn memory_is_bounded_and_the_oldest_makes_room() {
    let cache = Cache::default();
    let capacity = cache::CAPACITY as u64;
    for digits in 0..3 * capacity {
        cache.keep(digits % (2 * capacity), &Facts::default(), NOW);
    }
    assert_eq!(cache.len(), (cache::CAPACITY, cache::CAPACITY));
    let before = NOW - Duration::from_secs(1);
    assert!(cache.known(capacity - 1, before).is_some() && cache.known(capacity, before).is_none());
    // The same number for ever.
    for _ in 0..2 * capacity {
        cache.keep(7, &Facts::default(), NOW);
    }
    assert_eq!(cache.len(), (1, cache::CAPACITY));
}

#[test]
fn neither_key_nor_number_is_printed() {
    let lookup = lookup(answering(200, "").0);
    lookup.cache.keep(442_079_460_000, &Facts::default(), NOW);
    let printed = format!("{lookup:?} {:?} {:?}", lookup.cache, lookup.settings.authorization);
    assert!(!printed.contains("hush") && !printed.contains("44207946"), "{printed}");
}
