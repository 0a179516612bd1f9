//! A gRPC service that sends one-time codes, with tonic: the layers around its server and around its client.
//!
//! A client in the same program calls it, and what became of each call is printed. It runs against a sandbox of its own;
//! nothing is sent to anybody:
//!
//! ```text
//! cargo run -p example-tonic-otp
//! ```

mod otp;

use std::error::Error;
use std::time::Duration;

use http::uri::PathAndQuery;
use otp::{CodeSent, Otp, SendCode};
use tokio::net::TcpListener;
use tollgate::prelude::*;
use tonic::client::Grpc;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt;
use tower::{Layer, ServiceBuilder};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    for (call, answer) in calls().await? {
        match answer {
            Ok(sent) => println!("{call:<38} sent: session {}", sent.session),
            Err(status) => {
                let wait = status.get_details_retry_info().and_then(|info| info.retry_delay);
                let wait = wait
                    .map(|wait| format!(", again in {} s", wait.as_secs_f64().ceil()))
                    .unwrap_or_default();
                println!("{call:<38} {:?}{wait}: {}", status.code(), status.message());
            }
        }
    }
    Ok(())
}

/// Starts sandbox and server, and gives each call's name with what it was answered.
async fn calls() -> Result<Vec<(String, Result<CodeSent, Status>)>, Box<dyn Error>> {
    let sandbox = tollgate_sandbox::Sandbox::new().start("127.0.0.1:0".parse()?).await?;
    let guard = PumpGuard::new(Policy::default())?;
    let otp = Otp {
        eight: outbound(guard.clone(), &sandbox.addr().to_string())?,
        guard,
        sessions: format!("{}/api/v2/subaccounts/demo/sessions", sandbox.url()),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    // The proxy in front of this service is on this host.
    let proxy = Rule::new(["127.0.0.0/8", "::1"], "X-Forwarded-For", Strategy::Ranges)?;
    let per_minute = Limit::new("per-minute", Quota::requests(3).per(Duration::from_secs(60)));
    let inbound = ServiceBuilder::new()
        .layer(TrustedClientIpLayer::new(Resolver::new().with_rule(proxy)))
        .layer(IpRateLimitLayer::new([per_minute])?)
        .into_inner();
    // tonic says by itself who is connected.
    let server = Server::builder().layer(inbound).add_service(otp);
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));

    let mut client = Grpc::new(Channel::from_shared(url)?.connect().await?);
    let mut told = Vec::new();
    for n in 1..=4 {
        let phone = format!("+659{n}234567");
        told.push((format!("203.0.113.7 asks for {phone}"), send(&mut client, "203.0.113.7", &phone).await));
    }
    // One number range, each time from another address: no limit by address sees that.
    for n in 10..30 {
        let (addr, phone) = (format!("198.51.100.{n}"), format!("+62812345678{n}"));
        let answer = send(&mut client, &addr, &phone).await;
        let over = answer.as_ref().is_err_and(|status| status.code() == Code::PermissionDenied);
        told.push((format!("{addr} asks for {phone}"), answer));
        if over {
            break;
        }
    }
    Ok(told)
}

/// Guard, injector, retries and limits around a reqwest client.
fn outbound(guard: PumpGuard, sandbox: &str) -> Result<Outbound<ReqwestService>, Box<dyn Error>> {
    let hosts = Hosts::new().with_host(sandbox)?;
    let guard = SmsPumpGuardLayer::new(guard).with_hosts(hosts.clone());
    // Documentation addresses are for trying it out; leave this out in earnest.
    let injector = ClientIpInjectorLayer::new().with_hosts(hosts).with_documentation_addresses();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    Ok(OutboundLayer::new(guard, injector).layer(ReqwestService::new(client)))
}

/// Calls as the proxy would pass it on.
async fn send(client: &mut Grpc<Channel>, addr: &str, phone: &str) -> Result<CodeSent, Status> {
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let mut request = Request::new(SendCode { phone: phone.to_owned() });
    let addr = addr.parse().map_err(|_| Status::invalid_argument("no address"))?;
    request.metadata_mut().insert("x-forwarded-for", addr);
    let codec = ProstCodec::<SendCode, CodeSent>::default();
    let answer = client.unary(request, PathAndQuery::from_static(otp::SEND), codec).await?;
    Ok(answer.into_inner())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[tokio::test]
    async fn each_layer_speaks_grpc() {
        let told = calls().await.unwrap();
        let codes: Vec<_> = told.iter().map(|(_, answer)| answer.as_ref().err().map(Status::code)).collect();
        assert_eq!(codes[..4], [None, None, None, Some(Code::ResourceExhausted)]);
        let limited = told[3].1.as_ref().unwrap_err();
        assert!(limited.get_details_retry_info().is_some(), "{limited:?}");
        assert!(codes[4..].contains(&None));
        assert_eq!(codes.last(), Some(&Some(Code::PermissionDenied)));
        assert!(
            told.iter()
                .all(|(_, answer)| answer.as_ref().is_ok_and(|sent| !sent.session.is_empty())
                    || answer.is_err())
        );
    }
}
