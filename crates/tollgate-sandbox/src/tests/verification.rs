use std::time::Duration;

use serde_json::json;

use super::*;

const NUMBER: &str = "+6591234567";

async fn start(sandbox: &Sandbox, mut options: Value) -> Reply {
    options["destination"] = NUMBER.into();
    post(sandbox, SESSIONS, options).await
}

async fn check(sandbox: &Sandbox, session: &Reply, code: &str) -> Reply {
    get(sandbox, &format!("{}?code={code}", session.text("verifyUri"))).await
}

#[tokio::test]
async fn a_verification_goes_from_waiting_over_a_wrong_code_to_verified() {
    let (sandbox, _) = with_fake_clock();
    let started = start(&sandbox, json!({})).await;
    assert_eq!(started.status, 200);
    assert_eq!(started.body["status"], "WAITING");
    assert_eq!(started.body["destination"], NUMBER);
    assert_eq!(started.body["expiresAt"], "2026-01-01T00:05:00.00Z");
    assert_eq!(started.body["retryAfter"], "2026-01-01T00:00:10.00Z");
    let id = started.text("sessionId");
    assert_eq!(started.body["verifyUri"], format!("/api/v2/subaccounts/acme/sessions/{id}"));

    let code = sandbox.code_of(&id).unwrap();
    assert_eq!(code.len(), 4);
    assert_eq!(sandbox.last_code("+65 (9123) 45-67"), Some(code.clone()));

    let wrong = check(&sandbox, &started, "wrong").await;
    assert_eq!((&wrong.body["status"], &wrong.body["attempt"]), (&json!("WAITING"), &json!(1)));
    let right = check(&sandbox, &started, &code).await;
    assert_eq!((&right.body["status"], &right.body["attempt"]), (&json!("VERIFIED"), &json!(1)));
}

#[tokio::test]
async fn the_fifth_wrong_code_fails_for_good() {
    let (sandbox, _) = with_fake_clock();
    let started = start(&sandbox, json!({})).await;
    for _ in 0..4 {
        assert_eq!(check(&sandbox, &started, "wrong").await.body["status"], "WAITING");
    }
    assert_eq!(check(&sandbox, &started, "wrong").await.body["status"], "FAILED");
    let code = sandbox.last_code(NUMBER).unwrap();
    let late = check(&sandbox, &started, &code).await;
    assert_eq!((&late.body["status"], &late.body["attempt"]), (&json!("FAILED"), &json!(5)));
}

#[tokio::test]
async fn reading_the_status_changes_nothing() {
    let (sandbox, _) = with_fake_clock();
    let started = start(&sandbox, json!({})).await;
    for _ in 0..6 {
        let read = get(&sandbox, &started.text("verifyUri")).await;
        assert_eq!(read.body, started.body);
    }
}

#[tokio::test]
async fn a_session_expires_after_its_validity() {
    let (sandbox, clock) = with_fake_clock();
    let started = start(&sandbox, json!({ "codeValidity": 30 })).await;
    let code = sandbox.last_code(NUMBER).unwrap();
    clock.advance(Duration::from_secs(30));
    let late = check(&sandbox, &started, &code).await;
    assert_eq!((&late.body["status"], &late.body["attempt"]), (&json!("EXPIRED"), &json!(0)));
}

#[tokio::test]
async fn a_repeat_within_the_interval_is_forbidden() {
    let (sandbox, clock) = with_fake_clock();
    start(&sandbox, json!({})).await;
    clock.advance(Duration::from_secs(9));
    assert_eq!(start(&sandbox, json!({})).await.error(), (403, 1400));
    assert_eq!(start(&sandbox, json!({ "resetSession": true })).await.error(), (403, 1400));
    clock.advance(Duration::from_secs(1));
    assert_eq!(start(&sandbox, json!({ "resendingInterval": 60 })).await.error(), (403, 1400));
    assert_eq!(start(&sandbox, json!({})).await.status, 200);
}

#[tokio::test]
async fn a_number_written_another_way_is_the_same_number() {
    let (sandbox, _) = with_fake_clock();
    start(&sandbox, json!({})).await;
    for same in [
        json!({ "destination": "6591234567" }),
        json!({ "destination": "+65 (9123)-4567" }),
        json!({ "destination": "9123 4567", "country": "SG" }),
    ] {
        assert_eq!(post(&sandbox, SESSIONS, same).await.error(), (403, 1400));
    }
}

