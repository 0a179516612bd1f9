//! What a caller is told whose dispatch is stopped.

use tollgate_core::refusal::Member;
use tollgate_core::{Refusal, RefusalKind};

use crate::challenge::{Challenge, Rejected};
use crate::engine::{Action, Signal, Verdict};

/// How many recipients of a batch are listed; the rest is counted.
const LISTED: usize = 100;

/// Counts a refusal and tells of it.
pub(crate) fn tell(refusal: &Refusal) {
    let kind = refusal.kind().as_str();
    metrics::counter!("tollgate_pump_guard_refused_total", "kind" => kind).increment(1);
    tracing::info!(kind, detail = refusal.detail(), "refused");
}

/// The refusal for one destination.
pub(crate) fn one(verdict: &Verdict, challenge: Option<Challenge>, rejected: Option<Rejected>) -> Refusal {
    let mut detail = match verdict.main_reason() {
        Some(reason) => format!("not sent: {reason}"),
        None => "not sent".to_owned(),
    };
    if verdict.action == Action::Challenge {
        if let Some(rejected) = rejected {
            detail = format!("{detail}. Not accepted: {rejected}");
        }
        detail.push_str(". Send it again with the challenge's solution in the header tollgate-solution");
    }
    let refusal = finish(verdict, detail, vec![verdict]);
    match challenge {
        Some(challenge) => refusal.with_member("challenge", Member::Json(challenge.object.into())),
        None => refusal,
    }
}

/// The refusal for a second press whose first has no answer yet, or was another request.
pub(crate) fn too_soon() -> Refusal {
    let detail = "not sent: this client was sent a message for this number within the last ten seconds. The very same \
                  request gets its answer again, once there is one; another one has to wait";
    Refusal::new(RefusalKind::NumberCooldown, detail).with_retry_after(std::time::Duration::from_secs(1))
}

/// The refusal for a request that could not be made the one that may go out.
pub(crate) fn cannot_change() -> Refusal {
    Refusal::new(RefusalKind::Pumping, "not sent: its body cannot be changed as it would have to be")
}

/// The refusal for whoever asked the app itself: he may be the attacker, so that nothing is told of what was measured.
pub(crate) fn in_public(
    verdict: &Verdict,
    challenge: Option<Challenge>,
    rejected: Option<Rejected>,
) -> Refusal {
    let kind = kind(verdict);
    let detail = match kind {
        RefusalKind::InvalidNumber => {
            "this is no phone number that can be sent to: write it with + and the calling code"
        }
        RefusalKind::NumberBlocked => "nothing is sent to numbers of this kind",
        RefusalKind::NumberCooldown => "this number got a message lately: wait before asking for another",
        RefusalKind::CodeGuesses => "too many wrong codes were given for this number: wait",
        RefusalKind::TenantRate => "too much is being sent at the moment: ask again in a second",
        RefusalKind::ChallengeRequired if rejected.is_some() => {
            "the challenge's solution does not hold: solve this one and send the request again with its solution in the \
             header tollgate-solution"
        }
        RefusalKind::ChallengeRequired => {
            "solve the challenge and send the request again with its solution in the header tollgate-solution"
        }
        _ => "nothing is sent to this number at the moment",
    };
    let mut refusal = Refusal::new(kind, detail);
    if let Some(wait) = verdict.retry_after {
        refusal = refusal.with_retry_after(wait);
    }
    match challenge {
        Some(challenge) => refusal.with_member("challenge", Member::Json(challenge.object.into())),
        None => refusal,
    }
}

/// The same for a second press.
pub(crate) fn too_soon_in_public() -> Refusal {
    Refusal::new(RefusalKind::NumberCooldown, "this number got a message just now: wait for it")
        .with_retry_after(std::time::Duration::from_secs(1))
}

/// The refusal for a code that is not checked.
pub(crate) fn check(verdict: &Verdict) -> Refusal {
    let detail = match verdict.main_reason() {
        Some(reason) => format!("not checked: {reason}"),
        None => "not checked".to_owned(),
    };
    finish(verdict, detail, vec![verdict])
}

/// The refusal for a batch with these bad recipients, by their index.
pub(crate) fn batch(recipients: usize, bad: &[(usize, Verdict)]) -> Refusal {
    let Some((_, worst)) = bad.iter().max_by_key(|(_, verdict)| verdict.score) else {
        return Refusal::new(RefusalKind::Pumping, "not sent");
    };
    let detail = format!(
        "nothing of this batch was sent: {} of its {recipients} recipients may not be sent to; take them out",
        bad.len()
    );
    let listed = bad.iter().take(LISTED).map(|(index, verdict)| {
        let reasons: Vec<_> = verdict.reasons.iter().map(ToString::to_string).collect();
        format!("recipient {index}: {}", reasons.join("; "))
    });
    finish(worst, detail, bad.iter().map(|(_, verdict)| verdict).collect())
        .with_member("blocked", Member::Number(bad.len() as u64))
        .with_member("recipients", Member::Texts(listed.collect()))
}

fn finish(verdict: &Verdict, detail: String, all: Vec<&Verdict>) -> Refusal {
    let mut codes: Vec<String> = Vec::new();
    for reason in all.iter().flat_map(|verdict| &verdict.reasons) {
        let code = reason.signal.as_str();
        if !codes.iter().any(|known| known == code) {
            codes.push(code.to_owned());
        }
    }
    let refusal = Refusal::new(kind(verdict), detail)
        .with_member("score", Member::Number(verdict.score.into()))
        .with_member("reasons", Member::Texts(codes.into()));
    match verdict.retry_after {
        Some(wait) => refusal.with_retry_after(wait),
        None => refusal,
    }
}

fn kind(verdict: &Verdict) -> RefusalKind {
    match verdict.main_reason().map(|reason| reason.signal) {
        Some(Signal::NumberShape) => RefusalKind::InvalidNumber,
        Some(Signal::NumberType | Signal::CountryPolicy | Signal::Manual) => RefusalKind::NumberBlocked,
        Some(Signal::NumberLookup) if verdict.action == Action::Block => RefusalKind::NumberBlocked,
        Some(Signal::NumberCooldown) => RefusalKind::NumberCooldown,
        Some(Signal::CodeGuesses) => RefusalKind::CodeGuesses,
        Some(Signal::SpendCap) => RefusalKind::SpendCap,
        Some(Signal::TenantRate) => RefusalKind::TenantRate,
        _ if verdict.repeat => RefusalKind::NumberCooldown,
        _ if verdict.action == Action::Challenge => RefusalKind::ChallengeRequired,
        _ => RefusalKind::Pumping,
    }
}
