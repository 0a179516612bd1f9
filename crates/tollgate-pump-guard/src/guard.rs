mod outcomes;
mod sharing;
mod tell;
mod time;

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, StatusCode};
use tollgate_8x8::CodeCheck;
use tollgate_core::{Refusal, SharedClock, SystemClock};

use crate::challenge::{Binding, Challenge, ChallengeVerifier, ProofOfWork, Rejected};
use crate::checking::Checking;
use crate::decoy::Decoys;
use crate::engine::{
    self, Action, Attempt, Changes, Charge, Facts, Mode, Policy, PolicyError, Profile, Reading, State,
    Verdict,
};
use crate::intelligence::NumberIntelligence;
use crate::messages::Messages;
use crate::observer::Observer;
use crate::pass::Pass;
use crate::profiles::Profiles;
use crate::refuse;
use crate::repeats::Repeats;
use crate::step::Step;

use time::Time;

/// The guard: its profiles with their policies, its memory and a clock. Clones share all three.
#[derive(Clone, Debug)]
pub struct PumpGuard {
    shared: Arc<Shared>,
    challenges: Option<Arc<dyn ChallengeVerifier>>,
    intelligence: Option<Arc<dyn NumberIntelligence>>,
    messages: Option<Arc<Mutex<Messages>>>,
    observer: Option<Arc<dyn Observer>>,
}

#[derive(Debug)]
struct Shared {
    profiles: Profiles,
    state: Mutex<State>,
    repeats: Mutex<Repeats>,
    presses: RandomState,
    decoys: Option<Decoys>,
    time: Time,
}

impl PumpGuard {
    /// How much the guard remembers by default, in bytes.
    pub const MEMORY: usize = 32 << 20;

    /// A guard with 32 MiB of memory on the machine's clock. A [`Policy`] alone holds in all three built-in profiles.
    ///
    /// # Errors
    ///
    /// A value of the policy makes no sense.
    pub fn new(profiles: impl Into<Profiles>) -> Result<Self, PolicyError> {
        Self::with_clock(profiles, SystemClock::shared())
    }

    /// The same on another clock.
    ///
    /// # Errors
    ///
    /// A value of the policy makes no sense.
    pub fn with_clock(profiles: impl Into<Profiles>, clock: SharedClock) -> Result<Self, PolicyError> {
        Self::with_state(profiles, clock, State::new(Self::MEMORY))
    }

    /// The same with a memory that was kept: [`State::restore`]. What was kept of other profiles is forgotten.
    ///
    /// # Errors
    ///
    /// A value of the policy makes no sense.
    pub fn with_state(
        profiles: impl Into<Profiles>,
        clock: SharedClock,
        mut state: State,
    ) -> Result<Self, PolicyError> {
        let profiles = profiles.into();
        profiles.validate()?;
        engine::warm_up();
        let kept: Vec<_> = profiles.iter().map(|(profile, _)| profile).collect();
        state.keep_profiles(&kept);
        // What one node hands out, every node of the same secret knows for its own.
        let secret = state.secret();
        let key = |purpose: &[u8]| secret.map(|secret| secret.key(purpose));
        let state = Mutex::new(state);
        let decoys =
            profiles.iter().any(|(_, policy)| policy.decoy).then(|| Decoys::new(key(b"decoys"))).flatten();
        let shared = Shared {
            profiles,
            state,
            repeats: Mutex::default(),
            presses: RandomState::new(),
            decoys,
            time: Time::new(clock),
        };
        // Without randomness there are no challenges: what is doubtful is refused then.
        let work = key(b"challenges").map_or_else(ProofOfWork::new, |key| ProofOfWork::with_secret(&key));
        let challenges = work.ok().map(|work| Arc::new(work) as Arc<dyn ChallengeVerifier>);
        Ok(Self { shared: Arc::new(shared), challenges, intelligence: None, messages: None, observer: None })
    }

