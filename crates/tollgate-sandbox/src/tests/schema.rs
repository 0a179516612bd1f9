use serde_json::json;

use super::*;

const SURVEY: &str = "/api/v1/subaccounts/acme/surveys/s1/messages";
const COVERAGE: &str = "/api/v2/subaccounts/acme/sma/coverage";

/// Each case is one change to a body that is right.
async fn expect(path: &str, right: &Value, cases: &[(&str, Value, u64)]) {
    let (sandbox, _) = with_fake_clock();
    assert_eq!(post(&sandbox, path, right.clone()).await.status, 200, "{right}");
    for (name, value, code) in cases {
        let mut body = right.clone();
        body[*name] = value.clone();
        let reply = post(&sandbox, path, body.clone()).await;
        assert_eq!(reply.error(), (400, *code), "{path} {body}");
    }
}

#[tokio::test]
async fn a_single_message_that_breaks_the_schema_is_refused_with_the_code_of_the_member() {
    let right = json!({
        "destination": "+6591234567", "country": "SG", "source": "0123456789abcdef", "clientMessageId": "é".repeat(350),
        "text": "Hello", "encoding": "AUTO", "scheduled": "2026-01-07T23:00:00Z", "expiry": "2026-01-08T01:00:00+01:00",
        "dlrCallbackUrl": "https://example.com/dlr", "clientIp": "2001:db8::1", "track": "Outcome", "unknown": 1,
    });
    expect(
        SMS,
        &right,
        &[
            ("destination", Value::Null, 1002),
            ("destination", json!(6591234567u64), 1002),
            ("destination", json!("+0591234567"), 1002),
            ("destination", json!("+65 9123 4567"), 1002),
            ("destination", json!("123456"), 1002),
            ("destination", json!("1234567890123456"), 1002),
            ("destination", json!("+६५९१२३४५६७"), 1002),
            ("country", json!("SGP"), 1009),
            ("source", json!("0123456789abcdefg"), 1005),
            ("source", json!(true), 1005),
            ("clientMessageId", json!("é".repeat(351)), 1008),
            ("text", Value::Null, 1004),
            ("text", json!(""), 1004),
            ("text", json!(["Hello"]), 1004),
            ("encoding", json!("auto"), 1003),
            ("scheduled", json!("tomorrow"), 1011),
            ("scheduled", json!("2026-01-09T00:00:00Z"), 1011),
            ("expiry", json!("2026-01-01"), 1006),
            ("dlrCallbackUrl", json!("/dlr"), 1000),
            ("clientIp", json!("203.0.113.7:443"), 1012),
            ("clientIp", json!("[2001:db8::1]"), 1012),
            ("clientIp", json!("fe80::1%eth0"), 1012),
            ("clientIp", json!("unknown"), 1012),
            ("clientIp", json!(""), 1012),
            ("clientIp", json!(7), 1012),
            ("track", json!("outcome"), 1000),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_batch_that_breaks_the_schema_is_refused_as_a_whole() {
    let item = json!({ "destination": "6591234567", "text": "Hello" });
    let with = |name: &str, value: Value| {
        let mut item = item.clone();
        item[name] = value;
        json!([item])
    };
    let right = json!({ "messages": [item], "clientBatchId": "Demo#1001", "clientIp": "203.0.113.7" });
    expect(
        BATCH,
        &right,
        &[
            ("messages", Value::Null, 1000),
            ("messages", json!([]), 1000),
            ("messages", json!({}), 1000),
            ("messages", json!(["6591234567"]), 1000),
            ("messages", with("destination", Value::Null), 1002),
            ("messages", with("destination", json!(6591234567u64)), 1002),
            ("messages", with("clientIp", json!("x")), 1012),
            ("messages", with("encoding", json!("UTF8")), 1003),
            ("messages", with("text", json!(1)), 1004),
            ("clientBatchId", json!("x".repeat(21)), 1008),
            ("clientIp", json!("x"), 1012),
            ("includeMessagesInResponse", json!("yes"), 1000),
            ("template", json!("Hello"), 1007),
            ("template", json!({ "source": "x".repeat(17) }), 1005),
        ],
    )
    .await;
    let destinations = json!({ "destinations": ["6591234567"], "template": { "text": "Hello" } });
    expect(
        BATCH,
        &destinations,
        &[
            ("destinations", json!([]), 1000),
            ("destinations", json!([6591234567u64]), 1002),
            ("destinations", Value::Null, 1000),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_verification_that_breaks_the_schema_is_refused_with_the_code_of_the_member() {
    let (sandbox, clock) = with_fake_clock();
    let right = json!({
        "destination": "(+65) 9123-4567", "country": "SG", "channel": "whatsapp", "brand": "b".repeat(30),
        "codeLength": 10, "codeValidity": 7200, "codeType": "ALPHANUMERIC_EASY", "template": "{code}", "templateKey": "k",
        "language": "en-US", "resetSession": true, "resendingInterval": 10.0, "callbackUrl": "http://example.com",
        "sms": { "source": "ABC", "encoding": "AUTO" },
        "call": { "source": "+19876543210", "speed": 0.8, "repetition": 3, "voiceProfile": "en-US-Kimberly" },
        "whatsapp": { "templateName": "abc" }, "clientIp": "203.0.113.7", "productName": "MyBrand",
    });
    let cases = [
        ("destination", Value::Null, 1002),
        ("destination", json!("9123 456x"), 1002),
        ("country", json!("SGP"), 1009),
        ("channel", json!("SMS"), 1000),
        ("brand", json!("b".repeat(31)), 1000),
        ("codeLength", json!(2), 1010),
        ("codeLength", json!(11), 1010),
        ("codeLength", json!("4"), 1000),
        ("codeLength", json!(4.5), 1000),
        ("codeValidity", json!(29), 1010),
        ("codeValidity", json!(7201), 1010),
        ("codeType", json!("HEX"), 1000),
        ("template", json!({}), 1007),
        ("resetSession", json!("true"), 1000),
        ("resendingInterval", json!(9), 1010),
        ("callbackUrl", json!("example"), 1000),
        ("sms", json!({ "encoding": "UTF8" }), 1003),
        ("sms", json!("ABC"), 1000),
        ("call", json!({ "speed": 0.4 }), 1010),
        ("call", json!({ "repetition": 4 }), 1010),
        ("call", json!({ "voiceProfile": "v".repeat(51) }), 1000),
        ("whatsapp", Value::Null, 1000),
        ("clientIp", json!("203.0.113.256"), 1012),
    ];
    for (name, value, code) in cases {
        let mut body = right.clone();
        body[name] = value;
        let reply = post(&sandbox, SESSIONS, body.clone()).await;
        assert_eq!(reply.error(), (400, code), "{body}");
    }
    clock.advance(std::time::Duration::from_secs(10));
    assert_eq!(post(&sandbox, SESSIONS, right).await.status, 200);
}

#[tokio::test]
async fn surveys_and_coverage_are_held_to_their_schemas_too() {
    expect(
        SURVEY,
        &json!({ "destination": "+6591234567", "templateVariables": { "age": 24 }, "clientIp": "ignored" }),
        &[
            ("destination", Value::Null, 1002),
            ("country", json!("S"), 1009),
            ("templateVariables", json!("age"), 1007),
            ("templateBody", json!(1), 1004),
        ],
    )
    .await;
    expect(
        &format!("{SURVEY}/batch"),
        &json!({ "messages": [{ "destination": "6591234567" }], "template": { "templateBody": "{{url:}}" } }),
        &[("messages", Value::Null, 1000), ("template", json!({ "source": "ABC" }), 1007)],
    )
    .await;
    expect(
        COVERAGE,
        &json!({ "clientIp": "123.123.123.123", "destination": "+19876543210", "country": "US" }),
        &[
            ("clientIp", Value::Null, 1012),
            ("clientIp", json!("localhost"), 1012),
            ("destination", json!("x"), 1002),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let (sandbox, _) = with_fake_clock();
    for path in [SMS, BATCH, SESSIONS, SURVEY, COVERAGE] {
        for body in ["", "{", "[]", "\"x\"", "{\"a\":1}x", "\u{feff}{}"] {
            let reply = call(&sandbox, Method::POST, path, body).await;
            assert_eq!(reply.error(), (400, 1000), "{path} {body:?}");
        }
    }
}

#[tokio::test]
async fn a_key_is_read_in_its_own_case_alone() {
    let (sandbox, _) = with_fake_clock();
    let body = json!({ "Destination": "+6591234567", "text": "Hello" });
    assert_eq!(post(&sandbox, SMS, body).await.error(), (400, 1002));
}

#[tokio::test]
async fn a_subaccount_that_cannot_be_is_not_yours() {
    let (sandbox, _) = with_fake_clock();
    let message = json!({ "destination": "+6591234567", "text": "Hello" });
    for (id, expected) in [
        ("ab", 400),
        ("a%20bc", 400),
        ("a%2Fbc", 400),
        (&*"a".repeat(51), 400),
        ("A&b-c_d.e", 200),
        ("A%26b", 200),
    ] {
        let path = format!("/api/v1/subaccounts/{id}/messages");
        let reply = post(&sandbox, &path, message.clone()).await;
        assert_eq!(reply.status.as_u16(), expected, "{id}");
        if expected == 400 {
            assert_eq!(reply.error(), (400, 1001));
        }
    }
}
