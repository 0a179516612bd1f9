//! What is counted. Labels are fixed words.

use metrics::{counter, gauge};

/// A question, and what came of it; `of` whose it was.
pub(crate) fn called(of: &'static str, result: &'static str) {
    counter!("tollgate_redis_calls_total", "of" => of, "result" => result).increment(1);
}

/// The server is not asked.
pub(crate) fn away(of: &'static str) {
    gauge!("tollgate_redis_up", "of" => of).set(0.0);
}

/// The server is given up.
pub(crate) fn opened(of: &'static str) {
    counter!("tollgate_redis_breaker_opened_total", "of" => of).increment(1);
    away(of);
}

/// The server is asked again.
pub(crate) fn closed(of: &'static str) {
    gauge!("tollgate_redis_up", "of" => of).set(1.0);
}

/// A request, and who decided it.
#[cfg(feature = "rate-limit")]
pub(crate) fn decided(by: &'static str) {
    counter!("tollgate_redis_decisions_total", "by" => by).increment(1);
}

/// What was counted here was told to the server (`sent`), or had no room here to be kept until then (`dropped`).
#[cfg(feature = "rate-limit")]
pub(crate) fn merged(what: &'static str) {
    counter!("tollgate_redis_merged_total", "what" => what).increment(1);
}

/// So many events of the guard, and what became of them.
#[cfg(feature = "pump-guard")]
pub(crate) fn guard_events(what: &'static str, count: u64) {
    if count > 0 {
        counter!("tollgate_redis_guard_events_total", "what" => what).increment(count);
    }
}

/// Whether what other nodes tell is heard.
#[cfg(feature = "pump-guard")]
pub(crate) fn guard_listens(listens: bool) {
    gauge!("tollgate_redis_guard_listening").set(if listens { 1.0 } else { 0.0 });
}
