//! The outbound layers around reqwest: how the client IP gets from where it is known to where it is written.
//!
//! It runs against a sandbox of its own; nothing is sent to anybody:
//!
//! ```text
//! cargo run -p example-reqwest-client
//! ```

use std::error::Error;

use http::Request;
use tollgate::prelude::*;
use tollgate_sandbox::Sandbox;
use tower::{ServiceBuilder, ServiceExt};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::new();
    let running = sandbox.start("127.0.0.1:0".parse()?).await?;
    let hosts = Hosts::new().with_host(&running.addr().to_string())?;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let client = ServiceBuilder::new()
        .layer(SmsPumpGuardLayer::new(PumpGuard::new(Policy::default())?).with_hosts(hosts.clone()))
        .layer(ClientIpInjectorLayer::new().with_hosts(hosts).with_documentation_addresses())
        .service(ReqwestService::new(client));

    let send = |destination: &str| {
        Request::post(format!("{}/api/v1/subaccounts/demo/messages", running.url()))
            .header("authorization", "Bearer sandbox")
            .header("content-type", "application/json")
            .body(reqwest::Body::from(format!(r#"{{"destination":"{destination}","text":"hi"}}"#)))
    };
    let ana = ClientIp::asserted("203.0.113.7".parse()?);
    let ben = ClientIp::asserted("2001:db8::7".parse()?);

    // 1. On the request itself.
    let mut request = send("+6591234567")?;
    request.extensions_mut().insert(ana);
    println!("by extension:        {}", client.clone().oneshot(request).await?.status());

    // 2. By the ambient scope: the code that makes the call need not know of it.
    let response = ben.scope(client.clone().oneshot(send("+6591234568")?)).await?;
    println!("by ambient scope:    {}", response.status());

    // 3. A spawned task is outside the scope of the one that spawns it: carry it there.
    let task = tokio::spawn(ana.scope(client.clone().oneshot(send("+6591234569")?)));
    println!("in a spawned task:   {}", task.await??.status());

    // 4. Nobody asked: a cron job says so, and clientIp is left out.
    let mut request = send("+6591234570")?;
    request.extensions_mut().insert(Origin::System);
    println!("by the system:       {}", client.clone().oneshot(request).await?.status());

    // 5. Nothing is known: refused, not sent.
    let refused = client.clone().oneshot(send("+6591234571")?).await?;
    println!("without anything:    {} ({:?})", refused.status(), refused.headers()["tollgate-refusal"]);

    println!("\nThe sandbox received:");
    for received in sandbox.requests() {
        println!("{}", received.body.text());
    }
    Ok(())
}
