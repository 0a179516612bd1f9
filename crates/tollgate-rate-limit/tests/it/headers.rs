//! What answers tell of the limits, read by an independent parser of structured fields (RFC 9651).

use std::sync::Arc;

use http::{HeaderMap, Method, Request};
use sfv::{BareItem, List, ListEntry, Parser};
use tollgate_core::FakeClock;
use tollgate_rate_limit::{HeaderForm, HeadersOn, IpRateLimitLayer, Limit, Limiter, Quota};
use tower::{Layer, ServiceExt};

use crate::service::{Probe, request};
use crate::{MINUTE, SECOND, client};

/// `(name, parameter, parameter)` of each item.
fn items(headers: &HeaderMap, field: &str, parameters: [&str; 2]) -> Vec<(String, i64, i64)> {
    let Some(value) = headers.get(field) else { return Vec::new() };
    let list: List = Parser::new(value.as_bytes()).parse().unwrap();
    let read = |entry: &ListEntry| {
        let ListEntry::Item(item) = entry else { panic!("{entry:?}") };
        let BareItem::String(name) = &item.bare_item else { panic!("{item:?}") };
        assert_eq!(item.params.len(), 2);
        let [first, second] = parameters.map(|name| match item.params.get(name) {
            Some(BareItem::Integer(value)) => i64::from(*value),
            other => panic!("{name}: {other:?}"),
        });
        (name.as_str().to_owned(), first, second)
    };
    list.iter().map(read).collect()
}

fn policies(headers: &HeaderMap) -> Vec<(String, i64, i64)> {
    items(headers, "ratelimit-policy", ["q", "w"])
}

fn left(headers: &HeaderMap) -> Vec<(String, i64, i64)> {
    items(headers, "ratelimit", ["r", "t"])
}

fn item(name: &str, first: i64, second: i64) -> (String, i64, i64) {
    (name.to_owned(), first, second)
}

async fn headers(layer: &IpRateLimitLayer) -> HeaderMap {
    layer.layer(Probe::default()).oneshot(request(client("203.0.113.7"))).await.unwrap().headers().clone()
}

fn layer(limits: impl IntoIterator<Item = Limit>) -> (IpRateLimitLayer, FakeClock) {
    let clock = FakeClock::new();
    (Limiter::new(limits).unwrap().with_clock(Arc::new(clock.clone())).into(), clock)
}

#[tokio::test]
async fn all_policies_are_told_with_what_is_left_and_when_there_is_more() {
    let (layer, clock) = layer([
        Limit::new("per \"minute\"\\", Quota::requests(3).per(MINUTE)).with_headers(HeadersOn::Always),
        Limit::new("per-day", Quota::requests(100).per(24 * 60 * MINUTE)).with_headers(HeadersOn::Always),
    ]);
    let first = headers(&layer).await;
    let minute = "per \"minute\"\\";
    assert_eq!(policies(&first), [item(minute, 3, 60), item("per-day", 100, 86_400)]);
    // Two left, 20 s until the burst is back; of 99 left no more may be thought of than twice the rate.
    assert_eq!(left(&first), [item(minute, 2, 20), item("per-day", 99, 42_768)]);
    headers(&layer).await;
    assert_eq!(left(&headers(&layer).await)[0], item(minute, 0, 20));
    clock.advance(SECOND / 2);
    let refused = headers(&layer).await;
    assert_eq!(left(&refused), [item(minute, 0, 20), item("per-day", 97, 41_904)]);
    assert_eq!(refused["retry-after"], "20");
}

#[tokio::test]
async fn a_limit_tells_when_it_is_told_to() {
    let told = async |on: HeadersOn| {
        let (layer, _clock) = layer([Limit::new("a", Quota::requests(5).per(MINUTE)).with_headers(on)]);
        let mut told = Vec::new();
        for _ in 0..6 {
            told.push(headers(&layer).await.contains_key("ratelimit"));
        }
        told
    };
    assert_eq!(told(HeadersOn::Never).await, [false; 6]);
    assert_eq!(told(HeadersOn::Refused).await, [false, false, false, false, false, true]);
    assert_eq!(told(HeadersOn::Near).await, [false, false, false, true, true, true]);
    assert_eq!(told(HeadersOn::Always).await, [true; 6]);
}

#[tokio::test]
async fn x_ratelimit_tells_of_the_limit_with_the_least_left() {
    let (layer, _clock) = layer([
        Limit::new("wide", Quota::requests(100).per(MINUTE)).with_headers(HeadersOn::Always),
        Limit::new("tight", Quota::requests(4).per(MINUTE)).with_headers(HeadersOn::Always),
    ]);
    let layer = layer.with_header_form(HeaderForm::XRateLimit);
    let headers = headers(&layer).await;
    assert_eq!(headers["x-ratelimit-limit"], "4");
    assert_eq!(headers["x-ratelimit-remaining"], "3");
    assert_eq!(headers["x-ratelimit-reset"], "23");
    assert!(!headers.contains_key("ratelimit"));
}

#[tokio::test]
async fn what_is_given_back_is_told() {
    let limit = Limit::new("a", Quota::requests(5).per(MINUTE)).with_headers(HeadersOn::Always);
    let (layer, _clock) = layer([limit.skip_successes()]);
    for _ in 0..10 {
        assert_eq!(left(&headers(&layer).await)[0].1, 5);
    }
}

#[tokio::test]
async fn only_a_real_preflight_is_exempt() {
    let (layer, _clock) = layer([Limit::new("a", Quota::requests(1).per(MINUTE))]);
    let ask = async |fields: &[&'static str]| {
        let mut request = request(client("203.0.113.7"));
        *request.method_mut() = Method::OPTIONS;
        for name in fields {
            request.headers_mut().insert(*name, "x".parse().unwrap());
        }
        layer.layer(Probe::default()).oneshot(request).await.unwrap().status().as_u16()
    };
    for _ in 0..5 {
        assert_eq!(ask(&["origin", "access-control-request-method"]).await, 200);
    }
    assert_eq!(ask(&[]).await, 200);
    assert_eq!(ask(&[]).await, 429);
    assert_eq!(ask(&["origin"]).await, 429);
    assert_eq!(ask(&["access-control-request-method"]).await, 429);
}

#[tokio::test]
async fn of_grpc_only_the_status_is_told() {
    let (layer, _clock) =
        layer([Limit::new("a", Quota::requests(1).per(MINUTE)).with_headers(HeadersOn::Always)]);
    headers(&layer).await;
    let mut request: Request<()> = request(client("203.0.113.7"));
    request.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    let response = layer.layer(Probe::default()).oneshot(request).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "8");
    assert_eq!(response.headers()["grpc-retry-pushback-ms"], "60000");
    assert!(!response.headers().contains_key("ratelimit"));
}

#[tokio::test]
async fn a_limiter_further_out_does_not_hide_what_one_further_in_tells() {
    let outer =
        layer([Limit::new("outer", Quota::requests(100).per(MINUTE)).with_headers(HeadersOn::Always)]).0;
    let inner = layer([Limit::new("inner", Quota::requests(1).per(MINUTE))]).0;
    let service = outer.layer(inner.layer(Probe::default()));
    for _ in 0..2 {
        let answer = service.clone().oneshot(request(client("203.0.113.7"))).await.unwrap();
        if answer.status() == 429 {
            let told: Vec<_> = answer.headers().get_all("ratelimit").iter().collect();
            assert_eq!(told, ["\"inner\";r=0;t=60", "\"outer\";r=98;t=30"]);
            return;
        }
    }
    panic!("the second of one is refused");
}
