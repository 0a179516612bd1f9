//! What is counted and logged of a verdict. Numbers are masked to their range.

use super::PumpGuard;
use crate::engine::{Mode, Profile, Reading, Verdict};

impl PumpGuard {
    pub(super) fn tell(&self, verdict: &Verdict, reading: &Reading, profile: Profile) {
        let action = verdict.action.as_str();
        let acted = self.mode() == Mode::Enforce;
        metrics::counter!(
            "tollgate_pump_guard_verdicts_total",
            "profile" => self.shared.profiles.label(profile), "verdict" => action, "enforced" => if acted { "true" } else { "false" },
        )
        .increment(1);
        for reason in &verdict.reasons {
            metrics::counter!("tollgate_pump_guard_reasons_total", "signal" => reason.signal.as_str())
                .increment(1);
        }
        // A campaign of thousands is told in one line when it is refused.
        let name = self.shared.profiles.name(profile);
        if verdict.reasons.is_empty() || profile.is_campaign() {
            tracing::debug!(profile = name, verdict = action, "judged");
            return;
        }
        let range = match reading {
            Reading::Number(number) => number.to_string(),
            Reading::Barred(country) => format!("a number of {country}"),
            Reading::Unreadable(_) => "no number".to_owned(),
        };
        let reasons: Vec<_> = verdict.reasons.iter().map(ToString::to_string).collect();
        tracing::info!(
            profile = name,
            verdict = action,
            enforced = acted,
            score = verdict.score,
            range,
            reasons = reasons.join("; "),
            "judged"
        );
    }
}
