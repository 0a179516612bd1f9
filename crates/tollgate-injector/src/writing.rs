use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use tollgate_8x8::{Dispatch, Halt, HandleDispatch, Placement, apply, replace_body};
use tollgate_core::Refusal;

use crate::insecure::Insecure;

/// Writes an address into a body that was read, or removes what is there.
#[derive(Debug)]
pub struct Writing {
    /// `None` is left out.
    addr: Option<IpAddr>,
    placement: Placement,
    insecure: Insecure,
}

impl Writing {
    pub(crate) fn new(addr: Option<IpAddr>, placement: Placement, insecure: Insecure) -> Self {
        Self { addr, placement, insecure }
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
        replace_body(request, body);
        let result = if self.addr.is_some() { "written" } else { "left_out" };
        count(result, dispatch.endpoint().as_str());
        Poll::Ready(Ok(()))
    }

    fn passes_unread(&self, refusal: &Refusal) -> bool {
        self.insecure.passes(refusal)
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