    /// Other challenges than a proof of work: see [`challenge`](crate::challenge).
    #[must_use]
    pub fn with_challenges(mut self, verifier: Arc<dyn ChallengeVerifier>) -> Self {
        self.challenges = Some(verifier);
        self
    }

    /// Somebody to ask about numbers that it is unsure of: see [`intelligence`](crate::intelligence).
    #[must_use]
    pub fn with_intelligence(mut self, intelligence: Arc<dyn NumberIntelligence>) -> Self {
        self.intelligence = Some(intelligence);
        self
    }

    /// Remembers the ids of SMS for 15 minutes, at most 16,384 of them, so that 8x8 can be told which codes were given back:
    /// [`verified_with_feedback`](Self::verified_with_feedback). Guards cloned before do not.
    #[must_use]
    pub fn with_feedback(mut self) -> Self {
        self.messages = Some(Arc::default());
        self
    }

    /// Tells this observer what is judged and learned by this guard and by clones made of it from now on.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// A challenge for an attempt that is to be challenged: for a handler that answers by itself.
    #[must_use]
    pub fn challenge(&self, attempt: &Attempt) -> Option<Challenge> {
        self.challenges.as_ref()?.issue(&binding(attempt)?, self.now())
    }

    /// Judges a solution, and where it holds marks the attempt as [`proven`](Attempt::proven). A solution holds once.
    ///
    /// # Errors
    ///
    /// Why it does not hold.
    pub async fn prove(&self, attempt: &mut Attempt, solution: &str) -> Result<(), Rejected> {
        let judged = self.verify_solution(solution, attempt).wait().await;
        attempt.proven = judged.is_ok();
        judged
    }

    pub(crate) fn verify_solution(&self, solution: &str, attempt: &Attempt) -> Step<Result<(), Rejected>> {
        match (&self.challenges, binding(attempt)) {
            (Some(challenges), Some(binding)) => challenges.verify(solution, &binding, self.now()),
            _ => Step::Now(Err(Rejected::NotIssued)),
        }
    }

    /// An attempt to send to `destination`, from nobody known yet. `country` (ISO 3166-1 alpha-2) is needed for national
    /// numbers.
    #[must_use]
    pub fn attempt(&self, destination: &str, country: Option<&str>, profile: Profile) -> Attempt {
        // Parsing takes microseconds: outside the lock.
        let profile = self.shared.profiles.known(profile);
        Attempt::new(self.policy(profile).read(destination, country), profile)
    }

    /// Judges an attempt, and remembers it where it may go out: for a handler that sends by itself.
    ///
    /// Send only where the verdict's action is [`Action::Allow`] and it is no [`repeat`](Verdict::repeat), or, over the
    /// channel it names, [`Action::Shift`]; and tell what became of it, by [`verified`](Self::verified) or
    /// [`observe`](Self::observe). In [`Mode::Monitor`] the action always is to allow; score and reasons say what would
    /// have been.
    pub async fn check(&self, attempt: &Attempt) -> Verdict {
        self.check_for_pass(attempt).await.0
    }

