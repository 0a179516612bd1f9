//! Batches that are sent in part, and verification starts with a short code.

use http::{Response, StatusCode};
use http_body_util::Full;
use tollgate_core::RefusalKind;

use crate::engine::{BatchPolicy, CodeLengthPolicy, Mode, Outcome, Policy};
use crate::testing::{BATCH, SINGLE, VERIFY, Wire, ok, text};
use crate::{Action, NotSent};

const TAKEN: &str = r#"{ "batchId":"b", "acceptedCount":2,"rejectedCount":0 }"#;

fn send_rest() -> Policy {
    Policy { batch: BatchPolicy::SendRest, ..Policy::default() }
}

fn wire(policy: Policy) -> Wire {
    Wire::new(policy, |_| ok(TAKEN))
}

#[tokio::test]
async fn a_partly_bad_batch_goes_out_without_the_bad_ones_and_the_answer_lists_which_and_why() {
    let mut wire = wire(send_rest());
    let body = "{\"n\":1e400,\"messages\":[{\"destination\":\"+19002345678\"} ,\n {\"destination\":\"+6591234567\",\"x\":[ ]},{\"destination\":\"x\"}, {\"destination\":\"+6591234568\"} ]}";
    let answer = wire.post(BATCH, body).await;
    assert_eq!((answer.status(), text(&answer)), (StatusCode::OK, TAKEN));
    assert_eq!(answer.headers()["tollgate-not-sent"], "2");
    assert_eq!(answer.headers()["tollgate-not-sent-recipients"], "0 number_shape, 2 number_shape");
    assert!(!answer.headers().contains_key("tollgate-refusal"));
    assert_eq!(
        wire.last(),
        "{\"n\":1e400,\"messages\":[{\"destination\":\"+6591234567\",\"x\":[ ]}, {\"destination\":\"+6591234568\"} ]}"
    );
    let not_sent = answer.extensions().get::<NotSent>().unwrap();
    let listed: Vec<_> =
        not_sent.recipients().iter().map(|(index, verdict)| (*index, verdict.action)).collect();
    assert_eq!(listed, [(0, Action::Block), (2, Action::Block)]);
}

