//! The gateway asks 8x8 for numbers that are doubtful.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// Doubtful by itself: a landline.
const LANDLINE: &str = "+442079460000";

/// A gateway with a key of its own, in front of the sandbox, that looks numbers up there.
async fn asking(sandbox: &str, lookup: &str) -> SocketAddr {
    gateway(&format!(
        "{RULE}[pump_guard.number_lookup]\nmode = \"enforce\"\nsubaccount = \"mine\"\n\
         [upstream]\nsms = \"{sandbox}\"\nlookup = \"{lookup}\"\napi_key_env = \"KEY\"\n"
    ))
    .await
}

async fn send(gateway: SocketAddr, number: &str) -> Answer {
    let request = reqwest::Client::new()
        .post(format!("http://{gateway}{SINGLE}"))
        .header("content-type", "application/json")
        .header("x-forwarded-for", "203.0.113.7")
        .body(to(number));
    Answer::of(request.send().await.unwrap()).await
}

/// A Number Lookup that answers every connection with this JSON.
async fn answering(json: String) -> String {
    let listener = TcpListener::bind(local()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let length = json.len();
            let answer =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{json}");
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    format!("http://{addr}")
}

#[tokio::test]
async fn a_doubtful_number_is_looked_up_once_with_the_gateways_key_and_others_are_not() {
    let sandbox = Sandbox::new().with_api_key("secret".into());
    let running = sandbox.start(local()).await.unwrap();
    let gateway = asking(&running.url(), &running.url()).await;
    assert_eq!(send(gateway, "+6591234567").await.status, 200);
    assert_eq!(send(gateway, LANDLINE).await.status, 200);
    let asked: Vec<_> =
        sandbox.requests().into_iter().filter(|request| request.path.contains("/phones/")).collect();
    let [asked] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str(), asked.header("authorization")),
        ("GET", "/api/v1/subaccounts/mine/phones/442079460000?type=format", Some("Bearer secret"))
    );
}

#[tokio::test]
async fn what_receives_no_codes_is_refused_and_nothing_is_sent() {
    let sandbox = Sandbox::new();
    let running = sandbox.start(local()).await.unwrap();
    let json = r#"{"phoneNumber":"+442079460000","phoneType":"PremiumRate","status":{"state":"ok"}}"#;
    let gateway = asking(&running.url(), &answering(json.to_owned()).await).await;
    for _ in 0..3 {
        send(gateway, LANDLINE).await.is_refused("number_blocked", 403);
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "real time is what is measured")]
async fn a_lookup_that_is_down_silent_endless_or_lies_keeps_no_message() {
    let sandbox = Sandbox::new();
    let running = sandbox.start(local()).await.unwrap();
    let gone = format!("http://{}", TcpListener::bind(local()).await.unwrap().local_addr().unwrap());
    // Accepts and says nothing.
    let silent = TcpListener::bind(local()).await.unwrap();
    let about_another =
        r#"{"phoneNumber":"+442079460001","phoneType":"PremiumRate","status":{"state":"ok"}}"#;
    let endless = format!(r#"{{"phoneType":"PremiumRate","x":"{}","#, "x".repeat(10 << 20));
    for lookup in [
        gone,
        format!("http://{}", silent.local_addr().unwrap()),
        answering(about_another.to_owned()).await,
        answering(endless).await,
        answering("garbage".to_owned()).await,
    ] {
        let gateway = asking(&running.url(), &lookup).await;
        let start = Instant::now();
        assert_eq!(send(gateway, LANDLINE).await.status, 200, "{lookup}");
        assert!(start.elapsed() < Duration::from_secs(3), "{lookup}");
    }
}
