use serde_json::json;

use super::*;

const ACCOUNT: &str = "/api/v1/accounts/91b106f0-c0da-4aba-a43a-7af9c5893a80";

#[tokio::test]
async fn a_call_without_a_key_is_not_authenticated() {
    let any = Sandbox::new();
    let one = Sandbox::new().with_api_key("the-key".to_owned());
    for (sandbox, authorization, expected) in [
        (&any, None, 401),
        (&any, Some("Bearer "), 401),
        (&any, Some("Bearer"), 401),
        (&any, Some("Basic a2V5"), 401),
        (&any, Some("Bearer a-key"), 200),
        (&any, Some("bearer a-key"), 200),
        (&one, Some("Bearer a-key"), 401),
        (&one, Some("Bearer the-key"), 200),
    ] {
        let mut request = Request::get(format!("{ACCOUNT}/balance"));
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let reply = send(sandbox, request.body(Body::empty()).unwrap()).await;
        assert_eq!(reply.status.as_u16(), expected, "{authorization:?}");
        if expected == 401 {
            assert_eq!(reply.error(), (401, 1200));
        }
    }
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_allowed_come_in_the_envelope() {
    let sandbox = Sandbox::new();
    for path in [
        "/",
        "/api/v1/subaccounts/acme",
        "/api/v1/subaccounts/acme/Messages",
        "/api/v2/subaccounts/acme/messages",
        "/api/v1/subaccounts/acme/messages/",
        "/_sandbox/nothing",
    ] {
        assert_eq!(get(&sandbox, path).await.error(), (404, 1300), "{path}");
    }
    for path in [SMS, BATCH, SESSIONS] {
        let reply = get(&sandbox, path).await;
        assert_eq!(reply.error(), (405, 1000), "{path}");
        assert_eq!(reply.headers["allow"], "POST");
    }
    let bad_path = get(&sandbox, "/api/v1/subaccounts/%ff%fe/phones/1").await;
    assert_eq!(bad_path.error(), (400, 1000));
}

#[tokio::test]
async fn a_body_over_16_mib_is_refused_in_the_envelope() {
    let sandbox = Sandbox::new();
    let body = vec![b' '; 16 * 1024 * 1024 + 1];
    assert_eq!(call(&sandbox, Method::POST, SMS, body).await.error(), (413, 1000));
    let mut body = json!({ "destination": "6591234567", "text": "x" }).to_string().into_bytes();
    body.resize(16 * 1024 * 1024, b' ');
    assert_eq!(call(&sandbox, Method::POST, SMS, body).await.status, 200);
}

#[tokio::test]
async fn a_lookup_tells_what_the_shape_of_a_number_tells() {
    let sandbox = Sandbox::new();
    let phone = |rest: &str| format!("/api/v1/subaccounts/acme/phones/{rest}");
    for (path, number, phone_type, country) in [
        ("+6591234567", "+6591234567", "Mobile", json!("SG")),
        ("%2B6591234567?type=live", "+6591234567", "Mobile", json!("SG")),
        ("081234567890?country=ID", "+6281234567890", "Mobile", json!("ID")),
        ("15108675310", "+15108675310", "FixedLineOrMobile", Value::Null),
        ("+79123456789", "+79123456789", "Unknown", Value::Null),
    ] {
        let reply = get(&sandbox, &phone(path)).await;
        assert_eq!(reply.body["phoneNumber"], number);
        assert_eq!(reply.body["phoneType"], phone_type);
        assert_eq!(reply.body["country"], country);
        assert_eq!(reply.body["status"]["state"], "ok");
    }
    for (path, code) in [
        ("081234567890", 1002),
        ("+123", 1002),
        ("6591234567?country=SGP", 1009),
        ("6591234567?type=all", 1000),
    ] {
        assert_eq!(get(&sandbox, &phone(path)).await.error(), (400, code), "{path}");
    }
}

#[tokio::test]
async fn prices_are_filtered_as_asked() {
    let sandbox = Sandbox::new();
    let countries =
        |reply: &Reply| reply.body["subAccounts"][0]["outbound"][0]["countries"].as_array().map(Vec::len);
    for (query, count) in [
        ("", Some(3)),
        ("?country=sg", Some(1)),
        ("?mcc=510&mnc=10", Some(1)),
        ("?country=SG&mcc=510&mnc=10", Some(0)),
        ("?direction=inbound", None),
    ] {
        let reply = get(&sandbox, &format!("{ACCOUNT}/prices{query}")).await;
        assert_eq!(countries(&reply), count, "{query}");
    }
    for (query, code) in
        [("?mcc=510", 1000), ("?mcc=x&mnc=1", 1000), ("?direction=up", 1000), ("?country=SGP", 1009)]
    {
        let reply = get(&sandbox, &format!("{ACCOUNT}/prices{query}")).await;
        assert_eq!(reply.error(), (400, code), "{query}");
    }
    let bad_account = get(&sandbox, "/api/v1/accounts/me/balance").await;
    assert_eq!(bad_account.error(), (400, 1000));
}

#[tokio::test]
async fn webhooks_are_replaced_by_url_and_deleted_by_subaccount() {
    let sandbox = Sandbox::new();
    let path = format!("{ACCOUNT}/webhooks");
    let oauth = json!({
        "url": "https://auth.example.com/token", "clientId": "me", "clientSecret": "secret",
        "credentialsLocation": "header", "scope": "read write",
    });
    let add = json!([
        { "subAccountId": "*", "url": "https://example.com/a", "httpAuthorization": "Bearer secret" },
        { "subAccountId": "acme", "url": "https://example.com/b", "oauth": oauth, "enabled": false },
    ]);
    assert_eq!(post(&sandbox, &path, add.clone()).await.status, 200);
    assert_eq!(post(&sandbox, &path, add).await.status, 200);
    let listed = get(&sandbox, &path).await.body;
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(listed[0]["httpAuthorization"], "***");
    assert_eq!(listed[1]["oauth"]["clientSecret"], "***");

    for wrong in [
        json!({}),
        json!([1]),
        json!([{ "url": "https://example.com" }]),
        json!([{ "subAccountId": "*" }]),
        json!([{ "subAccountId": "*", "url": "x" }]),
        json!([{ "subAccountId": "*", "url": "https://example.com", "oauth": {} }]),
    ] {
        assert_eq!(post(&sandbox, &path, wrong).await.error(), (400, 1000));
    }
    let gone = json!([{ "subAccountId": "*" }]).to_string();
    assert_eq!(call(&sandbox, Method::DELETE, &path, gone).await.status, 200);
    assert_eq!(get(&sandbox, &path).await.body[0]["url"], "https://example.com/b");
}

#[tokio::test]
async fn an_export_ends_at_once_and_is_empty() {
    let sandbox = Sandbox::new();
    let exports = format!("{SMS}/exports");
    let body = json!({ "from": "2026-01-01", "to": "2026-01-02T00:00:00Z", "countries": ["SG"] });
    let started = post(&sandbox, &exports, body).await;
    assert_eq!(started.status, 202);
    let job = format!("{exports}/{}", started.text("jobId"));
    assert_eq!(get(&sandbox, &job).await.body, json!({ "status": "empty" }));
    assert_eq!(delete(&sandbox, &job).await.status, 204);
    assert_eq!(get(&sandbox, &job).await.error(), (404, 4018));
    assert_eq!(delete(&sandbox, &job).await.error(), (404, 4018));
    for (wrong, code) in [
        (json!({ "from": "yesterday" }), 1000),
        (json!({ "countries": ["SGP"] }), 1009),
        (json!({ "limit": "5" }), 1000),
    ] {
        assert_eq!(post(&sandbox, &exports, wrong).await.error(), (400, code));
    }
}

#[test]
fn a_sandbox_is_cheap_to_share_and_hides_its_key() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Sandbox>();
    let sandbox = Sandbox::new().with_api_key("the-key".to_owned());
    assert!(!format!("{sandbox:?}").contains("the-key"));
}
