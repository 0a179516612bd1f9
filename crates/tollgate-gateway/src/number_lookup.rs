//! 8x8's Number Lookup, asked by the gateway itself.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;
use tollgate::pump_guard::intelligence::{self, NumberIntelligence};
use tower::service_fn;

use crate::config::NumberLookup;
use crate::upstream::{Bases, OutBody, Upstream};

/// How long a lookup may go on that nobody waits for any more.
const LATE: Duration = Duration::from_secs(5);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What the configuration has the guard ask; `None` where that is nothing.
pub(crate) fn intelligence(
    config: &NumberLookup,
    authorization: Option<&HeaderValue>,
    bases: &Bases,
    upstream: &Upstream,
) -> Option<Arc<dyn NumberIntelligence>> {
    let (sub_account, per_minute) = config.asks()?;
    let (client, bases) = (upstream.client().clone(), bases.clone());
    let ask = service_fn(move |request: Request<Full<Bytes>>| {
        // The region's host, or what the configuration has in its place.
        let uri = bases.uri(request.uri().clone());
        let client = client.clone();
        async move {
            let (mut parts, _) = request.into_parts();
            parts.uri = uri.ok_or("Number Lookup is nowhere")?;
            let request = Request::from_parts(parts, OutBody::from(Bytes::new()));
            // In a task of its own: the first connection takes longer than a message waits, and is there for the next.
            let asked = tokio::spawn(tokio::time::timeout(LATE, client.request(request)));
            Ok::<_, Failure>(asked.await???)
        }
    });
    let lookup = intelligence::NumberLookup::new(sub_account, authorization?.clone(), ask)
        .with_kind(config.kind.into())
        .with_per_minute(per_minute);
    Some(Arc::new(lookup))
}
