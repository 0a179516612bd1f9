//! **Challenges**: what a doubtful attempt can do to go out after all.
//!
//! # Rules
//!
//! 1. A challenge is issued for one number and one client ([`Binding`]), and runs out.
//! 2. A solution holds for what it was issued for, until it runs out, and once.
//! 3. What cannot be told to be right is rejected: a full memory, a provider that does not answer. [`Rejected`] says which.
//! 4. Every challenge that is issued and every solution that is judged has a counter and a trace event, both without
//!    number, address and solution.
//!
//! [`ProofOfWork`] needs nobody else and is the default. `SiteVerify` (feature `siteverify`) asks Turnstile, hCaptcha
//! or reCAPTCHA.
//!
//! # Caveats
//!
//! * A proof of work does not tell a person from a machine: it makes attempts cost computing time, and native code is a
//!   hundred times as fast as [`SOLVER_JS`], most of whose time goes into waiting for each hash: 35 to 45 µs of them in Node 20. 14 bits,
//!   the default, are about 0.7 s of it. It takes away what costs nothing; use a provider where fraudsters pay.
//! * What was used is remembered by this process: where several share a secret, a solution is good once for each.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use tollgate_pump_guard::challenge::{Binding, ChallengeVerifier, ProofOfWork, Rejected, Step, solve};
//!
//! let verifier = ProofOfWork::new()?.with_difficulty(10)?;
//! let binding = Binding::new(6_591_234_567, Some("203.0.113.7".parse()?));
//! let now = Duration::from_secs(1_700_000_000);
//!
//! // The server tells a client, which works it out…
//! let challenge = verifier.issue(&binding, now).ok_or("no randomness")?;
//! assert!(challenge.object.starts_with(r#"{"kind":"proof_of_work","challenge":"v1."#));
//! let text = challenge.object.split('"').nth(7).ok_or("no text")?;
//! let solution = solve(text).ok_or("out of luck")?;
//!
//! // …and gives it back with the same request.
//! assert!(matches!(verifier.verify(&solution, &binding, now), Step::Now(Ok(()))));
//! assert!(matches!(verifier.verify(&solution, &binding, now), Step::Now(Err(Rejected::AlreadyUsed))));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod binding;
mod config_error;
mod proof_of_work;
mod rejected;
#[cfg(feature = "siteverify")]
mod siteverify;
mod solve;
mod tell;
mod text;
mod used;

use std::fmt::Debug;
use std::time::Duration;

pub use binding::Binding;
pub use config_error::ChallengeConfigError;
pub use proof_of_work::ProofOfWork;
pub use rejected::Rejected;
#[cfg(feature = "siteverify")]
pub use siteverify::{Provider, SiteVerify};
pub use solve::solve;

pub use crate::step::{Later, Step};

/// A solver for browsers: an ES module that exports `solve(challenge)`, a promise of the solution.
///
/// It needs `crypto.subtle`, which browsers have on pages that came over HTTPS.
pub const SOLVER_JS: &str = include_str!("challenge/solver.js");

/// Issues challenges and judges what is given back.
///
/// `now` is the engine's time: since the Unix epoch, and never going back.
pub trait ChallengeVerifier: Debug + Send + Sync + 'static {
    /// A challenge for this attempt. `None` where none can be made (the system has no randomness): the attempt is to be
    /// refused without one.
    fn issue(&self, binding: &Binding, now: Duration) -> Option<Challenge>;

    /// Whether `solution`, as the client gave it, solves a challenge for this attempt that has not run out and was not
    /// used. A solution that is accepted is used from then on, whatever becomes of the attempt.
    ///
    /// # Errors
    ///
    /// Why it is not accepted.
    fn verify(&self, solution: &str, binding: &Binding, now: Duration) -> Step<Result<(), Rejected>>;
}

/// What a client is told that has something to solve.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Challenge {
    /// What kind of challenge it is: `proof_of_work`, `turnstile`, …
    pub kind: &'static str,
    /// What a client has to know, as the text of a JSON object. Its member `kind` is the same as above.
    pub object: String,
    /// When it runs out, since the Unix epoch. `None` where only the provider knows.
    pub expires_at: Option<Duration>,
}

impl Challenge {
    /// A challenge; `object` is the text of a JSON object.
    #[must_use]
    pub const fn new(kind: &'static str, object: String, expires_at: Option<Duration>) -> Self {
        Self { kind, object, expires_at }
    }
}

#[cfg(test)]
mod tests;
