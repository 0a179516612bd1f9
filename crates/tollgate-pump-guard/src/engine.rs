//! The decisions: pure, without I/O or a clock of their own. The same attempts at the same times give the same verdicts.

mod cells;
mod cooldown;
mod country;
mod number;
mod policy;
mod shape;
mod velocity;
mod verdict;

use std::time::Duration;

pub use cooldown::CooldownPolicy;
pub use country::{Country, CountryError, CountryPolicy};
pub use number::{Number, NumberType, Reading, Unreadable};
pub use policy::{Mode, Policy, PolicyError, Preset, Profile, ShapePolicy};
pub use velocity::VelocityPolicy;
pub use verdict::{Action, Reason, Signal, Verdict};

use cooldown::Numbers;
pub(crate) use number::warm_up;
use velocity::{Filled, Ranges};

/// From this score on, an attempt is stopped.
pub const BLOCK_AT: u8 = 80;

/// One destination that somebody wants a message sent to.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The number, as far as it could be read: [`Policy::read`].
    pub reading: Reading,
    /// The use case it belongs to.
    pub profile: Profile,
}

/// What the engine remembers: of fixed size, whatever is thrown at it.
#[derive(Debug)]
pub struct State {
    numbers: Numbers,
    ranges: Ranges,
    /// The latest `now` seen: time that jumps back is taken for this.
    latest: Duration,
}

impl State {
    /// An empty memory of about `bytes` (at least 64 KiB), hashed under a secret of its own.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        // The system's randomness, by way of the standard hasher: foldhash alone takes addresses and the time.
        let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), bytes);
        let shared = foldhash::SharedSeed::global_random();
        Self::hashed(bytes, foldhash::quality::SeedableRandomState::with_seed(seed, shared))
    }

    /// The same with a seed given, so that a replay forgets the same numbers every time. Not for traffic.
    #[must_use]
    pub fn seeded(bytes: usize, seed: u64) -> Self {
        let shared = foldhash::SharedSeed::global_fixed();
        Self::hashed(bytes, foldhash::quality::SeedableRandomState::with_seed(seed, shared))
    }

    fn hashed(bytes: usize, hasher: foldhash::quality::SeedableRandomState) -> Self {
        let bytes = bytes.max(64 << 10);
        Self {
            ranges: Ranges::new(bytes / 4, &hasher),
            numbers: Numbers::new(bytes / 4 * 3, hasher),
            latest: Duration::ZERO,
        }
    }
}

/// Judges an attempt at `now` (time since any fixed moment) and, where it goes out, remembers it.
///
/// It goes out when the verdict allows it, or the policy only monitors. Then there is a charge, which [`forget`] takes
/// back.
pub fn decide(
    policy: &Policy,
    state: &mut State,
    attempt: &Attempt,
    now: Duration,
) -> (Verdict, Option<Charge>) {
    state.latest = state.latest.max(now);
    let now = state.latest;
    let mut verdict = hard_rules(policy, &attempt.reading);
    // A campaign is the sender's own: how many go where is his business.
    let Reading::Number(number) = &attempt.reading else { return (verdict, None) };
    if attempt.profile == Profile::Campaign {
        return (verdict, None);
    }
    let fresh = !state.numbers.knows(number, now);
    verdict.add(state.numbers.judge(&policy.cooldown, number, now));
    if fresh {
        // Repeats to one number are the cool-down's to count.
        verdict.add(state.ranges.judge(&policy.velocity, number, now));
    }
    if verdict.action != Action::Allow && policy.mode == Mode::Enforce {
        return (verdict, None);
    }
    state.numbers.remember(number, now);
    let added = if fresh { state.ranges.remember(&policy.velocity, number, now) } else { Filled::default() };
    (verdict, Some(Charge { number: *number, at: now, added }))
}

/// What an attempt that goes out was remembered by.
#[derive(Clone, Copy, Debug)]
#[must_use = "an attempt that is not sent after all has to be forgotten"]
pub struct Charge {
    number: Number,
    at: Duration,
    /// What it filled of the number's ranges.
    added: Filled,
}

/// Takes back what was remembered of an attempt that was not sent after all.
pub fn forget(state: &mut State, charge: Charge) {
    state.numbers.forget(&charge.number, charge.at);
    // Another send to this number did not count because of this one: then it counts for that.
    if !state.numbers.knows(&charge.number, state.latest) {
        state.ranges.forget(&charge.number, charge.added);
    }
}

/// The rules that need no memory: what a number is and where.
#[must_use]
pub fn hard_rules(policy: &Policy, reading: &Reading) -> Verdict {
    let mut verdict = Verdict::allow();
    verdict.add(policy.shape.judge(reading));
    verdict.add(policy.country.judge(reading));
    verdict
}

#[cfg(test)]
#[path = "engine/tests.rs"]
mod tests;
