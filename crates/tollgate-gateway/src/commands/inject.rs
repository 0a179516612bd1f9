use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use clap::Args;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use tollgate::core::{ClientIp, RefusalFormat, RefusalKind};
use tollgate::injector::{ClientIpInjectorLayer, Unusable};
use tower::{Layer, ServiceExt, service_fn};

use super::{Failure, Outcome};

/// Rewrite one request body: JSON on standard input, the body as it would be sent on standard output
///
/// A refusal is exit status 2, the reason on standard error, and nothing on standard output. The address is written as
/// given, private or not.
#[derive(Debug, Args)]
pub(super) struct Inject {
    /// The client IP to write
    #[arg(long, value_name = "IP")]
    client_ip: IpAddr,
    /// Where the request would go: decides whether and where clientIp is written
    #[arg(long)]
    url: Uri,
    /// The request's method
    #[arg(long, default_value = "POST")]
    method: Method,
    /// Print a refusal as JSON, on standard error
    #[arg(long)]
    json: bool,
}

impl Inject {
    pub(super) async fn run(self) -> Outcome {
        let mut body = Vec::new();
        std::io::stdin().lock().read_to_end(&mut body)?;
        let request = Request::builder()
            .method(self.method)
            .uri(self.url)
            .header(CONTENT_TYPE, "application/json")
            .extension(ClientIp::asserted(self.client_ip))
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Failure::Input(error.to_string()))?;

        // What the layer would send is all that is wanted of it.
        let sent = Arc::new(Mutex::new(None));
        let client = service_fn({
            let sent = Arc::clone(&sent);
            move |request: Request<Full<Bytes>>| {
                *sent.lock().unwrap_or_else(PoisonError::into_inner) = Some(request.into_body());
                async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) }
            }
        });
        let layer = ClientIpInjectorLayer::new()
            .with_unusable(Unusable::Pass)
            .with_refusal_format(RefusalFormat::problem_json());
        let Ok(response) = layer.layer(client).oneshot(request).await;

        let sent = sent.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(body) = sent {
            let Ok(body) = body.collect().await;
            let mut out = std::io::stdout().lock();
            out.write_all(&body.to_bytes())?;
            return Ok(out.flush()?);
        }
        let kind = response.extensions().get::<RefusalKind>().map_or("", |kind| kind.as_str());
        let Ok(problem) = response.into_body().collect().await;
        let problem: serde_json::Value = serde_json::from_slice(&problem.to_bytes()).unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or_default();
        if self.json {
            return Err(Failure::Input(serde_json::json!({ "error": kind, "detail": detail }).to_string()));
        }
        Err(Failure::Input(format!("{kind}: {detail}")))
    }
}