#[tokio::test]
async fn nothing_goes_out_of_a_batch_that_is_all_bad_or_whose_policy_is_to_refuse_it() {
    let mut rest = wire(send_rest());
    for body in [r#"{"destinations":["+19002345678","x"]}"#, r#"{"destinations":["x"]}"#] {
        let answer = rest.post(BATCH, body).await;
        assert_eq!(answer.headers()["tollgate-refusal"], "invalid_number", "{body}");
        assert!(!answer.headers().contains_key("tollgate-not-sent"));
    }
    assert_eq!(rest.sent(), 0);
    let mut whole = wire(Policy::default());
    let answer = whole.post(BATCH, r#"{"destinations":["+6591234567","x"]}"#).await;
    assert_eq!((answer.status(), whole.sent()), (StatusCode::BAD_REQUEST, 0));
}

#[tokio::test]
async fn a_batch_without_bad_recipients_goes_on_byte_for_byte_and_so_does_one_that_is_only_monitored() {
    let body = "{ \"destinations\" : [ \"+6591234567\" , \"+19002345678\" ] }";
    let mut monitored = wire(Policy { mode: Mode::Monitor, ..send_rest() });
    let answer = monitored.post(BATCH, body).await;
    assert_eq!(monitored.last(), body);
    assert!(!answer.headers().contains_key("tollgate-not-sent"));
    let mut good = wire(send_rest());
    let body = body.replace("+1900234567", "+659123456");
    good.post(BATCH, &body).await;
    assert_eq!(good.last(), body);
}

#[tokio::test]
async fn strangers_of_a_batch_that_are_doubtful_or_asked_for_twice_are_taken_out_and_count_nowhere() {
    let mut wire = wire(send_rest());
    let numbers: Vec<_> = (0..20).map(|n| format!("\"+62812345670{n:02}\"")).collect();
    let again = format!("{},{}", numbers.join(","), numbers[0]);
    let answer = wire.post_as_otp(BATCH, &format!("{{\"destinations\":[{again}]}}")).await;
    let not_sent = answer.extensions().get::<NotSent>().unwrap();
    let went = 21 - not_sent.recipients().len();
    assert_eq!(wire.last(), format!("{{\"destinations\":[{}]}}", numbers[..went].join(",")));
    assert!((5..=12).contains(&went), "{went}");
    let list = answer.headers()["tollgate-not-sent-recipients"].to_str().unwrap();
    assert!(list.starts_with(&format!("{went} range_surprise, ")), "{list}");
    assert!(list.ends_with(", 20 number_cooldown"), "{list}");
    // Who went out rests; who did not, does not.
    wire.wait(11);
    let cooling = wire.post(SINGLE, r#"{"destination":"+6281234567000","text":"x"}"#).await;
    assert_eq!(cooling.headers()["tollgate-refusal"], "number_cooldown");
    let last = wire.post(SINGLE, r#"{"destination":"+6281234567019","text":"x"}"#).await;
    assert_ne!(last.headers()["tollgate-refusal"], "number_cooldown");
}

#[tokio::test]
async fn a_batch_that_8x8_refuses_is_forgotten_and_lists_nothing() {
    let refused = || {
        let mut response = Response::new(Full::from("{\"code\":1200}"));
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        response
    };
    let mut wire = Wire::new(send_rest(), move |_| refused());
    let body = r#"{"destinations":["+6591234567","x"]}"#;
    let answer = wire.post_as_otp(BATCH, body).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(!answer.headers().contains_key("tollgate-not-sent"));
    wire.wait(11);
    assert_eq!(wire.post_as_otp(BATCH, body).await.status(), StatusCode::UNAUTHORIZED, "no cool-down");
}

#[tokio::test]
async fn what_goes_out_is_read_again_and_a_number_hidden_in_a_bad_element_goes_with_it() {
    let mut wire = wire(send_rest());
    let body = r#"{"messages":[{"destination":"x","messages":[{"destination":"+6591234569"}],"clientIp":"6.6.6.6"},
        {"destination":"+6591234567","text":"}]"}]}"#;
    wire.post(BATCH, body).await;
    assert_eq!(wire.last(), r#"{"messages":[{"destination":"+6591234567","text":"}]"}]}"#);
    let doubled = r#"{"messages":[{"destination":"x"},{"destination":"+6591234567","Destination":"x"}]}"#;
    let answer = wire.post(BATCH, doubled).await;
    assert_eq!((&answer.headers()["tollgate-refusal"], wire.sent()), (&"ambiguous_key".parse().unwrap(), 1));
    let unread = r#"{"destinations":["+6591234567",7]}"#;
    let answer = wire.post(BATCH, unread).await;
    assert_eq!(answer.headers()["tollgate-refusal"], "invalid_shape", "what cannot be read is not taken out");
}

#[tokio::test]
async fn the_answer_names_no_number() {
    let mut wire = wire(send_rest());
    let numbers: Vec<_> = (0..40).map(|n| format!("\"+62812345670{n:02}\"")).collect();
    let answer = wire.post_as_otp(BATCH, &format!("{{\"destinations\":[{}]}}", numbers.join(","))).await;
    let told = format!("{:?} {:?}", answer.headers(), answer.extensions().get::<NotSent>().unwrap());
    assert!(told.contains("+6281234567xxx"), "ranges only: {told}");
    assert!((0..40).all(|n| !told.contains(&format!("62812345670{n:02}"))), "{told}");
}

#[tokio::test]
async fn the_layers_headers_are_its_own_word() {
    let mut wire = Wire::new(send_rest(), |_| {
        let mut response = ok(TAKEN);
        response.headers_mut().insert("tollgate-not-sent", "9".parse().unwrap());
        response.headers_mut().insert("tollgate-not-sent-recipients", "9 manual".parse().unwrap());
        response
    });
    let answer = wire.post(BATCH, r#"{"destinations":["x","+6591234567"]}"#).await;
    assert_eq!(answer.headers().get_all("tollgate-not-sent").iter().collect::<Vec<_>>(), ["1"]);
    assert_eq!(
        answer.headers().get_all("tollgate-not-sent-recipients").iter().collect::<Vec<_>>(),
        ["0 number_shape"]
    );
}

#[tokio::test]
async fn a_batchs_messages_are_known_by_their_ids_where_its_answer_lists_them() {
    let mut wire = Wire::new(send_rest(), |_| {
        ok(r#"{"batchId":"b","messages":[
            {"umid":"u1","destination":"6591234567","status":{"code":"QUEUED"}},
            {"umid":"u2","destination":"+6591234568","status":{"code":"REJECTED"}},
            {"umid":"u3","destination":"6599999999","status":{"code":"QUEUED"}}]}"#)
    });
    let body = r#"{"destinations":["+6591234567","x","+6591234568","+6591234569"]}"#;
    wire.post_as_otp(BATCH, body).await;
    assert!(wire.guard.observe_id("u1", Outcome::Delivered));
    assert!(!wire.guard.observe_id("u2", Outcome::Verified), "8x8 did not take it");
    assert!(!wire.guard.observe_id("u3", Outcome::Verified), "it is another number's");
    // What 8x8 rejected may be tried again at once; what it took rests.
    wire.wait(11);
    for (number, refused) in [("+6591234568", false), ("+6591234567", true)] {
        let answer = wire.post(SINGLE, &format!(r#"{{"destination":"{number}","text":"x"}}"#)).await;
        assert_eq!(answer.headers().contains_key("tollgate-refusal"), refused, "{number}");
    }
}

#[tokio::test]
async fn an_answer_with_another_count_of_messages_teaches_nothing() {
    let mut wire =
        Wire::new(send_rest(), |_| ok(r#"{"messages":[{"umid":"u1","destination":"6591234567"}]}"#));
    wire.post_as_otp(BATCH, r#"{"destinations":["+6591234567","+6591234568"]}"#).await;
    assert!(!wire.guard.observe_id("u1", Outcome::Delivered));
}

const STARTED: &str = r#"{"sessionId":"s","status":"WAITING"}"#;

fn starting(code_length: CodeLengthPolicy) -> Wire {
    Wire::new(Policy { code_length, ..Policy::default() }, |_| ok(STARTED))
}

#[tokio::test]
async fn short_codes_pass_by_default_and_are_made_longer_where_that_is_the_policy() {
    let mut pass = starting(CodeLengthPolicy::Pass);
    let odd = r#"{"destination":"+6591234567","codeLength":"four"}"#;
    assert_eq!(pass.post(VERIFY, odd).await.status(), StatusCode::OK);
    assert_eq!(pass.last(), odd);

    let mut raise = starting(CodeLengthPolicy::Raise { minimum: 6 });
    for (n, (body, want)) in [
        (r#""x":1e400 }"#, r#""x":1e400,"codeLength":6 }"#),
        (r#""codeLength" : 4 }"#, r#""codeLength" : 6 }"#),
        (r#""codeLength":6}"#, r#""codeLength":6}"#),
        (r#""codeLength":10}"#, r#""codeLength":10}"#),
    ]
    .into_iter()
    .enumerate()
    {
        let start = format!(r#"{{"destination":"+659{n}234567","#);
        let answer = raise.post(VERIFY, &format!("{start}{body}")).await;
        assert_eq!((answer.status(), text(&answer)), (StatusCode::OK, STARTED), "{body}");
        assert_eq!(raise.last(), format!("{start}{want}"));
    }
    // The legacy API is no way around it.
    let legacy = r#"{"destination":"+6596234567"}"#;
    raise.post("https://verify.8x8.com/verify/v1/x", legacy).await;
    assert!(raise.last().ends_with(r#","codeLength":6}"#));
    // An SMS has no code that is known.
    raise.post(SINGLE, r#"{"destination":"+6595234567","codeLength":4}"#).await;
    assert!(raise.last().ends_with(r#""codeLength":4}"#));
}

#[tokio::test]
async fn a_code_that_is_too_short_or_no_length_is_refused_where_that_is_the_policy() {
    let mut refuse = starting(CodeLengthPolicy::Refuse { minimum: 6 });
    for (length, told) in [
        ("", "4 is below 6"),
        (",\"codeLength\":5", "5 is below 6"),
        (",\"codeLength\":null", "null: write a whole number from 3 to 10"),
        (",\"codeLength\":6.0", "6.0: write a whole number from 3 to 10"),
        (",\"codeLength\":6591234567", "no such number: write a whole number"),
    ] {
        let answer = refuse.post(VERIFY, &format!(r#"{{"destination":"+6591234567"{length}}}"#)).await;
        assert_eq!(answer.extensions().get(), Some(&RefusalKind::InvalidShape), "{length}");
        assert!(text(&answer).contains(told), "{}", text(&answer));
    }
    let doubled = r#"{"destination":"+6591234567","codeLength":6,"CodeLength":4}"#;
    let answer = refuse.post(VERIFY, doubled).await;
    assert_eq!(answer.headers()["tollgate-refusal"], "ambiguous_key");
    assert_eq!(refuse.sent(), 0);
    // None of them was remembered: there is no cool-down.
    let long = r#"{"destination":"+6591234567","codeLength":8}"#;
    assert_eq!(refuse.post(VERIFY, long).await.status(), StatusCode::OK);

    let mut raise = starting(CodeLengthPolicy::Raise { minimum: 6 });
    let answer = raise.post(VERIFY, r#"{"destination":"+6591234567","codeLength":"4"}"#).await;
    assert_eq!(answer.headers()["tollgate-refusal"], "invalid_shape");
    assert_eq!(raise.sent(), 0);
}

#[tokio::test]
async fn a_guard_that_monitors_leaves_codes_as_they_are() {
    let code_length = CodeLengthPolicy::Refuse { minimum: 6 };
    let policy = Policy { mode: Mode::Monitor, code_length, ..Policy::default() };
    let mut wire = Wire::new(policy, |_| ok(STARTED));
    for body in [r#"{"destination":"+6591234567"}"#, r#"{"destination":"+6591234568","codeLength":"x"}"#] {
        assert_eq!(wire.post(VERIFY, body).await.status(), StatusCode::OK);
        assert_eq!(wire.last(), body);
    }
}

#[test]
fn a_minimum_that_8x8_would_not_take_is_an_error() {
    for minimum in [2, 11] {
        let code_length = CodeLengthPolicy::Raise { minimum };
        let error = Policy { code_length, ..Policy::default() }.validate().unwrap_err();
        assert_eq!(error.to_string(), format!("code_length.minimum: {minimum} is not within 3 to 10"));
    }
}
