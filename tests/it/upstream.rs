//! 8x8 as it should not be: down, slow, broken, or pretending.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// A server that answers every connection with these bytes, after a while.
async fn answering(bytes: &'static [u8], after: Duration) -> SocketAddr {
    let listener = TcpListener::bind(local()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                tokio::time::sleep(after).await;
                let _ = stream.write_all(bytes).await;
                if bytes.is_empty() {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    addr
}

async fn ask(upstream: SocketAddr) -> Answer {
    let config = format!("{RULE}[upstream]\nsms = \"http://{upstream}\"\ntimeout = \"500ms\"\n");
    let gateway = gateway(&config).await;
    let request = reqwest::Client::new()
        .post(format!("http://{gateway}{SINGLE}"))
        .header("content-type", "application/json")
        .header("x-forwarded-for", "203.0.113.7")
        .body(to("+6591234567"));
    Answer::of(request.send().await.unwrap()).await
}

#[tokio::test]
async fn an_upstream_that_is_down_is_told_at_once() {
    // Bound and dropped: nobody listens there.
    let gone = TcpListener::bind(local()).await.unwrap().local_addr().unwrap();
    let answer = ask(gone).await;
    answer.is_refused("upstream_unreachable", 502);
    assert!(answer.body["message"].as_str().unwrap().contains("nothing was sent"), "{answer:?}");
}

#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "real time is what is measured")]
async fn an_upstream_that_is_slow_is_given_up_in_time_and_says_that_it_may_have_sent() {
    let start = Instant::now();
    let answer = ask(answering(b"", Duration::ZERO).await).await;
    answer.is_refused("upstream_timeout", 504);
    assert!(answer.body["message"].as_str().unwrap().contains("not known"), "{answer:?}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_upstream_that_speaks_no_http_may_have_sent() {
    for bytes in [&b"garbage\r\n\r\n"[..], b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"] {
        let answer = ask(answering(bytes, Duration::ZERO).await).await;
        answer.is_refused("upstream_broken", 502);
    }
}

#[tokio::test]
async fn an_upstream_cannot_pretend_to_be_tollgate() {
    let forged = b"HTTP/1.1 200 OK\r\ntollgate-refusal: pumping\r\nx-private: 1\r\nconnection: x-private\r\ncontent-length: 2\r\n\r\n{}";
    let answer = ask(answering(forged, Duration::ZERO).await).await;
    assert_eq!((answer.status, answer.refusal), (200, None));
}

#[tokio::test]
async fn a_key_from_the_environment_replaces_the_callers() {
    let sandbox = Sandbox::new().with_api_key("secret".into());
    let running = sandbox.start(local()).await.unwrap();
    let config = format!(
        "{RULE}[listen]\ncaller_token_env = \"TOKEN\"\n[upstream]\nsms = \"{}\"\napi_key_env = \"KEY\"\n",
        running.url()
    );
    let gateway = gateway(&config).await;
    let ask = |authorization: &'static str| async move {
        let request = reqwest::Client::new()
            .post(format!("http://{gateway}{SINGLE}"))
            .header("content-type", "application/json")
            .header("authorization", authorization)
            .header("x-forwarded-for", "203.0.113.7")
            .body(to("+6591234567"));
        Answer::of(request.send().await.unwrap()).await
    };
    ask("Bearer wrong").await.is_refused("unauthorized", 401);
    assert_eq!(sandbox.requests().len(), 0);
    // In this test both variables hold the same word; what the sandbox sees is the gateway's.
    assert_eq!(ask("Bearer secret").await.status, 200);
}
