//! Strangers asked for from one network.

use std::time::Duration;

use super::fade::HOUR;
use super::places::{FAILING, PlacePolicy};
use super::policy::Mode;
use super::state::Seen;
use super::{Reason, Signal};

/// Strangers asked for from one autonomous system that do not verify. Most of the world's people share a few hundred of
/// them, so it only adds.
pub(super) fn judge(policy: &PlacePolicy, seen: &Seen<'_>) -> Option<Reason> {
    let (asn, network) = (seen.asn?, seen.network.as_ref()?);
    if policy.mode == Mode::Off || !policy.used_up(network) {
        return None;
    }
    let evidence = format!(
        "of strangers asked for from AS{}, {:.1} did not verify and {} may yet ({:.1} owed); it may have {:.1}; verified in \
         a week: {:.0}",
        asn.0,
        network.debt.max(0.0),
        network.in_flight,
        network.owed(FAILING),
        policy.bears(network),
        network.verified
    );
    policy.mode.reason(Signal::Asn, 15, evidence, Some(Duration::from_secs(HOUR.into())))
}
