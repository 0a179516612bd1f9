use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use tollgate_core::{SharedClock, SystemClock};

use crate::engine::{self, Attempt, Charge, Policy, PolicyError, Profile, Reading, State, Verdict};
use crate::{Action, Mode};

/// The guard: a policy, its memory and a clock. Clones share all three.
#[derive(Clone, Debug)]
pub struct PumpGuard {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    policy: Policy,
    state: Mutex<State>,
    clock: SharedClock,
    /// What the engine's time, which is wall time that never goes back, is ahead of the clock's monotonic one.
    ahead: Duration,
}

/// What the guard remembers by default, in bytes.
const MEMORY: usize = 32 << 20;

impl PumpGuard {
    /// A guard with 32 MiB of memory on the machine's clock.
    ///
    /// # Errors
    ///
    /// A value of the policy makes no sense.
    pub fn new(policy: Policy) -> Result<Self, PolicyError> {
        Self::with_clock(policy, SystemClock::shared())
    }

    /// The same on another clock.
    ///
    /// # Errors
    ///
    /// A value of the policy makes no sense.
    pub fn with_clock(policy: Policy, clock: SharedClock) -> Result<Self, PolicyError> {
        policy.validate()?;
        engine::warm_up();
        let state = Mutex::new(State::new(MEMORY));
        let wall = clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ahead = wall.saturating_sub(clock.monotonic());
        Ok(Self { shared: Arc::new(Shared { policy, state, clock, ahead }) })
    }

    /// Judges one attempt to send to `destination`, and remembers it where it may go out: for a handler that sends by
    /// itself. `country` (ISO 3166-1 alpha-2) is needed for national numbers.
    ///
    /// Send only where the verdict's action is [`Action::Allow`]. In [`Mode::Monitor`] it always is; score and reasons
    /// say what would have been.
    pub async fn check(&self, destination: &str, country: Option<&str>, profile: Profile) -> Verdict {
        let (mut verdict, _sent) = self.judge(destination, country, profile, None);
        if self.mode() != Mode::Enforce {
            verdict.action = Action::Allow;
        }
        verdict
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.shared.policy
    }

    /// The engine's time.
    fn now(&self) -> Duration {
        self.shared.ahead + self.shared.clock.monotonic()
    }

    pub(crate) fn mode(&self) -> Mode {
        self.shared.policy.mode
    }

    /// Judges, remembers, counts and tells; whether to act is the caller's.
    pub(crate) fn judge(
        &self,
        destination: &str,
        country: Option<&str>,
        profile: Profile,
        client_ip: Option<IpAddr>,
    ) -> (Verdict, Option<Charge>) {
        let policy = &self.shared.policy;
        if policy.mode == Mode::Off {
            return (Verdict::allow(), None);
        }
        // Parsing takes microseconds: outside the lock.
        let attempt = Attempt::new(policy.read(destination, country), profile).from_client(client_ip);
        let now = self.now();
        let (verdict, charge) = engine::decide(policy, &mut self.state(), &attempt, now);
        self.tell(&verdict, &attempt.reading, profile);
        (verdict, charge)
    }

    /// Takes back what was remembered of an attempt that was not sent after all.
    pub(crate) fn forget(&self, charge: Charge) {
        engine::forget(&mut self.state(), charge);
    }

    /// A panic elsewhere leaves counters that are at worst one send behind.
    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, verdict: &Verdict, reading: &Reading, profile: Profile) {
        let action = verdict.action.as_str();
        let acted = self.mode() == Mode::Enforce;
        metrics::counter!(
            "tollgate_pump_guard_verdicts_total",
            "profile" => profile.as_str(), "verdict" => action, "enforced" => if acted { "true" } else { "false" },
        )
        .increment(1);
        for reason in &verdict.reasons {
            metrics::counter!("tollgate_pump_guard_reasons_total", "signal" => reason.signal.as_str())
                .increment(1);
        }
        // A campaign of thousands is told in one line when it is refused.
        if verdict.reasons.is_empty() || profile == Profile::Campaign {
            tracing::debug!(profile = profile.as_str(), verdict = action, "judged");
            return;
        }
        let range = match reading {
            Reading::Number(number) => number.to_string(),
            Reading::Barred(country) => format!("a number of {country}"),
            Reading::Unreadable(_) => "no number".to_owned(),
        };
        let reasons: Vec<_> = verdict.reasons.iter().map(ToString::to_string).collect();
        tracing::info!(
            profile = profile.as_str(),
            verdict = action,
            enforced = acted,
            score = verdict.score,
            range,
            reasons = reasons.join("; "),
            "judged"
        );
    }
}
