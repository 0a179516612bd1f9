//! Forms, limits and settings.

use super::*;

#[test]
fn what_is_no_solution_is_malformed() {
    let text = text(&verifier(), &here());
    let parts: Vec<_> = text.split('.').collect();
    let with = |index: usize, part: &str| {
        let mut parts = parts.clone();
        parts[index] = part;
        format!("{}:0", parts.join("."))
    };
    let malformed = [
        String::new(),
        ":".to_owned(),
        "0".to_owned(),
        text.clone(),
        format!("{text}:"),
        format!("{text}:+1"),
        format!("{text}:-1"),
        format!("{text}: 1"),
        format!("{text}:01"),
        format!("{text}:1x"),
        format!("{text}:１"),
        format!("{text}:18446744073709551616"),
        format!("{text}.x:0"),
        format!(" {text}:0"),
        format!("{}:0", parts[..4].join(".")),
        with(0, "v2"),
        with(0, "V1"),
        with(0, ""),
        with(1, ""),
        with(1, "+1700000120"),
        with(1, "01700000120"),
        with(1, "18446744073709551616"),
        with(2, ""),
        with(2, "7"),
        with(2, "08"),
        with(2, "27"),
        with(2, "264"),
        with(3, ""),
        with(3, "a=b"),
        with(3, "ä"),
        with(4, ""),
        with(4, "a+b/"),
    ];
    let verifier = verifier();
    for solution in malformed {
        assert_eq!(verify(&verifier, &solution, &here(), NOW), Err(Rejected::Malformed), "{solution:?}");
    }
}

#[test]
fn more_than_512_bytes_are_not_read() {
    let (verifier, text) = (verifier(), text(&verifier(), &here()));
    let padded = |length: usize| format!("{text}:{}", "1".repeat(length - text.len() - 1));
    assert_eq!(verify(&verifier, &padded(512), &here(), NOW), Err(Rejected::Malformed));
    assert_eq!(verify(&verifier, &padded(513), &here(), NOW), Err(Rejected::TooLong));
}

#[test]
fn work_that_was_not_done_is_rejected() {
    let verifier = verifier().with_difficulty(26).unwrap();
    let solution = format!("{}:0", text(&verifier, &here()));
    assert_eq!(verify(&verifier, &solution, &here(), NOW), Err(Rejected::Unsolved));
}

#[test]
fn a_client_is_told_all_that_it_needs() {
    let verifier = verifier();
    let challenge = verifier.issue(&here(), NOW + Duration::from_millis(1)).unwrap();
    assert_eq!(challenge.kind, "proof_of_work");
    assert_eq!(challenge.expires_at, Some(NOW + Duration::from_secs(121)));
    let (start, rest) = challenge.object.split_once("v1.1700000121.8.").unwrap();
    assert_eq!(start, r#"{"kind":"proof_of_work","challenge":""#);
    assert_eq!(rest.split_once('"').unwrap().1, r#","difficulty":8,"expires_in":120}"#);
}

#[test]
fn no_two_challenges_are_the_same() {
    let verifier = verifier();
    assert_ne!(text(&verifier, &here()), text(&verifier, &here()));
}

#[test]
fn debug_shows_no_secret_number_or_address() {
    let shown = format!("{:?} {:?}", verifier(), here());
    assert_eq!(shown, "ProofOfWork { difficulty: 8, lifetime: 120s, .. } Binding { .. }");
}

#[test]
fn settings_that_make_no_sense_are_refused_with_the_remedy() {
    let short = ProofOfWork::with_secret(b"secret").unwrap_err();
    assert_eq!(short.to_string(), "challenge.secret: it needs 32 bytes or more, drawn at random");
    for bits in [7, 27] {
        let error = verifier().with_difficulty(bits).unwrap_err();
        assert_eq!(error.to_string(), format!("challenge.difficulty: {bits} is not within 8 to 26 bits"));
    }
    for lifetime in [9, 3601] {
        let error = verifier().with_lifetime(Duration::from_secs(lifetime)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("challenge.lifetime: {lifetime}s is not within 10 s to an hour")
        );
    }
    assert_eq!(verifier().with_memory(0).unwrap_err().field(), "memory");
}

#[test]
fn solving_stops_at_what_is_no_challenge() {
    for text in ["", "v1", "v1.1.27.a.b", "v2.1.8.a.b"] {
        assert_eq!(solve(text), None, "{text:?}");
    }
}
