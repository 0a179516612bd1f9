use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;

use super::*;
use crate::engine::{Entry, EntryAction, Matcher, Policy};
use crate::testing::{BATCH, SINGLE, VERIFY, Wire, ok, text};

fn wire(decoy: bool) -> Wire {
    let answer = r#"{"sessionId":"real","umid":"real","status":"WAITING"}"#;
    Wire::new(Policy { decoy, ..Policy::default() }, move |body| {
        // An SMS's status is an object.
        ok(if body.contains("text") { r#"{"umid":"real"}"# } else { answer })
    })
}

fn to(n: u32) -> String {
    format!(r#"{{"destination":"+62812345670{n:02}","codeValidity":600}}"#)
}

/// Pumps a range until it is blocked.
async fn pump(wire: &mut Wire) -> Response<Bytes> {
    let mut last = None;
    for n in 0..40 {
        last = Some(wire.post(VERIFY, &to(n)).await);
    }
    last.unwrap()
}

fn json(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

async fn check(wire: &mut Wire, id: &str, query: &str) -> Response<Bytes> {
    wire.call(Request::get(format!("{VERIFY}/{id}{query}")), "").await
}

#[tokio::test]
async fn by_default_whoever_is_blocked_is_told() {
    let mut wire = wire(false);
    let last = pump(&mut wire).await;
    assert_eq!(last.headers()["tollgate-refusal"], "pumping");
    assert!(last.extensions().get::<Decoy>().is_none());
}

#[tokio::test]
async fn a_blocked_verification_looks_started_and_nothing_goes_out() {
    let mut wire = wire(true);
    pump(&mut wire).await;
    let before = wire.sent();
    let last = wire.post(VERIFY, &to(41)).await;
    assert_eq!((last.status().as_u16(), wire.sent()), (200, before));
    let names: Vec<_> = last.headers().keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["content-type"]);
    let told = json(&last);
    let id = told["sessionId"].as_str().unwrap();
    assert_eq!(told["verifyUri"], format!("/api/v2/subaccounts/x/sessions/{id}"));
    assert_eq!((&told["destination"], &told["status"]), (&"+6281234567041".into(), &"WAITING".into()));
    assert_eq!(told["attempt"], 0);
    // FakeClock's epoch, 1,000 s, and the ten minutes that were asked for.
    assert!(told["expiresAt"].as_str().unwrap().starts_with("2026-01-01T00:26:40."), "{told}");
    assert!(told["retryAfter"].as_str().unwrap().starts_with("2026-01-01T00:16:50."), "{told}");
    let decoy = last.extensions().get::<Decoy>().unwrap();
    assert_eq!(decoy.verdict().unwrap().action, Action::Block, "the verdict stays what it is");
}

#[tokio::test]
async fn a_blocked_message_looks_accepted() {
    let mut wire = wire(true);
    pump(&mut wire).await;
    let before = wire.sent();
    let body = r#"{"destination":"+62 812-3456-7042","text":"hi","clientMessageId":"7"}"#;
    let told = json(&wire.post(SINGLE, body).await);
    assert_eq!(wire.sent(), before);
    assert_eq!((&told["destination"], &told["clientMessageId"]), (&"6281234567042".into(), &"7".into()));
    assert_eq!((&told["status"]["code"], &told["encoding"]), (&"QUEUED".into(), &"GSM7".into()));
}

#[tokio::test]
async fn codes_are_checked_here_wrong_each_time_until_they_run_out() {
    let mut wire = wire(true);
    pump(&mut wire).await;
    let start = json(&wire.post(VERIFY, &to(41)).await);
    let (before, id) = (wire.sent(), start["sessionId"].as_str().unwrap().to_owned());
    assert_eq!(json(&check(&mut wire, &id, "").await)["attempt"], 0, "looking is no attempt");
    for attempt in 1..=7 {
        let answer = check(&mut wire, &id, "?code=1234").await;
        let told = json(&answer);
        let status = if attempt < 5 { "WAITING" } else { "FAILED" };
        assert_eq!((&told["status"], &told["attempt"]), (&status.into(), &attempt.min(5).into()));
        for member in ["sessionId", "verifyUri", "destination", "expiresAt"] {
            assert_eq!(told[member], start[member], "{member}");
        }
        assert!(answer.extensions().get::<Decoy>().unwrap().verdict().is_none());
    }
    // 8x8 spells ids both ways.
    let dashed = format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]);
    assert_eq!(json(&check(&mut wire, &dashed.to_uppercase(), "").await)["status"], "FAILED");
    assert_eq!(wire.sent(), before);
}

#[tokio::test]
async fn a_decoy_expires_and_a_day_later_8x8_is_asked_who_does_not_know_it() {
    let mut wire = wire(true);
    pump(&mut wire).await;
    let start = json(&wire.post(VERIFY, &to(41)).await);
    let (before, id) = (wire.sent(), start["sessionId"].as_str().unwrap().to_owned());
    wire.wait(601);
    assert_eq!(json(&check(&mut wire, &id, "?code=1234").await)["status"], "EXPIRED");
    assert_eq!(wire.sent(), before);
    wire.wait(24 * 3600);
    check(&mut wire, &id, "?code=1234").await;
    assert_eq!(wire.sent(), before + 1);
}

#[tokio::test]
async fn guesses_at_a_decoy_count_for_the_client_as_any_others() {
    let mut wire = wire(true);
    pump(&mut wire).await;
    let id = json(&wire.post(VERIFY, &to(41)).await)["sessionId"].as_str().unwrap().to_owned();
    let mut checked = 0;
    for n in 0..60 {
        checked += usize::from(check(&mut wire, &id, &format!("?code={n:04}")).await.status() == 200);
    }
    assert_eq!(checked, 30);
}

#[tokio::test]
async fn sessions_of_8x8s_own_and_forged_ones_are_not_answered_here() {
    let mut wire = wire(true);
    pump(&mut wire).await;
    let mut other = self::wire(true);
    pump(&mut other).await;
    let before = wire.sent();
    let theirs = json(&other.post(VERIFY, &to(41)).await)["sessionId"].as_str().unwrap().to_owned();
    let ids = ["a44a91be5ea5ea118169020897df5459", "00000000000040008000000000000000", "real", &theirs];
    for id in ids {
        check(&mut wire, id, "?code=1234").await;
    }
    assert_eq!(wire.sent(), before + ids.len());
}

#[tokio::test]
async fn honest_mistakes_are_told_as_they_are() {
    let entry = Entry {
        action: EntryAction::Block,
        of: Matcher::Country("VN".parse().unwrap()),
        reason: "closed".to_owned(),
        until: Some(std::time::Duration::from_secs(4_000_000_000)),
    };
    let mut policy = Policy { decoy: true, entries: vec![entry], ..Policy::default() };
    policy.country.deny.insert("TN".parse().unwrap());
    let mut wire = Wire::new(policy, |_| ok("{}"));
    for (body, kind) in [
        (r#"{"destination":"+19002345678"}"#, "number_blocked"),
        (r#"{"destination":"12"}"#, "invalid_number"),
        (r#"{"destination":"+21620123456"}"#, "number_blocked"),
        (r#"{"destination":"+84912345678"}"#, "number_blocked"),
    ] {
        assert_eq!(wire.post(VERIFY, body).await.headers()["tollgate-refusal"], kind, "{body}");
    }
    wire.post(VERIFY, r#"{"destination":"+6591234567"}"#).await;
    wire.wait(11);
    let soon = wire.post(VERIFY, r#"{"destination":"+6591234567"}"#).await;
    assert_eq!(soon.headers()["tollgate-refusal"], "number_cooldown");
}

#[tokio::test]
async fn doubtful_ones_batches_silent_and_legacy_verifications_get_no_decoy() {
    let mut wire = wire(true);
    let mut kinds = Vec::new();
    for n in 0..40 {
        let answer = wire.post(VERIFY, &to(n)).await;
        kinds.extend(answer.headers().get("tollgate-refusal").cloned());
    }
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| kind == "challenge_required"), "{kinds:?}");
    let silent = wire.post(VERIFY, &to(41).replace('}', r#","channel":"sma"}"#)).await;
    assert_eq!(silent.headers()["tollgate-refusal"], "pumping");
    let legacy = wire.post("https://verify.8x8.com/verify/v1/x", &to(42)).await;
    assert_eq!(legacy.headers()["tollgate-refusal"], "pumping");
    let batch = wire.post_as_otp(BATCH, r#"{"destinations":["+6281234567043"]}"#).await;
    assert_eq!(batch.headers()["tollgate-refusal"], "pumping");
    assert!(text(&batch).contains("range_surprise"));
}

#[test]
fn wrong_codes_are_counted_of_so_many_verifications_and_no_more() {
    let mut wrong = Wrong::default();
    for id in 0..COUNTED as u128 + 100 {
        wrong.add(id);
        wrong.add(id);
    }
    assert_eq!((wrong.codes.len(), wrong.order.len()), (COUNTED, COUNTED));
    assert_eq!((wrong.codes.get(&0), wrong.codes.get(&100)), (None, Some(&2)));
}
