use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use axum::{Router, body::to_bytes};
use http::StatusCode;

use crate::call::{Call, MAX_BODY, PathParams, too_large};
use crate::error::{Answer, ApiError, code};
use crate::record::Recorded;
use crate::sandbox::Sandbox;
use crate::{account, batch, control, exports, lookup, sms, survey, verify, webhooks};

const CONTROL: &str = "/_sandbox/";

type Endpoint = fn(&Sandbox, &Call) -> Answer;

pub(crate) fn router(sandbox: Sandbox) -> Router {
    const GET: MethodFilter = MethodFilter::GET;
    const POST: MethodFilter = MethodFilter::POST;
    const DELETE: MethodFilter = MethodFilter::DELETE;

    let messages = Router::new()
        .route("/", api(POST, sms::single))
        .route("/batch", api(POST, batch::many))
        .route("/batch/{batchId}", api(DELETE, batch::cancel))
        .route("/exports", api(POST, exports::start))
        .route("/exports/{jobId}", api(GET, exports::result).merge(api(DELETE, exports::cancel)))
        .route("/{umid}", api(GET, sms::details).merge(api(DELETE, sms::cancel)))
        .route("/{umid}/feedback", api(POST, sms::feedback))
        .route("/{umid}/pii", api(DELETE, sms::remove_pii));
    let sub_account = Router::new()
        .nest("/messages", messages)
        .route("/surveys/{surveyId}/messages", api(POST, survey::single))
        .route("/surveys/{surveyId}/messages/batch", api(POST, survey::many))
        .route("/phones/{phoneNumber}", api(GET, lookup::phone));
    let sub_account_v2 = Router::new()
        .route("/sessions", api(POST, verify::start))
        .route("/sessions/{sessionId}", api(GET, verify::check))
        .route("/sma/coverage", api(POST, verify::coverage));
    let account = Router::new()
        .route("/prices", api(GET, account::prices))
        .route("/balance", api(GET, account::balance))
        .route(
            "/webhooks",
            api(GET, webhooks::list).merge(api(POST, webhooks::add)).merge(api(DELETE, webhooks::delete)),
        );
    let control = Router::new()
        .route("/requests", own(GET, control::requests).merge(own(DELETE, control::clear)))
        .route("/sessions/{sessionId}/code", own(GET, control::code))
        .route("/sma/{sessionId}", own(GET, verify::open_sma));

    Router::new()
        .nest("/api/v1/subaccounts/{sub_account}", sub_account)
        .nest("/api/v2/subaccounts/{sub_account}", sub_account_v2)
        .nest("/api/v1/accounts/{account}", account)
        .nest("/_sandbox", control)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(sandbox.clone(), record))
        .layer(DefaultBodyLimit::disable())
        .with_state(sandbox)
}

/// An endpoint of 8x8's.
fn api(method: MethodFilter, endpoint: Endpoint) -> MethodRouter<Sandbox> {
    serve(method, endpoint, true)
}

/// An endpoint of the sandbox's own.
fn own(method: MethodFilter, endpoint: Endpoint) -> MethodRouter<Sandbox> {
    serve(method, endpoint, false)
}

fn serve(method: MethodFilter, endpoint: Endpoint, needs_key: bool) -> MethodRouter<Sandbox> {
    on(method, move |State(sandbox): State<Sandbox>, params: PathParams, request: Request| async move {
        let now = sandbox.now();
        let answer = Call::read(params, request, now).await.and_then(|call| {
            if needs_key {
                call.authenticate(sandbox.api_key())?;
            }
            endpoint(&sandbox, &call)
        });
        answer.unwrap_or_else(|error| error.respond(now))
    })
}

/// Reads the body to its end, so that what is recorded is whole, and passes it on.
async fn record(State(sandbox): State<Sandbox>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_BODY).await else {
        return too_large().respond(sandbox.now());
    };
    if !head.uri.path().starts_with(CONTROL) {
        sandbox.record(Recorded::new(&head, bytes.clone()));
    }
    next.run(Request::from_parts(head, Body::from(bytes))).await
}

async fn not_found(State(sandbox): State<Sandbox>) -> Response {
    ApiError::not_found("Resource not found.").respond(sandbox.now())
}

async fn method_not_allowed(State(sandbox): State<Sandbox>) -> Response {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, code::PARAMETER, "Method not allowed")
        .respond(sandbox.now())
}
