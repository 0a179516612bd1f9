//! Traffic for the demo: people, and now and then a fraudster.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// How often somebody asks.
const EVERY: Duration = Duration::from_millis(500);

/// Of so many requests, the last few are a fraudster's.
const ROUND: u32 = 60;
const PUMPED: u32 = 20;

/// Sends to `gateway` until it is dropped. Each request is told in the gateway's log and on the admin page.
pub(super) async fn run(gateway: SocketAddr) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    for n in 0_u32.. {
        tokio::time::sleep(EVERY).await;
        let (address, destination) = who(n);
        let request = Request::post(format!("http://{gateway}/api/v2/subaccounts/demo/sessions"))
            .header("authorization", "Bearer key")
            .header("content-type", "application/json")
            .header("x-forwarded-for", address)
            .body(Full::from(format!(r#"{{"destination":"{destination}"}}"#)));
        if let Ok(request) = request {
            // A demo that cannot reach itself says so in the gateway's log.
            let _ = tokio::time::timeout(Duration::from_secs(5), client.request(request)).await;
        }
    }
}

/// Address and number of the n-th request. People are spread over all of a country; a pumped range is one block.
fn who(n: u32) -> (String, String) {
    // An odd multiplier walks through every value before one comes again.
    let spread = n.wrapping_mul(2_654_435_761);
    if n % ROUND >= ROUND - PUMPED {
        let block = n / ROUND % 1000;
        return (
            format!("198.51.100.{}", spread % 254 + 1),
            format!("+62812{block:03}00{:03}", spread % 1000),
        );
    }
    let address = format!("203.0.113.{}", spread % 254 + 1);
    let number = match n % 3 {
        0 => format!("+659{:07}", spread % 10_000_000),
        1 => format!("+62813{:07}", spread % 10_000_000),
        _ => format!("+639{:09}", 170_000_000 + spread % 10_000_000),
    };
    (address, number)
}
