//! **Number intelligence**: what somebody else knows of a number that the guard is unsure of.
//!
//! # Rules
//!
//! 1. Somebody is asked only for attempts whose score is from 30 to 79, in a guard that enforces, and never for batches. What
//!    is harmless or stopped anyway costs nothing.
//! 2. What is not known changes nothing: a source that fails, is slow or is asked too often lets the attempt be decided as
//!    if there were none.
//! 3. Facts add to what speaks against a number, and speak for none. The signal is `number_lookup`: a type that receives no
//!    codes is blocked (85); one that seldom does, an operator of another country (15 each) and a SIM that receives
//!    nothing (20) add to other reasons only.
//! 4. An attempt is decided once, when the facts are there or are given up: meanwhile nothing of it is remembered.
//!
//! `NumberLookup` (feature `number-lookup`) asks 8x8; [`StaticIntelligence`] knows what it was given.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use tollgate_pump_guard::intelligence::StaticIntelligence;
//! use tollgate_pump_guard::{Action, Facts, Policy, Profile, PumpGuard};
//! use tollgate_pump_guard::engine::NumberType;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut facts = Facts::default();
//! facts.line_type = Some(NumberType::Premium);
//! let known = StaticIntelligence::new([(442_079_460_000, facts)]);
//! let guard = PumpGuard::new(Policy::default())?.with_intelligence(Arc::new(known));
//!
//! let attempt = guard.attempt("+44 20 7946 0000", None, Profile::Otp);
//! assert_eq!(guard.check(&attempt).await.action, Action::Block);
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "number-lookup")]
mod number_lookup;
mod static_intelligence;

use std::fmt::Debug;
use std::time::Duration;

#[cfg(feature = "number-lookup")]
pub use number_lookup::NumberLookup;
pub use static_intelligence::StaticIntelligence;

use crate::engine::Number;
pub use crate::engine::{Facts, Operator, Sim};
pub use crate::step::{Later, Step};

/// Knows something of numbers.
pub trait NumberIntelligence: Debug + Send + Sync + 'static {
    /// What is known of this number; [`Facts::default`] where nothing is. A message waits for it, so it has to come soon
    /// whatever happens: a source elsewhere needs a time limit.
    ///
    /// `now` is the engine's time: since the Unix epoch, and never going back.
    fn facts(&self, number: &Number, now: Duration) -> Step<Facts>;
}

#[cfg(test)]
mod tests;
