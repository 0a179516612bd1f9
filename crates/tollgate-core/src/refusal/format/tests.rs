use std::time::Duration;

use http_body_util::{BodyExt, Empty};

use super::*;
use crate::RefusalKind;
use crate::refusal::Member;

type NoBody = Empty<Bytes>;

fn refusal() -> Refusal {
    Refusal::new(RefusalKind::RateLimited, "5 requests a minute, 100 % used")
        .with_retry_after(Duration::from_millis(1500))
        .with_member("violated-policies", Member::Texts(["per-minute", "per-day"].map(str::to_owned).into()))
}

#[tokio::test]
async fn problem_json_says_what_when_and_which() {
    let response = RefusalFormat::problem_json().render::<NoBody>(refusal(), &HeaderMap::new());
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["tollgate-refusal"], "rate_limited");
    assert_eq!(response.headers()["retry-after"], "2");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.extensions().get(), Some(&RefusalKind::RateLimited));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(
        body,
        "{\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\",\
         \"title\":\"Request cannot be satisfied as assigned quota has been exceeded\",\"status\":429,\
         \"detail\":\"5 requests a minute, 100 % used\",\"violated-policies\":[\"per-minute\",\"per-day\"]}"
    );
}

#[test]
fn a_grpc_web_caller_is_answered_in_its_own_content_type() {
    for (asked, answered) in [
        ("application/grpc-web", "application/grpc-web+proto"),
        ("application/grpc-web+proto", "application/grpc-web+proto"),
        ("application/grpc-web-text", "application/grpc-web-text+proto"),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, asked.parse().unwrap());
        let response = RefusalFormat::auto().render::<NoBody>(refusal(), &headers);
        assert_eq!(response.headers()[CONTENT_TYPE], answered);
        assert_eq!(response.headers()["grpc-status"], "8");
    }
}

#[test]
fn a_grpc_caller_gets_trailers_only() {
    use http_body::Body as _;
    for content_type in ["application/grpc", "application/grpc+proto", "Application/gRPC; x=y"] {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        let response = RefusalFormat::auto().render::<NoBody>(refusal(), &headers);
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["grpc-status"], "8");
        assert_eq!(response.headers()["grpc-message"], "5 requests a minute, 100 %25 used");
        assert_eq!(response.headers()["grpc-retry-pushback-ms"], "1500");
        assert!(response.body().is_end_stream());
    }
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, "application/grpcx".parse().unwrap());
    assert_eq!(RefusalFormat::auto().render::<NoBody>(refusal(), &headers).status(), 429);
}

#[test]
fn a_page_of_the_application_carries_what_every_refusal_carries() {
    let page = String::from("<h1>Bitte später noch einmal</h1>");
    let own = RefusalFormat::from_fn(move |refusal, request_headers| {
        let body = if request_headers.contains_key("accept-language") { page.clone() } else { String::new() };
        let mut response = response(refusal.kind().status(), "text/html; charset=utf-8", body);
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
        response
    });
    let mut headers = HeaderMap::new();
    headers.insert("accept-language", HeaderValue::from_static("de"));
    for format in [own.clone(), own] {
        let response = format.render_bytes(refusal(), &headers);
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(response.headers()["tollgate-refusal"], "rate_limited");
        assert_eq!(response.headers()["retry-after"], "2");
        let cached: Vec<_> = response.headers().get_all("cache-control").iter().collect();
        assert_eq!(cached, ["no-store"]);
        assert_eq!(response.extensions().get(), Some(&RefusalKind::RateLimited));
        assert_eq!(response.body(), "<h1>Bitte später noch einmal</h1>");
    }
}
