//! The service. What stands here by hand, tonic's generator writes from a `.proto`, which needs `protoc`.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::BodyExt;
use serde_json::{Value, json};
use tollgate::core::RefusalKind;
use tollgate::prelude::*;
use tollgate::pump_guard::{Action, Verdict};
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::{Service, ServiceExt};

pub(crate) const SEND: &str = "/otp.Otp/Send";

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct SendCode {
    #[prost(string, tag = "1")]
    pub(crate) phone: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CodeSent {
    #[prost(string, tag = "1")]
    pub(crate) session: String,
}

#[derive(Clone)]
pub(crate) struct Otp {
    pub(crate) guard: PumpGuard,
    pub(crate) eight: Outbound<ReqwestService>,
    /// Where verifications start.
    pub(crate) sessions: String,
}

impl Otp {
    async fn send(self, request: Request<SendCode>) -> Result<Response<CodeSent>, Status> {
        let client = request.extensions().get::<ClientIp>().copied();
        let phone = &request.get_ref().phone;
        let mut attempt = self.guard.attempt(phone, None, Profile::Otp);
        attempt.client_ip = client.map(|client| client.addr());
        let (verdict, pass) = self.guard.check_for_pass(&attempt).await;
        if !matches!(verdict.action, Action::Allow | Action::Shift(_)) {
            return Err(stopped(&verdict));
        }
        let mut outgoing = http::Request::post(self.sessions)
            .header("content-type", "application/json")
            .header("authorization", "Bearer sandbox")
            .body(json!({ "destination": phone, "brand": "Example" }).to_string().into())
            .map_err(internal)?;
        // With it the outbound guard does not count the attempt again. The client IP comes by the ambient scope.
        if let Some(pass) = pass {
            outgoing.extensions_mut().insert(pass);
        }
        let answer = self.eight.oneshot(outgoing).await.map_err(internal)?;
        let (status, refusal) = (answer.status(), answer.extensions().get::<RefusalKind>().copied());
        let body = answer.into_body().collect().await.map_err(internal)?.to_bytes();
        let body: Value = serde_json::from_slice(&body).map_err(internal)?;
        match (refusal, body["sessionId"].as_str()) {
            (None, Some(session)) => Ok(Response::new(CodeSent { session: session.to_owned() })),
            (Some(kind), _) => Err(Status::new(Code::from_i32(kind.grpc_code().into()), kind.as_str())),
            (None, None) => Err(Status::unavailable(format!("8x8 answered {status}"))),
        }
    }
}

/// Whoever asks may be the attacker: nothing of what was measured is told.
fn stopped(verdict: &Verdict) -> Status {
    match verdict.action {
        Action::Challenge => Status::failed_precondition("show first that a person asks"),
        _ => Status::permission_denied("nothing is sent to this number at the moment"),
    }
}

fn internal(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}

impl NamedService for Otp {
    const NAME: &'static str = "otp.Otp";
}

type BoxFuture<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

impl Service<http::Request<Body>> for Otp {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let method = SendMethod(self.clone());
        Box::pin(async move {
            if request.uri().path() != SEND {
                return Ok(Status::unimplemented("no such method").into_http());
            }
            Ok(Grpc::new(ProstCodec::default()).unary(method, request).await)
        })
    }
}

struct SendMethod(Otp);

impl UnaryService<SendCode> for SendMethod {
    type Response = CodeSent;
    type Future = BoxFuture<Response<CodeSent>, Status>;

    fn call(&mut self, request: Request<SendCode>) -> Self::Future {
        Box::pin(self.0.clone().send(request))
    }
}
