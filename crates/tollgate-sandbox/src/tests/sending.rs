use std::time::Duration;

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_message_is_queued_and_its_encoding_detected() {
    let (sandbox, _) = with_fake_clock();
    let reply = post(
        &sandbox,
        SMS,
        json!({ "destination": "+12025550275", "text": "Hello", "clientMessageId": "id-1" }),
    )
    .await;
    assert_eq!(reply.status, 200);
    let expected = json!({
        "umid": reply.text("umid"), "clientMessageId": "id-1", "destination": "12025550275", "encoding": "GSM7",
        "status": { "code": "QUEUED", "description": "SMS is accepted and queued for processing" },
    });
    assert_eq!(reply.body, expected);

    let reply = post(&sandbox, SMS, json!({ "destination": "12025550275", "text": "你好" })).await;
    assert_eq!(reply.body["encoding"], "UCS2");
    assert_eq!(reply.body["clientMessageId"], Value::Null);
}

#[tokio::test]
async fn a_rejection_is_answered_with_200() {
    let (sandbox, _) = with_fake_clock();
    for rejected in [
        json!({ "destination": "+6591230000", "text": "Hello" }),
        json!({ "destination": "+6591234567", "text": "Hello", "expiry": "2025-12-31T23:59:59Z" }),
    ] {
        let reply = post(&sandbox, SMS, rejected).await;
        assert_eq!((reply.status.as_u16(), &reply.body["status"]["code"]), (200, &json!("REJECTED")));
        let details = get(&sandbox, &format!("{SMS}/{}", reply.text("umid"))).await;
        assert_eq!(details.body["status"]["state"], "failed");
    }
}

#[tokio::test]
async fn a_batch_rejects_bad_messages_one_by_one() {
    let (sandbox, _) = with_fake_clock();
    let body = json!({
        "clientBatchId": "Demo#1001",
        "includeMessagesInResponse": true,
        "template": { "source": "AwesomeName", "text": "Hello" },
        "messages": [
            { "destination": "6598760001", "clientMessageId": "1" },
            { "destination": "+33509750003", "text": "เป็น" },
            { "destination": "not a number" },
            { "destination": "6598760002", "text": "" },
            { "destination": "6598760003", "source": "0123456789abcdefg" },
            { "destination": "6598760004", "expiry": "2025-12-31T00:00:00Z" },
            { "destination": "6598760000" },
        ],
    });
    let reply = post(&sandbox, BATCH, body).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body["clientBatchId"], "Demo#1001");
    assert_eq!((&reply.body["acceptedCount"], &reply.body["rejectedCount"]), (&json!(2), &json!(5)));
    let descriptions: Vec<_> = reply.body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["status"]["description"].as_str().unwrap())
        .collect();
    assert_eq!(
        descriptions,
        [
            "SMS is accepted and queued for processing",
            "SMS is accepted and queued for processing",
            "Invalid MSISDN format (not E.164 international number)",
            "Text value is missing",
            "Invalid Source value. Reached max allowed limit",
            "Expiry time already reached",
            "Internal server error",
        ]
    );
    assert_eq!(reply.body["messages"][1]["encoding"], "UCS2");
}

#[tokio::test]
async fn messages_win_over_destinations() {
    let (sandbox, _) = with_fake_clock();
    let body = json!({
        "messages": [{ "destination": "6598760001", "text": "Hello" }],
        "destinations": [1, "x"],
    });
    let reply = post(&sandbox, BATCH, body).await;
    assert_eq!((&reply.body["acceptedCount"], &reply.body["rejectedCount"]), (&json!(1), &json!(0)));
    assert_eq!(reply.body.get("messages"), None);
}

#[tokio::test]
async fn destinations_share_the_templates_text() {
    let (sandbox, _) = with_fake_clock();
    let with_text = json!({ "destinations": ["6598760001", "x"], "template": { "text": "Hello" } });
    let reply = post(&sandbox, BATCH, with_text).await;
    assert_eq!((&reply.body["acceptedCount"], &reply.body["rejectedCount"]), (&json!(1), &json!(1)));
    let reply = post(&sandbox, BATCH, json!({ "destinations": ["6598760001"] })).await;
    assert_eq!(reply.body["rejectedCount"], 1);
}

