//! Verification starts that ask for a short code.

use tollgate_8x8::{CODE_LENGTH, Dispatch, Endpoint};
use tollgate_core::{Refusal, RefusalKind};

use crate::engine::{CodeLengthPolicy, Mode, Policy};

/// The length that a dispatch's code gets instead of its own.
pub(crate) fn judge(policy: &Policy, dispatch: &Dispatch) -> Result<Option<u8>, Refusal> {
    let minimum = match policy.code_length {
        CodeLengthPolicy::Pass => return Ok(None),
        CodeLengthPolicy::Raise { minimum } | CodeLengthPolicy::Refuse { minimum } => minimum,
    };
    if !matches!(dispatch.endpoint(), Endpoint::VerifyStart | Endpoint::LegacyVerify) {
        return Ok(None);
    }
    let asked = match dispatch.scan().code_length(dispatch.body()) {
        Ok(asked) => asked,
        Err(_) if policy.mode != Mode::Enforce => return Ok(None),
        Err(fault) => return Err(Refusal::from(&fault)),
    };
    if asked >= minimum {
        return Ok(None);
    }
    if policy.mode == Mode::Enforce && matches!(policy.code_length, CodeLengthPolicy::Refuse { .. }) {
        let most = CODE_LENGTH.end();
        let detail = format!(
            "\"codeLength\": {asked} is below {minimum} (left out, it is 4): ask for {minimum} to {most}"
        );
        return Err(Refusal::new(RefusalKind::InvalidShape, detail));
    }
    Ok(Some(minimum))
}

/// Counts a code that was asked to be short and goes out, longer or, where the guard does not act, as it was.
pub(crate) fn tell(acts: bool) {
    let result = if acts { "raised" } else { "noted" };
    metrics::counter!("tollgate_pump_guard_short_codes_total", "result" => result).increment(1);
    tracing::debug!(result, "short code");
}
