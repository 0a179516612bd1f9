use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use tollgate_8x8::{Dispatch, Halt, HandleDispatch, Place, Placement, apply, apply_each, replace_body};
use tollgate_core::{Refusal, RefusalKind};

use crate::insecure::Insecure;

/// What goes into a body; `None` is left out.
#[derive(Debug)]
pub(crate) enum Addresses {
    /// The request's.
    One(Option<IpAddr>),
    /// One for each message.
    Each(Vec<Option<IpAddr>>),
}

/// Writes addresses into a body that was read, or removes what is there.
#[derive(Debug)]
pub struct Writing {
    addresses: Addresses,
    placement: Placement,
    insecure: Insecure,
}

impl Writing {
    pub(crate) fn new(addresses: Addresses, placement: Placement, insecure: Insecure) -> Self {
        Self { addresses, placement, insecure }
    }

    /// The body with the addresses in it, and whether there is any.
    fn write(&self, dispatch: &Dispatch) -> Result<(Bytes, bool), Refusal> {
        let (scan, body) = (dispatch.scan(), dispatch.body());
        if let Some(fault) = scan.unseen() {
            return Err(fault.into());
        }
        match &self.addresses {
            Addresses::One(None) => Ok((apply(body, &scan.edits(Placement::Nowhere), ""), false)),
            // Canonical text of an `IpAddr`: nothing in it needs escaping.
            Addresses::One(Some(addr)) => {
                let written = self.placement != Placement::Nowhere;
                Ok((apply(body, &scan.edits(self.placement), &addr.to_string()), written))
            }
            Addresses::Each(addresses) => {
                if scan.own_messages() != Some(addresses.len()) {
                    return Err(not_as_many(scan.own_messages(), addresses.len()));
                }
                let texts: Vec<_> = addresses
                    .iter()
                    .map(|addr| addr.map_or_else(String::new, |addr| addr.to_string()))
                    .collect();
                let text = |place| match place {
                    Place::Message(index) => texts.get(index as usize).map_or("", String::as_str),
                    Place::Top => "",
                };
                let edits = scan.edits_where(|place| !text(place).is_empty());
                Ok((apply_each(body, &edits, text), addresses.iter().any(Option::is_some)))
            }
        }
    }
}

fn not_as_many(messages: Option<usize>, addresses: usize) -> Refusal {
    let what = match messages {
        Some(messages) => format!("{messages} messages"),
        None => "not a list of messages, each to one destination,".to_owned(),
    };
    let detail =
        format!("nothing was sent: the batch has {what} for {addresses} MessageOrigins: give one for each");
    Refusal::new(RefusalKind::InvalidShape, detail)
}

impl<B: From<Bytes>> HandleDispatch<B> for Writing {
    fn poll_handle(
        &mut self,
        _: &mut Context<'_>,
        dispatch: &Arc<Dispatch>,
        request: &mut Request<B>,
    ) -> Poll<Result<(), Halt>> {
        let (body, any) = match self.write(dispatch) {
            Ok(written) => written,
            Err(refusal) => return Poll::Ready(Err(refusal.into())),
        };
        replace_body(request, body);
        count(if any { "written" } else { "left_out" }, dispatch.endpoint().as_str());
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
