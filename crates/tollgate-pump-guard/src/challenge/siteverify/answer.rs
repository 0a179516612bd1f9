use http::StatusCode;
use serde_json::Value;

use super::Rejected;

/// What an answer has to say beside `success`.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    pub(super) hostname: Option<String>,
    pub(super) action: Option<String>,
    pub(super) least_score: Option<f64>,
}

/// What the provider says. `None` where it says nothing, or that the fault is ours.
pub(super) fn judge(status: StatusCode, body: &[u8], expected: &Expected) -> Option<Result<(), Rejected>> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    match answer.get("success")?.as_bool()? {
        true if status.is_success() => Some(expected.judge(&answer)),
        true => None,
        false => refusal(&answer).map(Err),
    }
}

impl Expected {
    fn judge(&self, answer: &Value) -> Result<(), Rejected> {
        let says = |name| answer.get(name).and_then(Value::as_str);
        let is_here = self
            .hostname
            .as_ref()
            .is_none_or(|here| says("hostname").is_some_and(|there| there.eq_ignore_ascii_case(here)));
        let is_this = self.action.as_ref().is_none_or(|this| says("action") == Some(this));
        if !is_here || !is_this {
            return Err(Rejected::Elsewhere);
        }
        let score = answer.get("score").filter(|score| !score.is_null());
        let is_enough = match (self.least_score, score) {
            (Some(least), Some(score)) => score.as_f64().is_some_and(|score| score >= least),
            _ => true,
        };
        if is_enough { Ok(()) } else { Err(Rejected::Unsolved) }
    }
}

/// What the error codes of the three providers come to. `None` where the fault is ours or the provider's.
fn refusal(answer: &Value) -> Option<Rejected> {
    let codes = answer.get("error-codes").and_then(Value::as_array);
    let codes: Vec<_> = codes.into_iter().flatten().filter_map(Value::as_str).collect();
    let says = |known: &[&str]| codes.iter().any(|code| known.contains(code));
    if says(&[
        "missing-input-secret",
        "invalid-input-secret",
        "sitekey-secret-mismatch",
        "bad-request",
        "internal-error",
    ]) {
        // Codes of the provider's own, and no more of them than it takes to see what is wrong.
        let codes: Vec<_> = codes.iter().take(4).collect();
        tracing::error!(?codes, "the provider does not take the question: look at the secret key");
        return None;
    }
    Some(if says(&["timeout-or-duplicate", "expired-input-response"]) {
        Rejected::Expired
    } else if says(&["already-seen-response"]) {
        Rejected::AlreadyUsed
    } else {
        Rejected::Unsolved
    })
}
