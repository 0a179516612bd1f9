//! What becomes of messages, learned on the road from a sandbox that behaves like 8x8.

use super::*;

const WEBHOOK: &str = "[listen]\nwebhook_secret_env = \"HOOK\"\n";

/// Many messages come from one client here.
const UNLIMITED: &str = "[[rate_limit]]\nname = \"none\"\nrequests = 100000\nper = \"1m\"\n";

async fn start(road: &Road, client: &str, number: &str) -> String {
    let answer = road.post(VERIFY, client, to(number)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["sessionId"].as_str().unwrap().to_owned()
}

async fn check(road: &Road, client: &str, session: &str, code: &str) -> Answer {
    road.get(&format!("{VERIFY}/{session}?code={code}"), client).await
}

#[tokio::test]
async fn ten_guesses_at_one_number_are_all_over_however_many_sessions_and_clients() {
    let road = Road::with(&format!("{RULE}{UNLIMITED}")).await;
    let session = start(&road, "203.0.113.1", "+6591234567").await;
    let mut checked = 0;
    for n in 0..30 {
        // 8x8 takes five guesses a session; a session once started may be guessed at from anywhere.
        let answer = check(&road, &format!("198.51.100.{n}"), &session, "00000").await;
        checked += usize::from(answer.refusal.is_none());
    }
    assert_eq!(checked, 10);
    check(&road, "203.0.113.1", &session, "00000").await.is_refused("code_guesses", 429);
}

#[tokio::test]
async fn who_verifies_is_told_from_who_does_not() {
    let road = Road::with(&format!("{RULE}{UNLIMITED}")).await;
    for n in 0..20 {
        let client = format!("203.0.113.{n}");
        let session = start(&road, &client, &format!("+659{:07}", 1_000_000 + n * 240_007)).await;
        let code = road.sandbox.code_of(&session).unwrap();
        assert_eq!(check(&road, &client, &session, &code).await.body["status"], "VERIFIED");
    }
    // Twenty have verified: from here on, a range of which nobody does is told by that.
    let mut stopped = Vec::new();
    for n in 0..12 {
        let number = format!("+628123456{:04}", n * 733 % 10_000);
        let answer = road.post(VERIFY, &format!("198.51.100.{n}"), to(&number)).await;
        if answer.status != 200 {
            stopped.push(answer);
        }
    }
    assert!(stopped.len() >= 6, "{stopped:?}");
    assert_eq!(stopped.last().unwrap().body["reasons"][0], "range_conversion", "{stopped:?}");
}

#[tokio::test]
async fn who_gives_back_a_code_of_the_apps_own_is_told_by_its_feedback_to_8x8() {
    let road = Road::with(&format!("{RULE}{UNLIMITED}")).await;
    for n in 0..20 {
        let client = format!("203.0.113.{n}");
        let sent = road.post(SINGLE, &client, to(&format!("+659{:07}", 1_000_000 + n * 240_007))).await;
        let umid = sent.body["umid"].as_str().unwrap();
        let told = road.post(&format!("{SINGLE}/{umid}/feedback"), &client, r#"{"outcome":"success"}"#).await;
        assert_eq!((told.status, told.refusal), (200, None));
    }
    // As after verifications: see above.
    let mut last = None;
    for n in 0..12 {
        let number = format!("+628123456{:04}", n * 733 % 10_000);
        last = Some(road.post(SINGLE, &format!("198.51.100.{n}"), to(&number)).await);
    }
    assert_eq!(last.unwrap().body["reasons"][0], "range_conversion");
    // What 8x8 is told of, it gets as it was told.
    let received = road.received();
    assert_eq!(
        received.iter().filter(|body| **body == serde_json::json!({"outcome": "success"})).count(),
        20
    );
}

#[tokio::test]
async fn receipts_are_taken_from_whoever_shows_the_secret() {
    let road = Road::with(&format!("{WEBHOOK}{RULE}{UNLIMITED}")).await;
    let umid =
        road.post(SINGLE, "203.0.113.1", to("+6591234567")).await.body["umid"].as_str().unwrap().to_owned();
    let receipt = format!(
        r#"{{"namespace":"SMS","eventType":"outbound_message_status_changed","payload":{{"umid":"{umid}","status":{{"state":"undelivered","timestamp":"2026-01-01T00:00:00Z"}}}}}}"#
    );
    let post = |authorization: &str, body: &str| {
        let request = road.client.post(format!("http://{}/webhooks/8x8", road.gateway));
        road.send(request.header("authorization", authorization).body(body.to_owned()))
    };
    assert_eq!(post("secret", &receipt).await.status, 200);
    assert_eq!(post("secret", r#"{"eventType":"inbound_message_received"}"#).await.status, 200);
    assert_eq!(post("Bearer secret", &receipt).await.status, 401);
    assert_eq!(post("secret", "{").await.status, 400);
    assert_eq!(post("secret", &" ".repeat(70_000)).await.status, 400);

    // Without a secret there is no such place.
    let road = Road::start().await;
    let answer = road.post("/webhooks/8x8", "203.0.113.1", receipt).await;
    answer.is_refused("unknown_endpoint", 404);
}
