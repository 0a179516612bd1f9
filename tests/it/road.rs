//! The main job: requests go through all four layers and arrive with the right `clientIp`.

use serde_json::json;

use super::*;

#[tokio::test]
async fn every_dispatch_arrives_with_the_address_the_chain_vouches_for() {
    let road = Road::start().await;
    for (path, number) in [(SINGLE, "+6591234567"), (VERIFY, "+6591234568")] {
        let answer = road.post(path, "203.0.113.7", to(number)).await;
        assert_eq!((answer.status, answer.refusal), (200, None), "{path}");
        assert_eq!(road.received()[0]["clientIp"], "203.0.113.7");
    }
    let answer =
        road.post(BATCH, "2001:db8::7", r#"{"messages":[{"destination":"+6591234569","text":"x"}]}"#).await;
    assert_eq!(answer.body["acceptedCount"], 1);
    let received = road.received();
    assert_eq!(received[0]["clientIp"], "2001:db8::7");
    assert_eq!(received[0]["messages"][0], json!({ "destination": "+6591234569", "text": "x" }));
}

#[tokio::test]
async fn whatever_the_client_puts_into_headers_or_body_changes_nothing() {
    let road = Road::start().await;
    let forged = [
        r#"{"destination":"+659123456N","text":"x","clientIp":"8.8.8.8"}"#,
        r#"{"clientIp":"8.8.8.8","destination":"+659123456N","text":"x","clientIp":"8.8.8.8"}"#,
        r#"{"ClientIP":"8.8.8.8","destination":"+659123456N","text":"x","clien\u0074Ip":"8.8.8.8","CLIENTIP":{}}"#,
    ];
    for (n, body) in forged.iter().enumerate() {
        let body = body.replace('N', &n.to_string());
        let request = road
            .request(SINGLE, "8.8.8.8, 203.0.113.7")
            .header("x-real-ip", "8.8.8.8")
            .header("forwarded", "for=8.8.8.8")
            .header("client-ip", "8.8.8.8")
            .header("true-client-ip", "8.8.8.8")
            .body(body);
        assert_eq!(road.send(request).await.status, 200);
        let received = road.received();
        let text = received[0].to_string();
        assert_eq!(received[0]["clientIp"], "203.0.113.7");
        assert!(!text.contains("8.8.8.8"), "{text}");
    }
    let body = r#"{"messages":[{"clientIp":"8.8.8.8","destination":"+6591234567","text":"x","ClientIp":"8.8.8.8"}],"CLIENTip":"8.8.8.8"}"#;
    road.post(BATCH, "203.0.113.7", body).await;
    let received = road.received();
    assert!(!received[0].to_string().contains("8.8.8.8"));
    assert_eq!(received[0]["clientIp"], "203.0.113.7");
}

#[tokio::test]
async fn a_header_of_a_peer_that_is_not_trusted_changes_nothing() {
    let road = Road::with("[injector]\nunusable_address = \"pass\"\n").await;
    let answer = road.post(SINGLE, "203.0.113.7", to("+6591234567")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(road.received()[0]["clientIp"], "127.0.0.1");
}

#[tokio::test]
async fn a_batch_of_ten_thousand_arrives_whole() {
    let road = Road::start().await;
    let messages: Vec<_> = (0..10_000)
        .map(|n| {
            // The sandbox rejects numbers that end in four zeros.
            json!({ "destination": format!("+62812{:07}", 1_000_001 + n * 3), "text": format!("n {n} é"), "clientIp": "8.8.8.8" })
        })
        .collect();
    let body = json!({ "messages": messages }).to_string();
    let answer = road.post(BATCH, "203.0.113.7", body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let accepted = answer.body["acceptedCount"].as_u64().unwrap();
    assert_eq!(accepted + answer.body["rejectedCount"].as_u64().unwrap(), 10_000);
    assert!(accepted >= 9_990);
    let received = road.received();
    assert_eq!(received[0]["clientIp"], "203.0.113.7");
    let messages = received[0]["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 10_000);
    assert!(messages.iter().all(|message| message.get("clientIp").is_none()));
    assert_eq!(messages[9_999]["text"], "n 9999 é");
}

#[tokio::test]
async fn a_verification_is_started_checked_wrong_and_checked_right() {
    let road = Road::start().await;
    let session = road.post(VERIFY, "203.0.113.7", r#"{"destination":"+65 9123 4567","codeLength":6}"#).await;
    assert_eq!(session.body["status"], "WAITING");
    let id = session.body["sessionId"].as_str().unwrap().to_owned();
    let code = road.sandbox.code_of(&id).unwrap();
    let wrong = if code == "000000" { "111111" } else { "000000" };
    let check = |code: &str| format!("{VERIFY}/{id}?code={code}");
    let answer = road.get(&check(wrong), "203.0.113.7").await;
    assert_eq!(
        (answer.status, &answer.body["status"], &answer.body["attempt"]),
        (200, &"WAITING".into(), &1.into())
    );
    assert_eq!(road.get(&check(&code), "203.0.113.7").await.body["status"], "VERIFIED");
}

#[tokio::test]
async fn calls_known_to_send_nothing_pass_untouched() {
    let road = Road::start().await;
    let sent = road.post(SINGLE, "203.0.113.7", to("+6591234567")).await;
    let umid = sent.body["umid"].as_str().unwrap();
    road.sandbox.clear();
    let feedback = r#"{ "outcome" : "success" , "clientIp":"as it is" }"#;
    let answer = road.post(&format!("{SINGLE}/{umid}/feedback"), "203.0.113.7", feedback).await;
    assert_eq!((answer.status, answer.refusal), (200, None));
    let received = road.sandbox.requests();
    assert_eq!(received[0].body.text(), feedback);
    assert_eq!(received[0].header("authorization"), Some("Bearer key"));
    assert_eq!(received[0].header("x-forwarded-for"), None);
    assert_eq!(road.get("/api/v1/subaccounts/mine/phones/%2B6591234567", "203.0.113.7").await.status, 200);
    // 8x8's own errors are its own.
    let own = road.get("/api/v1/accounts/nobody/nothing", "203.0.113.7").await;
    assert_eq!((own.status, own.refusal), (404, None));
}

#[tokio::test]
async fn a_dispatch_without_client_ip_in_its_schema_carries_none_from_a_caller() {
    let road = Road::start().await;
    let body = r#"{"destination":"+6591234567","templateBody":"x","clientIp":"8.8.8.8"}"#;
    road.post("/api/v1/subaccounts/mine/surveys/7/messages", "203.0.113.7", body).await;
    assert_eq!(road.received()[0], json!({ "destination": "+6591234567", "templateBody": "x" }));
}

#[tokio::test]
async fn what_the_gateway_refused_can_be_sent_at_once_when_it_is_right() {
    // Documentation addresses are refused by the injector, after the guard has judged.
    let road = Road::with(&RULE.replace("\"pass\"", "\"refuse\"")).await;
    for _ in 0..10 {
        road.post(SINGLE, "203.0.113.7", to("+6591234567")).await.is_refused("unusable_address", 400);
    }
    assert_eq!(road.post(SINGLE, "8.8.4.4", to("+6591234567")).await.status, 200);
}

#[tokio::test]
async fn a_pumped_range_is_stopped_from_however_many_addresses() {
    let road = Road::start().await;
    let mut stopped = Vec::new();
    for n in 0..30 {
        let answer = road.post(SINGLE, &format!("198.51.100.{n}"), to(&format!("+62812345678{n:02}"))).await;
        if answer.status != 200 {
            stopped.push(answer);
        }
    }
    assert!(road.received().len() < 10);
    stopped[0].is_refused("challenge_required", 428);
    let answer = stopped.last().unwrap();
    answer.is_refused("pumping", 403);
    assert_eq!(answer.body["code"], 1201);
    assert_eq!(answer.body["reasons"], json!(["range_surprise"]));
    assert!(answer.body["message"].as_str().unwrap().contains("+6281234567xxx"), "{answer:?}");
    // Others are served all the while.
    assert_eq!(road.post(SINGLE, "203.0.113.7", to("+6591234567")).await.status, 200);
}
