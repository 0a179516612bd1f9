use serde_json::json;

use super::*;

#[tokio::test]
async fn a_request_is_recorded_as_it_arrived() {
    let sandbox = Sandbox::new();
    let body = " {\"text\":\"x\",\"destination\":\"6591234567\",\"n\":1.50, \"clientIp\":\"203.0.113.7\"}";
    let request = Request::post(format!("{SMS}?a=%20b"))
        .header("authorization", "Bearer a-key")
        .header("x-twice", "1")
        .header("x-twice", "2")
        .header("x-bytes", http::HeaderValue::from_bytes(b"caf\xe9").unwrap())
        .body(Body::from(body))
        .unwrap();
    send(&sandbox, request).await;

    let recorded = sandbox.requests().remove(0);
    assert_eq!(
        (recorded.method.as_str(), recorded.path.as_str()),
        ("POST", "/api/v1/subaccounts/acme/messages?a=%20b")
    );
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        recorded.headers,
        [
            header("authorization", "Bearer a-key"),
            header("x-twice", "1"),
            header("x-twice", "2"),
            header("x-bytes", "café"),
        ]
    );
    assert_eq!(recorded.body.bytes(), body.as_bytes());
    assert_eq!(
        serde_json::to_string(&recorded).unwrap(),
        format!(
            "{{\"method\":\"POST\",\"path\":\"/api/v1/subaccounts/acme/messages?a=%20b\",\"headers\":\
             [[\"authorization\",\"Bearer a-key\"],[\"x-twice\",\"1\"],[\"x-twice\",\"2\"],[\"x-bytes\",\"café\"]],\
             \"body\":{}}}",
            body.trim()
        )
    );
}

#[tokio::test]
async fn everything_is_listed_newest_last_but_the_listing_itself() {
    let sandbox = Sandbox::new();
    call(&sandbox, Method::PUT, "/nowhere", "no json").await;
    get(&sandbox, "/api/v1/subaccounts/acme/phones/+6591234567").await;
    for _ in 0..2 {
        let request = Request::get("/_sandbox/requests").body(Body::empty()).unwrap();
        let listed = send(&sandbox, request).await.body;
        assert_eq!(listed.as_array().unwrap().len(), 2);
        assert_eq!(
            (&listed[0]["method"], &listed[0]["path"], &listed[0]["body"]),
            (&json!("PUT"), &json!("/nowhere"), &json!("no json"))
        );
        assert_eq!(listed[0]["headers"][0], json!(["authorization", "Bearer a-key"]));
        assert_eq!(listed[1]["body"], Value::Null);
    }
    let request = Request::delete("/_sandbox/requests").body(Body::empty()).unwrap();
    assert_eq!(send(&sandbox, request).await.status, 204);
    assert_eq!(sandbox.requests(), []);
}

#[tokio::test]
async fn a_request_that_is_refused_is_recorded_too() {
    let sandbox = Sandbox::new().with_api_key("the-key".to_owned());
    assert_eq!(post(&sandbox, SMS, json!({})).await.error(), (401, 1200));
    assert_eq!(sandbox.requests().len(), 1);
}

#[tokio::test]
async fn only_the_newest_requests_are_kept() {
    let sandbox = Sandbox::new().with_max_recorded(3);
    for i in 0..10 {
        get(&sandbox, &format!("/{i}")).await;
    }
    let paths: Vec<_> = sandbox.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/7", "/8", "/9"]);
}

#[tokio::test]
async fn clearing_keeps_the_sessions() {
    let sandbox = Sandbox::new();
    post(&sandbox, SESSIONS, json!({ "destination": "+6591234567" })).await;
    sandbox.clear();
    assert_eq!(sandbox.requests(), []);
    assert!(sandbox.last_code("+6591234567").is_some());
}
