//! The sandbox as its callers see it.

mod endpoints;
mod limits;
mod records;
mod schema;
mod sending;
mod verification;
mod wire;

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tollgate_core::FakeClock;
use tower::ServiceExt;

use crate::Sandbox;

const SMS: &str = "/api/v1/subaccounts/acme/messages";
const BATCH: &str = "/api/v1/subaccounts/acme/messages/batch";
const SESSIONS: &str = "/api/v2/subaccounts/acme/sessions";

#[derive(Debug)]
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Reply {
    /// Status and code, after looking at the rest of the error's envelope.
    fn error(&self) -> (u16, u64) {
        assert!(self.body["message"].is_string(), "{self:?}");
        let error_id = self.body["errorId"].as_str().unwrap();
        assert!(error_id.parse::<uuid::Uuid>().is_ok());
        let timestamp = self.body["timestamp"].as_str().unwrap();
        assert!(timestamp.parse::<jiff::Timestamp>().is_ok());
        (self.status.as_u16(), self.body["code"].as_u64().unwrap())
    }

    fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("{name} in {self:?}")).to_owned()
    }
}

fn with_fake_clock() -> (Sandbox, FakeClock) {
    let clock = FakeClock::new();
    (Sandbox::new().with_clock(Arc::new(clock.clone())), clock)
}

async fn send(sandbox: &Sandbox, request: Request<Body>) -> Reply {
    let response = sandbox.router().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Reply {
        status: head.status,
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    }
}

async fn call(sandbox: &Sandbox, method: Method, path: &str, body: impl Into<Body>) -> Reply {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", "Bearer a-key")
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap();
    send(sandbox, request).await
}

async fn post(sandbox: &Sandbox, path: &str, body: Value) -> Reply {
    call(sandbox, Method::POST, path, body.to_string()).await
}

async fn get(sandbox: &Sandbox, path: &str) -> Reply {
    call(sandbox, Method::GET, path, Body::empty()).await
}

async fn delete(sandbox: &Sandbox, path: &str) -> Reply {
    call(sandbox, Method::DELETE, path, Body::empty()).await
}
