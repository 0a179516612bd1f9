//! The client IP through every client: on the request, by the ambient scope, in a task of its own; and without it,
//! nothing goes out. What is compared are the bytes that a server on a real socket received.

use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request as AxumRequest, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use tollgate::injector::MessageOrigins;
use tollgate::prelude::*;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use super::*;

const BODY: &str = r#"{ "destination" : "+6591234567","text":"é\u00e9 \/","clientIp":"6.6.6.6" }"#;

fn written(addr: &str) -> String {
    BODY.replace("6.6.6.6", addr)
}

/// A status and a header.
type Said = (u16, &'static str, &'static str);

/// A server that keeps what it receives.
#[derive(Clone, Default)]
struct Eight {
    received: Arc<Mutex<Vec<(String, HeaderMap, Bytes)>>>,
    /// What is answered, from the last on; then 200.
    answers: Arc<Mutex<Vec<Said>>>,
}

impl Eight {
    /// With where it listens: `http://127.0.0.1:…`. It ends with the test's runtime.
    async fn start(&self) -> String {
        let listener = TcpListener::bind(local()).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(receive).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }

    fn answering(answers: &[Said]) -> Self {
        let answers = Arc::new(Mutex::new(answers.iter().rev().copied().collect()));
        Self { answers, ..Self::default() }
    }

    /// The bodies that arrived, each of the length it was said to have.
    fn bodies(&self) -> Vec<String> {
        let received = std::mem::take(&mut *self.received.lock().unwrap());
        received
            .into_iter()
            .map(|(_, headers, body)| {
                assert_eq!(headers["content-length"], body.len().to_string());
                assert!(!headers.contains_key("transfer-encoding"));
                String::from_utf8(body.to_vec()).unwrap()
            })
            .collect()
    }
}

async fn receive(State(eight): State<Eight>, request: AxumRequest) -> impl IntoResponse {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    eight.received.lock().unwrap().push((parts.uri.path().to_owned(), parts.headers, body));
    let answer = eight.answers.lock().unwrap().pop();
    let (status, name, value) = answer.unwrap_or((200, "x-eight", "1"));
    (StatusCode::from_u16(status).unwrap(), [(name, value)])
}

fn hosts(url: &str) -> Hosts {
    Hosts::new().with_host(url.strip_prefix("http://").unwrap()).unwrap()
}

fn injector(url: &str) -> ClientIpInjectorLayer {
    ClientIpInjectorLayer::new().with_hosts(hosts(url)).with_documentation_addresses()
}

fn ip(addr: &str) -> ClientIp {
    ClientIp::asserted(addr.parse().unwrap())
}

fn request(url: &str) -> Request<Bytes> {
    Request::post(format!("{url}{SINGLE}"))
        .header("content-type", "application/json")
        .body(Bytes::from_static(BODY.as_bytes()))
        .unwrap()
}

fn by(mut request: Request<Bytes>, addr: &str) -> Request<Bytes> {
    request.extensions_mut().insert(ip(addr));
    request
}

/// Status, and the kind of the refusal where it is one.
type Told = (u16, Option<String>);

fn told<B>(response: &Response<B>) -> Told {
    let refusal = response.headers().get("tollgate-refusal");
    (response.status().as_u16(), refusal.map(|kind| kind.to_str().unwrap().to_owned()))
}

/// Sends through a tower service whose body type is `B`.
fn through<S, B, ResBody>(service: S) -> impl Fn(Request<Bytes>) -> Sending
where
    S: Service<Request<B>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: std::fmt::Debug,
    B: From<Bytes> + Send + 'static,
{
    move |request| {
        let service = service.clone();
        Box::pin(async move { told(&service.oneshot(request.map(B::from)).await.unwrap()) })
    }
}

fn through_middleware(client: ClientWithMiddleware) -> impl Fn(Request<Bytes>) -> Sending {
    move |request| {
        let client = client.clone();
        Box::pin(async move {
            let request = reqwest::Request::try_from(request.map(reqwest::Body::from)).unwrap();
            told(&Response::from(client.execute(request).await.unwrap()))
        })
    }
}

type Sending = Pin<Box<dyn Future<Output = Told> + Send>>;

