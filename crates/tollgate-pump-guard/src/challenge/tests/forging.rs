//! What is not issued for this attempt does not help it.

use proptest::prelude::*;

use super::super::solve::search;
use super::*;

#[test]
fn a_solution_holds_for_its_number_and_client() {
    let verifier = verifier();
    let solution = solved(&verifier, &here());
    assert_eq!(verify(&verifier, &solution, &here(), NOW), Ok(()));
}

#[test]
fn a_solution_for_another_number_is_rejected() {
    let verifier = verifier();
    let solution = solved(&verifier, &here());
    let other = Binding::new(NUMBER + 1, here().client_ip);
    assert_eq!(verify(&verifier, &solution, &other, NOW), Err(Rejected::NotIssued));
}

#[test]
fn a_solution_of_another_client_is_rejected() {
    let verifier = verifier();
    let solution = solved(&verifier, &here());
    for other in [binding("203.0.113.8"), binding("2001:db8::7"), Binding::new(NUMBER, None)] {
        assert_eq!(verify(&verifier, &solution, &other, NOW), Err(Rejected::NotIssued));
    }
}

#[test]
fn a_solution_of_nobody_known_is_not_one_of_a_client_whose_address_is_zero() {
    let verifier = verifier();
    let solution = solved(&verifier, &Binding::new(NUMBER, None));
    assert_eq!(verify(&verifier, &solution, &binding("::"), NOW), Err(Rejected::NotIssued));
}

#[test]
fn neighbours_in_an_ipv6_64_are_one_client_and_the_next_64_is_another() {
    let verifier = verifier();
    let solution = solved(&verifier, &binding("2001:db8:1:2::1"));
    let next = binding("2001:db8:1:3::1");
    assert_eq!(verify(&verifier, &solution, &next, NOW), Err(Rejected::NotIssued));
    let neighbour = binding("2001:db8:1:2:ffff::2");
    assert_eq!(verify(&verifier, &solution, &neighbour, NOW), Ok(()));
}

#[test]
fn an_ipv4_mapped_client_is_the_ipv4_client() {
    let verifier = verifier();
    let solution = solved(&verifier, &here());
    assert_eq!(verify(&verifier, &solution, &binding("::ffff:203.0.113.7"), NOW), Ok(()));
}

#[test]
fn a_difficulty_that_was_lowered_is_rejected() {
    let hard = verifier().with_difficulty(9).unwrap();
    let text = text(&hard, &here());
    let easier = text.replacen(".9.", ".8.", 1);
    assert_ne!(easier, text);
    let solution = solve(&easier).unwrap();
    assert_eq!(verify(&hard, &solution, &here(), NOW), Err(Rejected::NotIssued));
}

#[test]
fn an_expiry_that_was_moved_is_rejected() {
    let verifier = verifier();
    let text = text(&verifier, &here()).replacen("1700000120", "1700009999", 1);
    let solution = solve(&text).unwrap();
    assert_eq!(verify(&verifier, &solution, &here(), NOW), Err(Rejected::NotIssued));
}

#[test]
fn a_mac_under_another_secret_is_rejected() {
    let stranger = ProofOfWork::new().unwrap().with_difficulty(8).unwrap();
    let solution = solved(&stranger, &here());
    assert_eq!(verify(&stranger, &solution, &here(), NOW), Ok(()));
    assert_eq!(verify(&verifier(), &solution, &here(), NOW), Err(Rejected::NotIssued));
}

#[test]
fn a_mac_that_was_cut_is_rejected() {
    let verifier = verifier();
    let text = text(&verifier, &here());
    for cut in 1..=3 {
        let solution = search(&text[..text.len() - cut], 8).unwrap();
        assert_eq!(verify(&verifier, &solution, &here(), NOW), Err(Rejected::NotIssued));
    }
}

proptest! {
    /// The work is done for what was changed, so that nothing but the MAC stands in the way.
    #[test]
    fn no_mutated_challenge_verifies(at in any::<prop::sample::Index>(), to in "[0-9A-Za-z._-]", how in 0..3) {
        let verifier = verifier();
        let issued = text(&verifier, &here());
        let at = at.index(issued.len());
        let (before, after) = issued.split_at(at);
        let mutated = match how {
            0 => format!("{before}{to}{after}"),
            1 => format!("{before}{}", &after[1..]),
            _ => format!("{before}{to}{}", &after[1..]),
        };
        prop_assume!(mutated != issued);
        let solution = search(&mutated, 8).unwrap();
        prop_assert!(verify(&verifier, &solution, &here(), NOW).is_err());
    }

    #[test]
    fn nothing_that_anybody_writes_verifies(solution in "\\PC{0,600}") {
        prop_assert!(verify(&verifier(), &solution, &here(), NOW).is_err());
    }
}
