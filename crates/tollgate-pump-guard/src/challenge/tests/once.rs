//! A solution holds once, and until its challenge runs out.

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const LIFETIME: Duration = Duration::from_secs(120);

#[test]
fn a_solution_is_accepted_once() {
    let verifier = verifier();
    let solution = solved(&verifier, &here());
    assert_eq!(verify(&verifier, &solution, &here(), NOW), Ok(()));
    assert_eq!(verify(&verifier, &solution, &here(), NOW), Err(Rejected::AlreadyUsed));
}

#[test]
fn another_counter_does_not_make_it_another_solution() {
    let verifier = verifier();
    let text = text(&verifier, &here());
    let all = (0..10_000).map(|counter| format!("{text}:{counter}"));
    let accepted = all.filter(|solution| verify(&verifier, solution, &here(), NOW).is_ok());
    assert_eq!(accepted.count(), 1);
}

#[test]
fn a_solution_that_was_rejected_can_still_be_used() {
    let verifier = verifier();
    let solution = solved(&verifier, &here());
    let other = Binding::new(NUMBER + 1, here().client_ip);
    assert_eq!(verify(&verifier, &solution, &other, NOW), Err(Rejected::NotIssued));
    assert_eq!(verify(&verifier, &solution, &here(), NOW), Ok(()));
}

#[test]
fn a_challenge_runs_out_at_its_expiry() {
    let verifier = verifier();
    let (first, second) = (solved(&verifier, &here()), solved(&verifier, &here()));
    let last = NOW + LIFETIME - Duration::from_nanos(1);
    assert_eq!(verify(&verifier, &first, &here(), last), Ok(()));
    assert_eq!(verify(&verifier, &second, &here(), NOW + LIFETIME), Err(Rejected::Expired));
}

#[test]
fn what_was_used_is_not_forgotten_before_it_runs_out() {
    let verifier = verifier();
    let solution = solved(&verifier, &here());
    assert_eq!(verify(&verifier, &solution, &here(), NOW), Ok(()));
    let last = NOW + LIFETIME - Duration::from_nanos(1);
    assert_eq!(verify(&verifier, &solution, &here(), last), Err(Rejected::AlreadyUsed));
}

#[test]
fn a_thread_whose_time_is_behind_does_not_use_what_another_has_forgotten() {
    let verifier = verifier().with_memory(1).unwrap();
    let solution = solved(&verifier, &here());
    assert_eq!(verify(&verifier, &solution, &here(), NOW), Ok(()));
    // Remembering this one takes the memory of the first.
    let later = verifier.issue(&here(), NOW + LIFETIME).unwrap();
    let later = solve(later.object.split('"').nth(7).unwrap()).unwrap();
    assert_eq!(verify(&verifier, &later, &here(), NOW + LIFETIME), Ok(()));
    assert_eq!(verify(&verifier, &solution, &here(), NOW + LIFETIME - SECOND), Err(Rejected::Expired));
}

#[test]
fn a_full_memory_rejects_until_something_in_it_runs_out() {
    let verifier = verifier().with_memory(2).unwrap();
    for _ in 0..2 {
        assert_eq!(verify(&verifier, &solved(&verifier, &here()), &here(), NOW), Ok(()));
    }
    let third = solved(&verifier, &here());
    assert_eq!(verify(&verifier, &third, &here(), NOW), Err(Rejected::MemoryFull));
    // What is in it and what is not are told apart also then.
    let later = NOW + LIFETIME;
    let challenge = verifier.issue(&here(), later).unwrap();
    let fourth = solve(challenge.object.split('"').nth(7).unwrap()).unwrap();
    assert_eq!(verify(&verifier, &fourth, &here(), later), Ok(()));
}

#[test]
fn of_many_at_once_one_is_accepted() {
    let verifier = verifier();
    let solution = solved(&verifier, &here());
    let accepted = std::thread::scope(|scope| {
        let one = || verify(&verifier, &solution, &here(), NOW).is_ok();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|ok| *ok).count()
    });
    assert_eq!(accepted, 1);
}
