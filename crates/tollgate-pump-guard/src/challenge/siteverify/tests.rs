use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use tower::service_fn;

use super::*;

const NOW: Duration = Duration::from_secs(1_700_000_000);

type Body = Full<Bytes>;

fn here() -> Binding {
    Binding::new(6_591_234_567, Some("203.0.113.7".parse().unwrap()))
}

/// A provider that answers this.
fn answering(
    status: u16,
    body: &str,
) -> impl Service<
    Request<Body>,
    Response = Response<Body>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
> + Clone
+ Send
+ Sync
+ 'static {
    let body = Bytes::from(body.to_owned());
    service_fn(move |_: Request<Body>| {
        let response = Response::builder().status(status).body(Full::new(body.clone())).unwrap();
        async move { Ok::<_, Infallible>(response) }
    })
}

/// What becomes of a token where the provider answers this.
async fn verdict(provider: Provider, status: u16, body: &str) -> Result<(), Rejected> {
    let verifier = SiteVerify::new(provider, "secret", answering(status, body)).unwrap();
    verifier.verify("token", &here(), NOW).wait().await
}

async fn turnstile(body: &str) -> Result<(), Rejected> {
    verdict(Provider::Turnstile, 200, body).await
}

#[tokio::test]
async fn the_question_is_a_form_with_secret_token_and_address() {
    let seen = Arc::new(Mutex::new(None));
    let keep = seen.clone();
    let client = service_fn(move |request: Request<Body>| {
        let keep = keep.clone();
        async move {
            let (head, body) = request.into_parts();
            *keep.lock().unwrap() = Some((head, body.collect().await?.to_bytes()));
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(r#"{"success":true}"#)))
        }
    });
    let verifier = SiteVerify::new(Provider::Hcaptcha, "a b&c", client).unwrap();
    assert_eq!(verifier.verify("to+ken=", &here(), NOW).wait().await, Ok(()));
    let (head, body) = seen.lock().unwrap().take().unwrap();
    assert_eq!((head.method.as_str(), head.uri.to_string().as_str()), ("POST", Provider::Hcaptcha.url()));
    assert_eq!(head.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(body, "secret=a%20b%26c&response=to%2Bken%3D&remoteip=203.0.113.7");
}

#[tokio::test]
async fn a_token_is_accepted_once_whatever_the_provider_says() {
    let verifier = SiteVerify::new(Provider::Turnstile, "s", answering(200, r#"{"success":true}"#)).unwrap();
    let other = Binding::new(6_591_234_568, None);
    // Both are on their way before either is answered.
    let (first, second) = (verifier.verify("token", &here(), NOW), verifier.verify("token", &other, NOW));
    assert_eq!(first.wait().await, Ok(()));
    assert_eq!(second.wait().await, Err(Rejected::AlreadyUsed));
    assert!(matches!(verifier.verify("token", &here(), NOW), Step::Now(Err(Rejected::AlreadyUsed))));
}

#[tokio::test]
async fn a_token_that_the_provider_rejects_takes_no_memory() {
    let no = answering(200, r#"{"success":false}"#);
    let verifier = SiteVerify::new(Provider::Turnstile, "s", no).unwrap().with_memory(1).unwrap();
    for token in ["a", "b", "a"] {
        assert_eq!(verifier.verify(token, &here(), NOW).wait().await, Err(Rejected::Unsolved));
    }
}

#[tokio::test]
async fn a_full_memory_rejects() {
    let yes = answering(200, r#"{"success":true}"#);
    let verifier = SiteVerify::new(Provider::Turnstile, "s", yes).unwrap().with_memory(1).unwrap();
    assert_eq!(verifier.verify("a", &here(), NOW).wait().await, Ok(()));
    assert_eq!(verifier.verify("b", &here(), NOW).wait().await, Err(Rejected::MemoryFull));
    assert_eq!(verifier.verify("c", &here(), NOW + REMEMBERED).wait().await, Ok(()));
}

#[tokio::test]
async fn an_error_code_says_whose_fault_it_is() {
    let codes = [
        ("timeout-or-duplicate", Rejected::Expired),
        ("expired-input-response", Rejected::Expired),
        ("already-seen-response", Rejected::AlreadyUsed),
        ("invalid-input-response", Rejected::Unsolved),
        ("something-new", Rejected::Unsolved),
        ("invalid-input-secret", Rejected::Unavailable),
        ("sitekey-secret-mismatch", Rejected::Unavailable),
        ("internal-error", Rejected::Unavailable),
    ];
    for (code, rejected) in codes {
        let body = format!(r#"{{"success":false,"error-codes":["{code}"]}}"#);
        assert_eq!(turnstile(&body).await, Err(rejected), "{code}");
    }
}

#[tokio::test]
async fn what_is_no_answer_lets_nobody_through() {
    let long = format!(r#"{{"success":true,"x":"{}"}}"#, "x".repeat(64 << 10));
    for body in ["", "yes", "{}", "[true]", r#"{"success":"true"}"#, r#"{"success":1}"#, &long] {
        assert_eq!(turnstile(body).await, Err(Rejected::Unavailable), "{}", body.len());
    }
    let moved = verdict(Provider::Turnstile, 302, r#"{"success":true}"#).await;
    assert_eq!(moved, Err(Rejected::Unavailable));
}

#[tokio::test]
async fn a_client_that_fails_lets_nobody_through() {
    let client = service_fn(|_: Request<Body>| async { Err::<Response<Body>, _>("no route to host") });
    let verifier = SiteVerify::new(Provider::Turnstile, "s", client).unwrap();
    assert_eq!(verifier.verify("token", &here(), NOW).wait().await, Err(Rejected::Unavailable));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_does_not_answer_is_given_up_after_two_seconds() {
    let client = service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, Infallible>>());
    let verifier = SiteVerify::new(Provider::Turnstile, "s", client).unwrap();
    let before = tokio::time::Instant::now();
    assert_eq!(verifier.verify("token", &here(), NOW).wait().await, Err(Rejected::Unavailable));
    assert_eq!(before.elapsed().as_secs(), 2);
}

#[tokio::test]
async fn a_token_of_another_site_or_action_is_rejected() {
    let answers = [
        (r#"{"success":true,"hostname":"Shop.example","action":"otp"}"#, Ok(())),
        (r#"{"success":true,"hostname":"evil.example","action":"otp"}"#, Err(Rejected::Elsewhere)),
        (r#"{"success":true,"hostname":"shop.example","action":"login"}"#, Err(Rejected::Elsewhere)),
        (r#"{"success":true,"action":"otp"}"#, Err(Rejected::Elsewhere)),
        (r#"{"success":true,"hostname":"shop.example"}"#, Err(Rejected::Elsewhere)),
    ];
    for (body, result) in answers {
        let verifier = SiteVerify::new(Provider::Turnstile, "s", answering(200, body)).unwrap();
        let verifier = verifier.with_hostname("shop.example").with_action("otp");
        assert_eq!(verifier.verify("token", &here(), NOW).wait().await, result, "{body}");
    }
}

#[tokio::test]
async fn a_low_score_of_recaptcha_is_not_solved_and_of_hcaptcha_means_something_else() {
    let (low, high) = (r#"{"success":true,"score":0.4}"#, r#"{"success":true,"score":0.5}"#);
    assert_eq!(verdict(Provider::Recaptcha, 200, low).await, Err(Rejected::Unsolved));
    assert_eq!(verdict(Provider::Recaptcha, 200, high).await, Ok(()));
    assert_eq!(verdict(Provider::Hcaptcha, 200, low).await, Ok(()));
    assert_eq!(verdict(Provider::Recaptcha, 200, r#"{"success":true}"#).await, Ok(()));
}

#[tokio::test]
async fn what_is_no_token_is_not_asked_about() {
    let client = service_fn(|_: Request<Body>| async { Err::<Response<Body>, _>("asked") });
    let verifier = SiteVerify::new(Provider::Turnstile, "s", client).unwrap();
    let judge = |token: &str| match verifier.verify(token, &here(), NOW) {
        Step::Now(Err(rejected)) => Some(rejected),
        _ => None,
    };
    assert_eq!(judge(""), Some(Rejected::Malformed));
    assert_eq!(judge("a b"), Some(Rejected::Malformed));
    assert_eq!(judge("tökèn"), Some(Rejected::Malformed));
    assert_eq!(judge(&"x".repeat(8193)), Some(Rejected::TooLong));
    assert_eq!(judge(&"x".repeat(8192)), None);
}

#[test]
fn settings_that_make_no_sense_are_refused_and_no_secret_is_shown() {
    let new = |secret| SiteVerify::<_, Body>::new(Provider::Turnstile, secret, answering(200, ""));
    assert!(new("").is_err());
    let verifier = || new("hush").unwrap();
    assert!(verifier().with_url("http://localhost/".parse().unwrap()).is_err());
    assert!(verifier().with_url("/siteverify".parse().unwrap()).is_err());
    assert!(verifier().with_timeout(Duration::ZERO).is_err());
    assert!(verifier().with_least_score(f64::NAN).is_err());
    assert!(!format!("{:?}", verifier()).contains("hush"));
}

#[test]
fn a_client_is_told_the_site_key_and_the_action() {
    let verifier = SiteVerify::new(Provider::Turnstile, "s", answering(200, "")).unwrap();
    let challenge = verifier.with_site_key("0x4A\"").with_action("otp").issue(&here(), NOW).unwrap();
    assert_eq!(challenge.object, r#"{"action":"otp","kind":"turnstile","site_key":"0x4A\""}"#);
}
