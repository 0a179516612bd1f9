//! Counters and trace events.

use super::Rejected;

/// A challenge was issued, or could not be.
pub(super) fn issued(kind: &'static str, is_issued: bool) {
    let result = if is_issued { "issued" } else { "failed" };
    metrics::counter!("tollgate_pump_guard_challenges_total", "kind" => kind, "result" => result)
        .increment(1);
    if is_issued {
        tracing::debug!(kind, "challenge issued");
    } else {
        tracing::error!(kind, "no challenge can be issued: the system gives no randomness");
    }
}

/// A solution was judged.
pub(super) fn judged(kind: &'static str, result: Result<(), Rejected>) -> Result<(), Rejected> {
    let code = result.map_or_else(Rejected::as_str, |()| "accepted");
    metrics::counter!("tollgate_pump_guard_solutions_total", "kind" => kind, "result" => code).increment(1);
    match result {
        Err(rejected) if rejected.is_transient() => {
            tracing::warn!(kind, result = code, "solution rejected without its fault");
        }
        _ => tracing::debug!(kind, result = code, "solution judged"),
    }
    result
}
