mod forging;
mod nodes;
mod once;
mod solver;
mod texts;

use std::time::Duration;

use super::*;

const NOW: Duration = Duration::from_secs(1_700_000_000);
const NUMBER: u64 = 6_591_234_567;
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// As cheap as it gets.
fn verifier() -> ProofOfWork {
    ProofOfWork::with_secret(SECRET).unwrap().with_difficulty(8).unwrap()
}

fn binding(client: &str) -> Binding {
    Binding::new(NUMBER, Some(client.parse().unwrap()))
}

fn here() -> Binding {
    binding("203.0.113.7")
}

/// The text of a challenge, as a client reads it.
fn text(verifier: &ProofOfWork, binding: &Binding) -> String {
    let challenge = verifier.issue(binding, NOW).unwrap();
    let rest = challenge.object.split(r#""challenge":""#).nth(1).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

fn solved(verifier: &ProofOfWork, binding: &Binding) -> String {
    solve(&text(verifier, binding)).unwrap()
}

fn verify(verifier: &ProofOfWork, solution: &str, binding: &Binding, now: Duration) -> Result<(), Rejected> {
    match verifier.verify(solution, binding, now) {
        Step::Now(result) => result,
        Step::Later(_) => panic!("a proof of work has nobody to ask"),
    }
}
