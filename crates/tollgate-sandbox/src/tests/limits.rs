use std::time::Duration;

use serde_json::json;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn message(number: &str, ip: &str) -> Value {
    json!({ "destination": number, "text": "Hello", "clientIp": ip })
}

#[tokio::test]
async fn an_address_over_its_limit_is_told_when_to_come_back() {
    let (sandbox, clock) = with_fake_clock();
    let sandbox = sandbox.with_ip_limit(2, MINUTE);
    assert_eq!(post(&sandbox, SMS, message("6591234561", "203.0.113.7")).await.status, 200);
    clock.advance(Duration::from_secs(20));
    let start = json!({ "destination": "6591234562", "clientIp": "203.0.113.7" });
    assert_eq!(post(&sandbox, SESSIONS, start).await.status, 200);

    let limited = post(&sandbox, SMS, message("6591234563", "203.0.113.7")).await;
    assert_eq!(limited.error(), (429, 429));
    assert_eq!(limited.headers["retry-after"], "40");
    assert_eq!(limited.body["message"], "Quota exceeded. Please try again in 40 second(s).");

    let other = post(&sandbox, SMS, message("6591234563", "203.0.113.8")).await;
    assert_eq!(other.status, 200);
    let nobodys = post(&sandbox, SMS, json!({ "destination": "6591234563", "text": "Hello" })).await;
    assert_eq!(nobodys.status, 200);
    clock.advance(Duration::from_secs(40));
    assert_eq!(post(&sandbox, SMS, message("6591234563", "203.0.113.7")).await.status, 200);
}

#[tokio::test]
async fn a_batch_counts_each_message_for_its_own_address_or_else_the_batchs() {
    let sandbox = Sandbox::new().with_ip_limit(2, MINUTE);
    let batch = |own: &[Option<&str>]| {
        let messages: Value = own
            .iter()
            .map(|ip| json!({ "destination": "6591234567", "text": "Hello", "clientIp": ip }))
            .collect();
        json!({ "clientIp": "203.0.113.7", "messages": messages })
    };
    let three = post(&sandbox, BATCH, batch(&[None, None, None])).await;
    assert_eq!(three.error(), (429, 429));
    let spread = post(&sandbox, BATCH, batch(&[None, None, Some("203.0.113.8")])).await;
    assert_eq!(spread.body["acceptedCount"], 3, "nothing of the refused batch counted");
    let another = post(&sandbox, BATCH, batch(&[Some("203.0.113.8"), None])).await;
    assert_eq!(another.error(), (429, 429));
}

#[tokio::test]
async fn a_number_gets_ten_messages_in_thirty_minutes_whoever_asks() {
    let (sandbox, clock) = with_fake_clock();
    let sandbox = sandbox.with_number_limit(10, 30 * MINUTE);
    for i in 0..10 {
        let body = message("+6591234567", &format!("203.0.113.{i}"));
        assert_eq!(post(&sandbox, SMS, body).await.status, 200);
        clock.advance(MINUTE);
    }
    let limited = post(&sandbox, SESSIONS, json!({ "destination": "9123 4567", "country": "SG" })).await;
    assert_eq!(limited.error(), (429, 429));
    assert_eq!(limited.headers["retry-after"], "1200");
    assert_eq!(sandbox.last_code("6591234567"), None, "no session was started");
    let survey = "/api/v1/subaccounts/acme/surveys/s1/messages";
    assert_eq!(post(&sandbox, survey, json!({ "destination": "6591234567" })).await.error(), (429, 429));
    clock.advance(20 * MINUTE);
    assert_eq!(post(&sandbox, SMS, message("6591234567", "203.0.113.7")).await.status, 200);
}

#[tokio::test]
async fn rejected_messages_count_for_nothing() {
    let sandbox = Sandbox::new().with_ip_limit(1, MINUTE).with_number_limit(1, MINUTE);
    for _ in 0..3 {
        let reply = post(&sandbox, SMS, message("6591230000", "203.0.113.7")).await;
        assert_eq!(reply.body["status"]["code"], "REJECTED");
    }
    assert_eq!(post(&sandbox, SMS, message("6591234567", "203.0.113.7")).await.status, 200);
}
