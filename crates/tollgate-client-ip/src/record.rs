//! Counters, and trace events that no flood of requests can turn into a flood of lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tollgate_core::{Sampler, SharedClock, SystemClock};

use crate::{Outcome, Reason, Resolution};

/// What a layer and its services count and say.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    clock: SharedClock,
    /// A server that names no peer never does: one line says it, a line for each request would bury it.
    no_peer_said: Arc<AtomicBool>,
    no_proxy_header_said: Arc<AtomicBool>,
    undetermined: Arc<Sampler>,
    spoofs: Arc<Sampler>,
    differences: Arc<Sampler>,
}

impl Default for Record {
    fn default() -> Self {
        Self::with_clock(SystemClock::shared())
    }
}

impl Record {
    pub(crate) fn with_clock(clock: SharedClock) -> Self {
        Self {
            clock,
            no_peer_said: Arc::default(),
            no_proxy_header_said: Arc::default(),
            undetermined: Arc::default(),
            spoofs: Arc::default(),
            differences: Arc::default(),
        }
    }

    /// Addresses and what headers held are told at `debug`, and no request is logged above it.
    pub(crate) fn resolution(&self, resolution: &Resolution) {
        match resolution.outcome() {
            // Written out: labels that are all literals make a static key, without allocation.
            Outcome::Client(_) => {
                metrics::counter!("tollgate_client_ip_resolved_total", "outcome" => "client", "reason" => "none")
                    .increment(1);
            }
            Outcome::DirectPeer(_) => {
                metrics::counter!("tollgate_client_ip_resolved_total", "outcome" => "direct_peer", "reason" => "none")
                    .increment(1);
            }
            Outcome::Undetermined(reason) => self.undetermined(resolution, reason),
        }
        if let Some(kind) = resolution.spoof_suspected().map(crate::Spoof::as_str) {
            metrics::counter!("tollgate_client_ip_spoof_suspected_total", "kind" => kind).increment(1);
            if let Some(unsaid) = self.sample(&self.spoofs) {
                let peer = resolution.peer().map(tracing::field::display);
                let ignored = resolution.ignored().join("; ");
                tracing::debug!(
                    peer,
                    kind,
                    ignored,
                    unsaid,
                    "client IP headers that nobody vouched for were removed"
                );
            }
        }
    }

    fn undetermined(&self, resolution: &Resolution, reason: &Reason) {
        let code = reason.as_str();
        metrics::counter!("tollgate_client_ip_resolved_total", "outcome" => "undetermined", "reason" => code)
            .increment(1);
        if let Some(unsaid) = self.sample(&self.undetermined) {
            let peer = resolution.peer().map(tracing::field::display);
            tracing::debug!(
                peer,
                rule = resolution.rule(),
                reason = code,
                unsaid,
                "client IP undetermined: {reason}"
            );
        }
        let said = match reason {
            Reason::NoPeer => &self.no_peer_said,
            Reason::ProxyHeaderMissing => &self.no_proxy_header_said,
            _ => return,
        };
        if !said.swap(true, Ordering::Relaxed) {
            tracing::error!("{reason}");
        }
    }

    pub(crate) fn dry_run(&self, real: &Resolution, dry: &Resolution) {
        let told = |resolution: &Resolution| match (resolution.client_ip(), resolution.reason()) {
            (Some(client), _) => Ok(client.addr()),
            (None, reason) => Err(reason.map(Reason::as_str)),
        };
        if told(real) == told(dry) {
            metrics::counter!("tollgate_client_ip_dry_run_total", "answer" => "same").increment(1);
            return;
        }
        metrics::counter!("tollgate_client_ip_dry_run_total", "answer" => "different").increment(1);
        if let Some(unsaid) = self.sample(&self.differences) {
            let (real, dry) = (real.why(), dry.why());
            tracing::debug!(real, dry, unsaid, "the dry run's rules answer differently");
        }
    }

    fn sample(&self, sampler: &Sampler) -> Option<u64> {
        if tracing::enabled!(tracing::Level::DEBUG) { sampler.take(self.clock.monotonic()) } else { None }
    }
}