/// Holds a client to all of it.
async fn prove(eight: &Eight, url: &str, send: impl Fn(Request<Bytes>) -> Sending) {
    let sent = (200, None);
    assert_eq!(send(by(request(url), "203.0.113.1")).await, sent);
    assert_eq!(eight.bodies(), [written("203.0.113.1")]);

    assert_eq!(ip("203.0.113.2").scope(send(request(url))).await, sent);
    assert_eq!(eight.bodies(), [written("203.0.113.2")]);

    let both = ip("203.0.113.2").scope(send(by(request(url), "203.0.113.3")));
    assert_eq!(both.await, sent);
    assert_eq!(eight.bodies(), [written("203.0.113.3")]);

    let carried = tokio::spawn(ip("2001:db8::4").scope(send(request(url))));
    assert_eq!(carried.await.unwrap(), sent);
    assert_eq!(eight.bodies(), [written("2001:db8::4")]);

    let refused = (500, Some("no_client_ip".to_owned()));
    assert_eq!(send(request(url)).await, refused);
    let outside = ip("203.0.113.5").scope(async { tokio::spawn(send(request(url))).await.unwrap() });
    assert_eq!(outside.await, refused);
    assert_eq!(eight.bodies(), [""; 0]);
}

async fn eight() -> (Eight, String) {
    let eight = Eight::default();
    let url = eight.start().await;
    (eight, url)
}

#[tokio::test]
async fn through_hyper_over_http1_and_http2() {
    let (eight, url) = eight().await;
    for http2 in [false, true] {
        let client = Client::builder(TokioExecutor::new()).http2_only(http2).build_http::<Full<Bytes>>();
        prove(&eight, &url, through::<_, Full<Bytes>, _>(injector(&url).layer(client))).await;
    }
}

#[tokio::test]
async fn through_hyper_with_axums_body() {
    let (eight, url) = eight().await;
    let client = Client::builder(TokioExecutor::new()).build_http::<axum::body::Body>();
    prove(&eight, &url, through::<_, axum::body::Body, _>(injector(&url).layer(client))).await;
}

#[tokio::test]
async fn through_an_axum_router_that_sends_on() {
    let (eight, url) = eight().await;
    let client = Client::builder(TokioExecutor::new()).build_http::<axum::body::Body>();
    let on = |request: AxumRequest| async move { client.request(request).await.unwrap().into_response() };
    let router: Router = Router::new().fallback(on);
    prove(&eight, &url, through::<_, axum::body::Body, _>(injector(&url).layer(router))).await;
}

#[tokio::test]
async fn through_reqwest() {
    let (eight, url) = eight().await;
    let service = injector(&url).layer(ReqwestService::new(reqwest::Client::new()));
    prove(&eight, &url, through::<_, reqwest::Body, _>(service)).await;
}

#[tokio::test]
async fn through_reqwest_middleware_as_a_middleware_and_as_the_client() {
    let (eight, url) = eight().await;
    let plain = || ClientBuilder::new(reqwest::Client::new());
    let client = plain().with(injector(&url)).build();
    prove(&eight, &url, through_middleware(client)).await;
    // Where the guard is wanted, too, the layers go around the client with its middlewares.
    let service = injector(&url).layer(ReqwestService::new(plain().build()));
    prove(&eight, &url, through::<_, reqwest::Body, _>(service)).await;
}

#[tokio::test]
async fn through_the_whole_way_out() {
    let (eight, url) = eight().await;
    let layer = || {
        // Monitored: five messages to one number within a second are what this test is made of.
        let mut policy = Policy::default();
        policy.mode = tollgate::pump_guard::Mode::Monitor;
        let guard = SmsPumpGuardLayer::new(PumpGuard::new(policy).unwrap()).with_hosts(hosts(&url));
        OutboundLayer::new(guard, injector(&url))
    };
    let hyper = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    prove(&eight, &url, through::<_, Full<Bytes>, _>(layer().layer(hyper))).await;
    let reqwest = ReqwestService::new(reqwest::Client::new());
    prove(&eight, &url, through::<_, reqwest::Body, _>(layer().layer(reqwest))).await;
}

