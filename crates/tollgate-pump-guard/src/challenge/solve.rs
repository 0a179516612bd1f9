use sha2::{Digest, Sha256};

use super::text::Text;

/// How often the expected number of tries is spent before giving up: in vain once in 10¹³ times.
const PATIENCE: u64 = 30;

/// Solves a challenge of [`ProofOfWork`](super::ProofOfWork): for tests, and for clients written in Rust.
///
/// Takes 2<sup>difficulty</sup> tries on average, each some 100 ns to 300 ns, and gives up after 30 times as many. Blocks
/// the thread meanwhile. `None` then, and for what is no challenge.
#[must_use]
pub fn solve(challenge: &str) -> Option<String> {
    let difficulty = Text::parse(challenge)?.difficulty;
    search(challenge, difficulty)
}

/// The same at a difficulty that the text does not say.
pub(super) fn search(challenge: &str, difficulty: u8) -> Option<String> {
    let prefix = Sha256::new().chain_update(challenge).chain_update(":");
    let tries = PATIENCE << difficulty;
    let mut counters = (0..tries).map(|counter| counter.to_string());
    let found = counters.find(|counter| solves(&prefix, counter, difficulty))?;
    Some(format!("{challenge}:{found}"))
}

/// Whether `counter` solves `challenge`.
pub(super) fn is_solved(challenge: &Text<'_>, counter: &str) -> bool {
    let prefix = Sha256::new().chain_update(challenge.all).chain_update(":");
    solves(&prefix, counter, challenge.difficulty)
}

fn solves(prefix: &Sha256, counter: &str, difficulty: u8) -> bool {
    let digest: [u8; 32] = prefix.clone().chain_update(counter).finalize().into();
    u32::from(difficulty) <= leading_zeros(&digest)
}

fn leading_zeros(digest: &[u8; 32]) -> u32 {
    let zeros = digest.iter().take_while(|byte| **byte == 0).count();
    let next = digest.get(zeros).map_or(0, |byte| byte.leading_zeros());
    u32::try_from(zeros * 8).map_or(0, |whole| whole + next)
}