    /// The same for a handler that sends through [`SmsPumpGuard`](crate::SmsPumpGuard): with the [`Pass`] in the outgoing
    /// request's extensions, or in [its scope](Pass::scope), the attempt is not judged and counted again there. A
    /// [`repeat`](Verdict::repeat) may then be sent too: there it gets the first answer, and no other message goes out.
    ///
    /// There is a pass where the verdict's action is to allow or to shift. Where the message is not sent after all, say
    /// [`Pass::not_sent`].
    ///
    /// ```
    /// # use tollgate_pump_guard::{Policy, Profile, PumpGuard};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let guard = PumpGuard::new(Policy::default())?;
    /// let attempt = guard.attempt("+6591234567", None, Profile::Otp);
    /// let (verdict, pass) = guard.check_for_pass(&attempt).await;
    /// let mut request = http::Request::post("https://verify.8x8.com/api/v2/subaccounts/x/sessions").body(())?;
    /// if let Some(pass) = pass {
    ///     request.extensions_mut().insert(pass);
    /// }
    /// # let _ = (verdict, request);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn check_for_pass(&self, attempt: &Attempt) -> (Verdict, Option<Pass>) {
        let informed;
        let attempt = match self.ask(attempt) {
            None => attempt,
            Some(step) => {
                informed = Attempt { facts: Some(step.wait().await), ..attempt.clone() };
                &informed
            }
        };
        let (mut verdict, pass) = self.judge_for_pass(attempt);
        if self.mode() != Mode::Enforce {
            verdict.action = Action::Allow;
        }
        (verdict, pass)
    }

    /// What changed in its memory since the last time, to be kept elsewhere; the first time, everything. Nothing is
    /// judged meanwhile: about a microsecond for each record.
    #[must_use = "what it gives is not given again"]
    pub fn changes(&self) -> Changes {
        self.state().changes()
    }

    /// Everything in its memory: for when [`changes`](Self::changes) could not be kept.
    #[must_use = "what it gives is not given again"]
    pub fn everything(&self) -> Changes {
        self.state().everything()
    }

    /// The profiles.
    #[must_use]
    pub fn profiles(&self) -> &Profiles {
        &self.shared.profiles
    }

    /// What a profile is judged by.
    pub(crate) fn policy(&self, profile: Profile) -> &Policy {
        self.shared.profiles.policy(profile)
    }

    /// What decoys are made with, where the profile asks for them.
    pub(crate) fn decoys(&self, profile: Profile) -> Option<&Decoys> {
        self.shared.decoys.as_ref().filter(|_| self.policy(profile).decoy)
    }

    /// The time it judges at, since 1970-01-01: that of the clock's wall, which it follows within a second, in whole
    /// milliseconds. It never goes back: where the clock is set back, it goes on more slowly until they agree.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.shared.time.now()
    }

    pub(crate) fn mode(&self) -> Mode {
        self.shared.profiles.mode()
    }

    /// Asks what is known of the attempt's number, where that is worth it.
    pub(crate) fn ask(&self, attempt: &Attempt) -> Option<Step<Facts>> {
        let intelligence = self.intelligence.as_ref()?;
        let Reading::Number(number) = &attempt.reading else { return None };
        let now = self.now();
        let uncertain = engine::is_uncertain(self.policy(attempt.profile), &self.state(), attempt, now);
        // The lock is free again.
        uncertain.then(|| intelligence.facts(number, now))
    }

    /// Judges, remembers, counts and tells; whether to act is the caller's.
    pub(crate) fn judge(&self, attempt: &Attempt) -> (Verdict, Option<Charge>) {
        let policy = self.policy(attempt.profile);
        if policy.mode == Mode::Off {
            return (Verdict::allow(), None);
        }
        let now = self.now();
        let (verdict, charge) = engine::decide(policy, &mut self.state(), attempt, now);
        self.tell(&verdict, &attempt.reading, attempt.profile);
        if let Some(observer) = &self.observer {
            // Where the clock stands still, the charge knows the engine's time.
            let at = charge.as_ref().map_or(now, Charge::at);
            observer.judged(attempt, &verdict, charge.as_ref(), at);
        }
        (verdict, charge)
    }

    /// Judges, and gives what lets the attempt go out without being judged again.
    pub(crate) fn judge_for_pass(&self, attempt: &Attempt) -> (Verdict, Option<Pass>) {
        let (verdict, charge) = self.judge(attempt);
        let goes = charge.is_some() || verdict.repeat;
        let pass = self
            .number_key(attempt)
            .filter(|_| goes)
            .map(|number| Pass::new(self.clone(), verdict.clone(), charge, number, attempt, self.now()));
        (verdict, pass)
    }

    /// What the pass says of this attempt, if it is for it; used up then.
    pub(crate) fn take_pass(&self, pass: &Pass, attempt: &Attempt) -> Option<(Verdict, Option<Charge>)> {
        let taken = pass.take(self, attempt, self.now());
        let result = if taken.is_some() { "taken" } else { "not_for_it" };
        metrics::counter!("tollgate_pump_guard_passes_total", "result" => result).increment(1);
        tracing::debug!(profile = self.shared.profiles.name(attempt.profile), result, "passed");
        taken
    }

    /// The attempt's number as a pass has it, hashed.
    pub(crate) fn number_key(&self, attempt: &Attempt) -> Option<u64> {
        match &attempt.reading {
            Reading::Number(number) => Some(engine::number_key(&self.state(), number)),
            _ => None,
        }
    }

    /// Whether it is the same guard, or a clone of it.
    pub(crate) fn shares_memory_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Whether a code may be checked; it is under way from now on. `press` is the request's [press](Self::press), where
    /// nothing but what that tells apart makes it another guess.
    pub(crate) fn judge_check(
        &self,
        check: CodeCheck,
        client: Option<IpAddr>,
        press: Option<u64>,
    ) -> Result<Checking, Refusal> {
        let now = self.now();
        let mut state = self.state();
        let charge = self.tracked(&state, &check.session);
        if !check.has_code {
            return Ok(Checking::new(self.clone(), check, charge, client, None));
        }
        let policy = self.policy(charge.map_or(Profile::Otp, |charge| charge.profile()));
        let verdict = engine::judge_check(policy, &mut state, charge.as_ref(), client, press, now);
        let stopped = verdict.action != Action::Allow;
        // Under the same lock, so that no other is judged between.
        let goes = !stopped || policy.mode != Mode::Enforce;
        let guess = goes.then(|| engine::let_out(&mut state, charge.as_ref(), client, press));
        drop(state);
        if stopped {
            metrics::counter!("tollgate_pump_guard_checks_stopped_total").increment(1);
        }
        if goes {
            Ok(Checking::new(self.clone(), check, charge, client, guess))
        } else {
            Err(refuse::check(&verdict))
        }
    }

    /// The answer to a code check of a verification that was never started.
    pub(crate) fn check_decoy(
        &self,
        check: &CodeCheck,
        path: &str,
        client: Option<IpAddr>,
    ) -> Option<Response<Bytes>> {
        let (response, wrong) = self.shared.decoys.as_ref()?.check(check, path, self.now())?;
        if wrong {
            self.guessed_wrong(None, client, None);
        }
        Some(response)
    }

    /// The same for the very same request again: from the same client, with the same key, to the same place, and of the same
    /// bytes.
    pub(crate) fn press<B>(&self, request: &Request<B>, client: Option<IpAddr>, body: &[u8]) -> u64 {
        let key = request.headers().get_all(AUTHORIZATION).iter();
        let key: Vec<_> = key.map(HeaderValue::as_bytes).collect();
        self.shared.presses.hash_one((client, key, request.uri(), body))
    }

    /// Keeps an answer for whoever presses the same button again: under the number's key and the [press](Self::press).
    pub(crate) fn keep_answer(
        &self,
        of: (u64, u64),
        status: StatusCode,
        content_type: Option<HeaderValue>,
        body: &[u8],
    ) {
        self.repeats().keep(of, status, content_type, body, self.now());
    }

    /// The answer to the attempt's first press, where that was the same request.
    pub(crate) fn answer_again(&self, attempt: &Attempt, press: u64) -> Option<Response<Bytes>> {
        let number = engine::press_key(&self.state(), attempt)?;
        self.repeats().again((number, press), self.now())
    }

    /// Takes back what was remembered of an attempt that was not sent after all.
    pub(crate) fn forget(&self, charge: Charge) {
        engine::forget(&mut self.state(), charge);
        if let Some(observer) = &self.observer {
            observer.not_sent(&charge, self.now());
        }
    }

    /// A panic elsewhere leaves counters that are at worst one send behind.
    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn repeats(&self) -> MutexGuard<'_, Repeats> {
        self.shared.repeats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn binding(attempt: &Attempt) -> Option<Binding> {
    match &attempt.reading {
        Reading::Number(number) => Some(Binding::new(number.digits(), attempt.client_ip)),
        _ => None,
    }
}