#[tokio::test]
async fn ten_thousand_messages_are_taken_and_one_more_is_not() {
    let (sandbox, _) = with_fake_clock();
    let number = |i| format!("659{i:06}1");
    let numbers = |count| -> Value { (0..count).map(number).collect() };
    let messages = |count| -> Value {
        (0..count).map(|i| json!({ "destination": number(i), "text": "Hello" })).collect()
    };
    let accepted = post(&sandbox, BATCH, json!({ "messages": messages(10_000) })).await;
    assert_eq!(accepted.body["acceptedCount"], 10_000);
    let refused = post(&sandbox, BATCH, json!({ "messages": messages(10_001) })).await;
    assert_eq!(refused.error(), (400, 1100));
    let refused = post(&sandbox, BATCH, json!({ "destinations": numbers(10_001) })).await;
    assert_eq!(refused.error(), (400, 1100));
}

#[tokio::test]
async fn a_message_can_be_asked_for() {
    let (sandbox, _) = with_fake_clock();
    let body = json!({ "destination": "+6591234567", "text": "a".repeat(300), "source": "Seller" });
    let umid = post(&sandbox, SMS, body).await.text("umid");
    let details = get(&sandbox, &format!("{SMS}/{umid}")).await;
    let expected = json!({
        "umid": umid, "subAccountId": "acme", "direction": "outbound", "msisdn": "+659123xxxx", "source": "Seller",
        "status": { "state": "delivered", "detail": "delivered_to_recipient", "timestamp": "2026-01-01T00:00:00.00Z" },
        "body": "**MASKED**", "encoding": "GSM7", "createdAt": "2026-01-01T00:00:00.00Z", "smsCount": 2,
        "price": { "total": 0.0024, "perSms": 0.0012, "currency": "EUR" },
    });
    assert_eq!(details.body, expected);

    let other = format!("/api/v1/subaccounts/other/messages/{umid}");
    assert_eq!(get(&sandbox, &other).await.error(), (404, 1300));
    assert_eq!(get(&sandbox, &format!("{SMS}/not-a-uuid")).await.error(), (400, 1000));
}

#[tokio::test]
async fn what_is_scheduled_can_be_cancelled_until_it_is_sent() {
    let (sandbox, clock) = with_fake_clock();
    let body = json!({
        "includeMessagesInResponse": true,
        "template": { "text": "Hello", "scheduled": "2026-01-01T01:00:00Z" },
        "destinations": ["6598760001", "6598760002", "6598760003", "x"],
    });
    let batch = post(&sandbox, BATCH, body.clone()).await;
    let first = format!("{SMS}/{}", batch.body["messages"][0]["umid"].as_str().unwrap());
    let whole = format!("{BATCH}/{}", batch.text("batchId"));
    assert_eq!(get(&sandbox, &first).await.body["status"]["state"], "queued");
    assert_eq!(delete(&sandbox, &first).await.body, json!({ "cancelledCount": 1 }));
    assert_eq!(delete(&sandbox, &first).await.body, json!({ "cancelledCount": 0 }));
    assert_eq!(delete(&sandbox, &whole).await.body, json!({ "cancelledCount": 2 }));

    let batch = post(&sandbox, BATCH, body).await;
    clock.advance(Duration::from_secs(3600));
    let whole = format!("{BATCH}/{}", batch.text("batchId"));
    assert_eq!(delete(&sandbox, &whole).await.body, json!({ "cancelledCount": 0 }));
}

#[tokio::test]
async fn feedback_and_erasure_are_taken_for_messages_that_are_known() {
    let (sandbox, _) = with_fake_clock();
    let body = json!({ "destination": "+6591234567", "text": "Hello", "track": "Outcome" });
    let umid = post(&sandbox, SMS, body).await.text("umid");
    let feedback = |umid: &str| format!("{SMS}/{umid}/feedback");
    let success = json!({ "outcome": "success", "timestamp": "2026-01-01T00:00:01.60Z" });
    assert_eq!(post(&sandbox, &feedback(&umid), success.clone()).await.status, 200);
    for (wrong, code) in [
        (json!({}), 1000),
        (json!({ "outcome": "Success" }), 1000),
        (json!({ "outcome": "failure", "timestamp": "now" }), 1000),
    ] {
        let reply = post(&sandbox, &feedback(&umid), wrong).await;
        assert_eq!(reply.error(), (400, code));
    }
    let unknown = uuid::Uuid::new_v4().to_string();
    assert_eq!(post(&sandbox, &feedback(&unknown), success).await.error(), (404, 1300));

    assert_eq!(delete(&sandbox, &format!("{SMS}/{umid}/pii")).await.status, 202);
    assert_eq!(get(&sandbox, &format!("{SMS}/{umid}")).await.body["msisdn"], "+xxxx");
    assert_eq!(delete(&sandbox, &format!("{SMS}/{unknown}/pii")).await.error(), (404, 1300));
}
