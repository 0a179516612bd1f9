use super::*;

const SINGLE: &str = "https://sms.8x8.com/api/v1/subaccounts/x/messages";

fn inject(url: &str, body: &[u8]) -> Ran {
    tollgate(&["inject", "--client-ip", "10.0.0.7", "--url", url], body)
}

#[test]
fn the_rewritten_body_is_printed_and_nothing_else() {
    let ran = inject(SINGLE, br#"{ "destination" : "x", "ClientIP":1, "n":1e400 }"#);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert_eq!(ran.out, r#"{ "destination" : "x", "clientIp":"10.0.0.7", "n":1e400 }"#);
    let batch = "https://sms.8x8.com/api/v1/subaccounts/x/messages/batch";
    let ran = inject(batch, br#"{"messages":[{"clientIp":1},{}]}"#);
    assert_eq!(ran.out, r#"{"messages":[{},{}],"clientIp":"10.0.0.7"}"#);
}

#[test]
fn what_sends_nothing_or_goes_elsewhere_is_printed_as_it_is() {
    for url in [
        "https://example.com/api/v1/subaccounts/x/messages",
        "https://sms.8x8.com/api/v1/accounts/x/webhooks",
    ] {
        assert_eq!(inject(url, b"{ not json").out, "{ not json", "{url}");
    }
}

#[test]
fn a_refusal_is_status_2_with_its_reason_and_nothing_on_standard_output() {
    let ran = inject(SINGLE, b"{");
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert_eq!(ran.err, "tollgate: invalid_json: the body is not JSON (RFC 8259) at byte 1\n");
    let unknown = inject("https://sms.8x8.com/api/v1/subaccounts/x/message", b"{}");
    assert!(unknown.status == 2 && unknown.err.contains("unknown_endpoint"), "{unknown:?}");
}