#[tokio::test]
async fn a_middleware_looks_into_the_request_and_then_into_the_extensions_beside_it() {
    let (eight, url) = eight().await;
    let client = ClientBuilder::new(reqwest::Client::new()).with(injector(&url)).build();
    let target = format!("{url}{SINGLE}");
    let post = || client.post(&target).header("content-type", "application/json").body(BODY);

    let response = post().with_extension(ip("203.0.113.1")).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.url().as_str()), (200, target.as_str()));
    assert_eq!(eight.bodies(), [written("203.0.113.1")]);

    let mut beside = http::Extensions::new();
    beside.insert(ip("203.0.113.1"));
    let own = by(request(&url), "203.0.113.2").map(reqwest::Body::from);
    client.execute_with_extensions(own.try_into().unwrap(), &mut beside).await.unwrap();
    assert_eq!(eight.bodies(), [written("203.0.113.2")]);

    // Beside it goes before the scope, and what is undetermined hides the scope.
    ip("203.0.113.3").scope(post().with_extension(ip("203.0.113.4")).send()).await.unwrap();
    assert_eq!(eight.bodies(), [written("203.0.113.4")]);
    let hidden = ip("203.0.113.3").scope(post().with_extension(Origin::Undetermined).send()).await.unwrap();
    assert_eq!((hidden.status().as_u16(), hidden.url().as_str()), (500, target.as_str()));
    assert_eq!(hidden.headers()["tollgate-refusal"], "no_client_ip");
    let envelope: Value = serde_json::from_slice(&hidden.bytes().await.unwrap()).unwrap();
    assert_eq!(envelope["code"], 2000);
    assert_eq!(eight.bodies(), [""; 0]);

    post().with_extension(Origin::System).send().await.unwrap();
    assert_eq!(eight.bodies(), [r#"{ "destination" : "+6591234567","text":"é\u00e9 \/" }"#]);
}

#[tokio::test]
async fn a_middleware_finds_the_addresses_of_a_batch_beside_the_request() {
    let (eight, url) = eight().await;
    let client = ClientBuilder::new(reqwest::Client::new()).with(injector(&url)).build();
    let batch = r#"{"messages":[{"destination":"1"},{"destination":"2"}]}"#;
    let people = MessageOrigins::new(["203.0.113.1", "203.0.113.2"].map(|addr| Origin::Client(ip(addr))));
    let post = client.post(format!("{url}{BATCH}")).header("content-type", "application/json").body(batch);
    ip("203.0.113.3").scope(post.with_extension(people).send()).await.unwrap();
    assert_eq!(
        eight.bodies(),
        [
            r#"{"messages":[{"destination":"1","clientIp":"203.0.113.1"},{"destination":"2","clientIp":"203.0.113.2"}]}"#
        ]
    );
}

#[tokio::test]
async fn a_middleware_further_in_sees_what_is_sent_and_reaches_the_one_further_out() {
    struct Inner;
    #[derive(Clone)]
    struct Seen(Vec<u8>);
    impl reqwest_middleware::Middleware for Inner {
        fn handle<'a, 'b, 'c, 'r>(
            &'a self,
            request: reqwest::Request,
            extensions: &'b mut http::Extensions,
            next: reqwest_middleware::Next<'c>,
        ) -> Pin<Box<dyn Future<Output = reqwest_middleware::Result<reqwest::Response>> + Send + 'r>>
        where
            'a: 'r,
            'b: 'r,
            'c: 'r,
        {
            extensions.insert(Seen(request.body().and_then(reqwest::Body::as_bytes).unwrap().to_vec()));
            next.run(request, extensions)
        }
    }
    let (eight, url) = eight().await;
    let client = ClientBuilder::new(reqwest::Client::new()).with(injector(&url)).with(Inner).build();
    let mut extensions = http::Extensions::new();
    let request = by(request(&url), "203.0.113.1").map(reqwest::Body::from).try_into().unwrap();
    client.execute_with_extensions(request, &mut extensions).await.unwrap();
    assert_eq!(extensions.get::<Seen>().unwrap().0, written("203.0.113.1").into_bytes());
    assert_eq!(eight.bodies(), [written("203.0.113.1")]);
}

#[tokio::test]
async fn reqwests_own_redirects_and_retries_send_the_written_bytes_again() {
    // Which is why redirects should be off: this one stays, another one would take the address along.
    let eight = Eight::answering(&[(307, "location", "/elsewhere")]);
    let url = eight.start().await;
    let service = injector(&url).layer(ReqwestService::new(reqwest::Client::new()));
    let send = through::<_, reqwest::Body, _>(service);
    assert_eq!(send(by(request(&url), "203.0.113.1")).await, (200, None));
    assert_eq!(eight.bodies(), [written("203.0.113.1"), written("203.0.113.1")]);

    let eight = Eight::answering(&[(503, "x-eight", "1")]);
    let url = eight.start().await;
    let again = reqwest::retry::for_host("127.0.0.1").no_budget().classify_fn(|tried| {
        if tried.status() == Some(StatusCode::SERVICE_UNAVAILABLE) {
            tried.retryable()
        } else {
            tried.success()
        }
    });
    let client = reqwest::Client::builder().retry(again).build().unwrap();
    let send = through::<_, reqwest::Body, _>(injector(&url).layer(ReqwestService::new(client)));
    assert_eq!(send(by(request(&url), "203.0.113.1")).await, (200, None));
    assert_eq!(eight.bodies(), [written("203.0.113.1"), written("203.0.113.1")]);
}

/// The whole way out around reqwest, with a guard that acts.
fn out(url: &str) -> OutboundLayer {
    let guard = SmsPumpGuardLayer::new(PumpGuard::new(Policy::default()).unwrap()).with_hosts(hosts(url));
    OutboundLayer::new(guard, injector(url))
}

#[tokio::test]
async fn a_429_of_8x8s_is_tried_again_over_a_real_connection() {
    let eight = Eight::answering(&[(429, "retry-after", "0"), (429, "retry-after", "0")]);
    let url = eight.start().await;
    let send = through::<_, reqwest::Body, _>(out(&url).layer(ReqwestService::new(reqwest::Client::new())));
    assert_eq!(send(by(request(&url), "203.0.113.1")).await, (200, None));
    assert_eq!(eight.bodies(), [written("203.0.113.1"), written("203.0.113.1"), written("203.0.113.1")]);

    // A body that reqwest could not send again as it comes.
    let eight = Eight::answering(&[(429, "retry-after", "0")]);
    let url = eight.start().await;
    let service = out(&url).layer(ReqwestService::new(reqwest::Client::new()));
    let streamed = by(request(&url), "203.0.113.1").map(|body| reqwest::Body::wrap(Full::new(body)));
    assert!(streamed.body().as_bytes().is_none());
    assert_eq!(told(&service.oneshot(streamed).await.unwrap()), (200, None));
    assert_eq!(eight.bodies(), [written("203.0.113.1"), written("203.0.113.1")]);
}

#[tokio::test]
async fn an_8x8_that_does_not_answer_is_given_up_in_time() -> Result<(), Box<dyn Error>> {
    // It takes connections, and says nothing.
    let silent = TcpListener::bind(local()).await?;
    let url = format!("http://{}", silent.local_addr()?);
    let layer = out(&url).with_timeout(Duration::from_millis(100));
    let timed_out = (504, Some("upstream_timeout".to_owned()));
    let hyper = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let send = through::<_, Full<Bytes>, _>(layer.layer(hyper));
    assert_eq!(send(by(request(&url), "203.0.113.1")).await, timed_out);
    let reqwest = ReqwestService::new(reqwest::Client::new());
    let to_another =
        request(&url).map(|_| Bytes::from_static(br#"{"destination":"+6598765432","text":"hi"}"#));
    let send = through::<_, reqwest::Body, _>(layer.layer(reqwest));
    assert_eq!(send(by(to_another, "203.0.113.1")).await, timed_out);
    Ok(())
}

#[tokio::test]
async fn tower_parts_of_ones_own_stand_around_it() {
    let (eight, url) = eight().await;
    let service = ServiceBuilder::new()
        .concurrency_limit(1)
        .layer(injector(&url))
        .concurrency_limit(1)
        .service(ReqwestService::new(reqwest::Client::new()));
    prove(&eight, &url, through::<_, reqwest::Body, _>(service)).await;
}
