//! Bad input gets its own clear error in 8x8's shape, and nothing is sent.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

#[tokio::test]
async fn each_fault_has_its_own_kind_and_nothing_is_sent() {
    let road = Road::start().await;
    let many = format!("{{\"destinations\":[{}]}}", vec!["\"not looked at\""; 10_001].join(","));
    let cases: [(&str, &str, &str, u16); 13] = [
        (SINGLE, "{", "invalid_json", 400),
        (SINGLE, r#"{"destination":"+6591234567"} {}"#, "invalid_json", 400),
        (SINGLE, "[]", "invalid_shape", 400),
        (SINGLE, r#"{"text":"x"}"#, "invalid_shape", 400),
        (SINGLE, r#"{"destination":"+6591234567","DESTINATION":"+19002345678"}"#, "ambiguous_key", 400),
        (BATCH, r#"{"messages":[],"destinations":["+6591234567"]}"#, "ambiguous_key", 400),
        (BATCH, &many, "too_many_destinations", 400),
        (SINGLE, r#"{"destination":"12","text":"x"}"#, "invalid_number", 400),
        (SINGLE, r#"{"destination":"+19002345678","text":"x"}"#, "number_blocked", 403),
        ("/api/v1/subaccounts/mine/messages/", "{}", "doubtful_path", 400),
        ("/api/v1/subaccounts/mine/callflows", "{}", "unknown_endpoint", 404),
        ("/api/v1/subaccounts/mine/%6dessages", "{}", "doubtful_path", 400),
        ("/api/v1//subaccounts/mine/messages", "{}", "doubtful_path", 400),
    ];
    for (n, (path, body, kind, status)) in cases.into_iter().enumerate() {
        road.post(path, &format!("203.0.113.{n}"), body.to_owned()).await.is_refused(kind, status);
    }
    for (name, value, kind, status) in [
        ("content-type", "text/plain", "content_type", 415),
        ("content-type", "application/json; charset=utf-16", "content_type", 415),
        ("content-encoding", "gzip", "content_encoding", 415),
        ("content-digest", "sha-256=:x:", "signed_body", 400),
        ("x-http-method-override", "GET", "method_override", 400),
    ] {
        let request = road
            .client
            .post(format!("http://{}{SINGLE}", road.gateway))
            .header("x-forwarded-for", "203.0.113.77");
        let request =
            if name == "content-type" { request } else { request.header("content-type", "application/json") };
        road.send(request.header(name, value).body(to("+6591234567"))).await.is_refused(kind, status);
    }
    let client = road.post(SINGLE, "not an address", to("+6591234567")).await;
    client.is_refused("client_ip_undetermined", 400);
    assert_eq!(client.body["code"], 1012);
    assert_eq!(road.received().len(), 0);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_it_says_its_length_or_not() {
    let road = Road::with(&format!("[listen]\nmax_body = 1000\n{RULE}")).await;
    let long = format!(r#"{{"destination":"+6591234567","text":"{}"}}"#, "x".repeat(1000));
    road.post(SINGLE, "203.0.113.7", long.clone()).await.is_refused("body_too_large", 413);
    let chunks = format!(
        "POST {SINGLE} HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\nX-Forwarded-For: 203.0.113.8\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n{:x}\r\n{long}\r\n0\r\n\r\n",
        long.len()
    );
    assert!(raw(road.gateway, &chunks).await.contains("tollgate-refusal: body_too_large"));
    assert_eq!(road.received().len(), 0);
}

#[tokio::test]
async fn a_host_that_differs_from_the_uri_is_refused() {
    let road = Road::start().await;
    let body = to("+6591234567");
    let request = |uri: &str| {
        format!(
            "POST {uri} HTTP/1.1\r\nHost: one.example\r\nContent-Type: application/json\r\nX-Forwarded-For: 203.0.113.7\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let answer = raw(road.gateway, &request(&format!("http://two.example{SINGLE}"))).await;
    assert!(answer.contains("tollgate-refusal: host_mismatch"), "{answer}");
    assert_eq!(road.received().len(), 0);
}

#[tokio::test]
async fn a_body_that_trickles_is_cut_off_in_time() {
    let road = Road::with(&format!("[listen]\nbody_timeout = \"500ms\"\n{RULE}")).await;
    let head = format!(
        "POST {SINGLE} HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\nX-Forwarded-For: 203.0.113.7\r\n\
         Content-Length: 100\r\nConnection: close\r\n\r\n{{"
    );
    let answer = tokio::time::timeout(Duration::from_secs(5), raw(road.gateway, &head)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("tollgate-refusal: body_timeout"), "{answer}");
    assert_eq!(road.received().len(), 0);
}

/// Sends bytes as they are, and reads to the end.
async fn raw(gateway: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(gateway).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}
