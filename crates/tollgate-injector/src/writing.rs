use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use http::{HeaderValue, Request};
use tollgate_8x8::{Dispatch, Halt, HandleDispatch, Placement, apply};
use tollgate_core::Refusal;

/// Writes an address into a body that was read, or removes what is there.
#[derive(Debug)]
pub struct Writing {
    /// `None` is left out.
    addr: Option<IpAddr>,
    placement: Placement,
}

impl Writing {
    pub(crate) fn new(addr: Option<IpAddr>, placement: Placement) -> Self {
        Self { addr, placement }
    }
}

impl<B: From<Bytes>> HandleDispatch<B> for Writing {
    fn poll_handle(
        &mut self,
        _: &mut Context<'_>,
        dispatch: &Arc<Dispatch>,
        request: &mut Request<B>,
    ) -> Poll<Result<(), Halt>> {
        let (placement, address) = match self.addr {
            // Canonical text of an `IpAddr`: nothing in it needs escaping.
            Some(addr) => (self.placement, addr.to_string()),
            None => (Placement::Nowhere, String::new()),
        };
        let edits = dispatch.scan().edits(placement);
        let body = apply(dispatch.body(), &edits, &address);
        // What was read is no longer what is sent.
        request.extensions_mut().remove::<Arc<Dispatch>>();
        let headers = request.headers_mut();
        // A stale length would cut the body short on HTTP/1.1, and the caller would see 200.
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.remove(TRANSFER_ENCODING);
        headers.remove(EXPECT);
        *request.body_mut() = B::from(body);
        let result = if self.addr.is_some() { "written" } else { "left_out" };
        count(result, dispatch.endpoint().as_str());
        Poll::Ready(Ok(()))
    }

    fn refused(&self, refusal: &Refusal) {
        tell(refusal);
    }
}

fn count(result: &'static str, endpoint: &'static str) {
    metrics::counter!("tollgate_injector_total", "result" => result, "endpoint" => endpoint).increment(1);
    tracing::debug!(result, endpoint, "clientIp");
}

/// Counts a refusal and tells of it.
pub(crate) fn tell(refusal: &Refusal) {
    let kind = refusal.kind().as_str();
    metrics::counter!("tollgate_injector_refused_total", "kind" => kind).increment(1);
    tracing::info!(kind, "refused");
    // There may be an address in it.
    tracing::debug!(kind, detail = refusal.detail(), "refused");
}
