//! What a gRPC client, tonic's, makes of a refusal.

use std::time::Duration;

use axum::Router;
use axum::http::uri::PathAndQuery;
use tollgate::prelude::*;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt;

use super::*;

/// A server whose methods answer nothing, as far as the limit lets them be asked.
async fn serve(limit: Limit) -> Grpc<Channel> {
    let empty = || async { ([("content-type", "application/grpc"), ("grpc-status", "0")], "") };
    let router = Router::new()
        .fallback(empty)
        .layer(IpRateLimitLayer::new([limit]).unwrap())
        .layer(TrustedClientIpLayer::new(Resolver::new()));
    let listener = TcpListener::bind(local()).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await.unwrap();
    });
    Grpc::new(Channel::from_shared(url).unwrap().connect().await.unwrap())
}

async fn ask(client: &mut Grpc<Channel>) -> Status {
    client.ready().await.unwrap();
    let path = PathAndQuery::from_static("/otp.Otp/Send");
    let codec = ProstCodec::<(), ()>::default();
    client.unary(Request::new(()), path, codec).await.unwrap_err()
}

#[tokio::test]
async fn a_tonic_client_is_told_resource_exhausted_and_when_to_come_back() {
    let mut client = serve(Limit::new("per-hour", Quota::requests(1).per(Duration::from_secs(3600)))).await;
    // The handler's own answer has no message, which is another error.
    assert_ne!(ask(&mut client).await.code(), Code::ResourceExhausted);

    let status = ask(&mut client).await;
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert!(status.message().starts_with("limit per-hour"), "{status:?}");
    let wait = status.get_details_retry_info().unwrap().retry_delay.unwrap();
    assert!((Duration::from_secs(3590)..=Duration::from_secs(3600)).contains(&wait), "{wait:?}");
    let details = status.check_error_details().unwrap();
    assert_eq!(details.retry_info().unwrap().retry_delay, Some(wait));
    let pushback = status.metadata().get("grpc-retry-pushback-ms").unwrap().to_str().unwrap();
    assert_eq!(pushback.parse(), Ok(wait.as_nanos().div_ceil(1_000_000)));
    assert_eq!(status.metadata().get("tollgate-refusal").unwrap(), "rate_limited");
}