#[tokio::test]
async fn a_resend_keeps_session_and_code_and_extends_the_validity() {
    let (sandbox, clock) = with_fake_clock();
    let first = start(&sandbox, json!({})).await;
    check(&sandbox, &first, "wrong").await;
    let code = sandbox.last_code(NUMBER);
    clock.advance(Duration::from_secs(200));
    let again = start(&sandbox, json!({ "resetSession": false })).await;
    assert_eq!(again.body["sessionId"], first.body["sessionId"]);
    assert_eq!(again.body["attempt"], 1);
    assert_eq!(again.body["expiresAt"], "2026-01-01T00:08:20.00Z");
    assert_eq!(sandbox.last_code(NUMBER), code);
    clock.advance(Duration::from_secs(200));
    assert_eq!(check(&sandbox, &first, &code.unwrap()).await.body["status"], "VERIFIED");
}

#[tokio::test]
async fn a_reset_makes_a_new_session_and_ends_the_old_one() {
    let (sandbox, clock) = with_fake_clock();
    let options = json!({ "resetSession": true, "codeLength": 10 });
    let first = start(&sandbox, options.clone()).await;
    let old = sandbox.last_code(NUMBER).unwrap();
    clock.advance(Duration::from_secs(10));
    let second = start(&sandbox, options).await;
    let new = sandbox.last_code(NUMBER).unwrap();
    assert_ne!(second.body["sessionId"], first.body["sessionId"]);
    assert_ne!(new, old);
    assert_eq!(check(&sandbox, &first, &old).await.body["status"], "EXPIRED");
    assert_eq!(check(&sandbox, &second, &old).await.body["status"], "WAITING");
    assert_eq!(check(&sandbox, &second, &new).await.body["status"], "VERIFIED");
}

#[tokio::test]
async fn a_session_that_is_over_is_followed_by_a_new_one() {
    let (sandbox, clock) = with_fake_clock();
    let first = start(&sandbox, json!({})).await;
    check(&sandbox, &first, &sandbox.last_code(NUMBER).unwrap()).await;
    clock.advance(Duration::from_secs(10));
    let second = start(&sandbox, json!({})).await;
    assert_ne!(second.body["sessionId"], first.body["sessionId"]);
    assert_eq!(get(&sandbox, &first.text("verifyUri")).await.body["status"], "VERIFIED");
}

#[tokio::test]
async fn a_session_is_found_by_its_own_subaccount_alone() {
    let (sandbox, _) = with_fake_clock();
    let id = start(&sandbox, json!({})).await.text("sessionId");
    let dashed = id.parse::<uuid::Uuid>().unwrap().hyphenated().to_string();
    assert_eq!(get(&sandbox, &format!("{SESSIONS}/{dashed}")).await.status, 200);
    for unknown in [
        format!("/api/v2/subaccounts/other/sessions/{id}"),
        format!("{SESSIONS}/{}", uuid::Uuid::new_v4()),
        format!("{SESSIONS}/not-a-uuid"),
    ] {
        assert_eq!(get(&sandbox, &unknown).await.error(), (404, 1404), "{unknown}");
    }
    assert_eq!(get(&sandbox, &format!("{SESSIONS}/{id}?code=12")).await.error(), (400, 1000));
}

#[tokio::test]
async fn the_code_is_of_the_kind_asked_for() {
    let (sandbox, _) = with_fake_clock();
    start(&sandbox, json!({ "codeLength": 8, "codeType": "NUMERIC_WITH_DASH" })).await;
    let code = sandbox.last_code(NUMBER).unwrap();
    assert_eq!((code.len(), code.find('-')), (8, Some(3)));
}

#[tokio::test]
async fn a_person_can_be_played_with_curl() {
    let (sandbox, _) = with_fake_clock();
    let id = start(&sandbox, json!({})).await.text("sessionId");
    let request = Request::get(format!("/_sandbox/sessions/{id}/code"));
    let reply = send(&sandbox, request.body(Body::empty()).unwrap()).await;
    assert_eq!(Some(reply.text("code")), sandbox.code_of(&id));
    assert_eq!(get(&sandbox, "/_sandbox/sessions/unknown/code").await.error(), (404, 1404));
}

#[tokio::test]
async fn a_silent_verification_succeeds_when_its_url_is_opened() {
    let (sandbox, _) = with_fake_clock();
    let started = start(&sandbox, json!({ "channel": "sma" })).await;
    let url = started.body["sma"]["verificationUrl"].as_str().unwrap().to_owned();
    let path = url.strip_prefix("http://localhost").unwrap();
    assert_eq!(get(&sandbox, path).await.status, 204);
    assert_eq!(get(&sandbox, &started.text("verifyUri")).await.body["status"], "VERIFIED");
}
