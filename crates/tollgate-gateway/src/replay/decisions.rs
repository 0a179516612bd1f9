//! What became of each send: one JSON line for each, in order.

use std::io::{self, Write};

use serde::Serialize;
use tollgate::pump_guard::Verdict;

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    verdict: &'static str,
    score: u8,
    reasons: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    repeat: bool,
}

/// Writes the verdict on the send `id` as one line.
///
/// # Errors
///
/// Those of `out`.
pub(crate) fn write(out: &mut impl Write, id: &str, verdict: &Verdict) -> io::Result<()> {
    let line = Line {
        id,
        verdict: verdict.action.as_str(),
        score: verdict.score,
        reasons: reasons(verdict),
        retry_after_s: verdict.retry_after.map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
        repeat: verdict.repeat,
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

/// The codes of the signals that count, each once.
pub(crate) fn reasons(verdict: &Verdict) -> Vec<&'static str> {
    let mut codes = Vec::new();
    for reason in verdict.reasons.iter().filter(|reason| reason.enforced) {
        let code = reason.signal.as_str();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes
}
