use std::sync::LazyLock;

use super::{METHODS, attacks, strategy};
use crate::input::{Input, appended, headers, joined};
use crate::ours::Ours;
use crate::reference::{self, Answer, Method};

const NAME: &str = "forwarded";

static OURS: LazyLock<Vec<(Method, Ours)>> =
    LazyLock::new(|| METHODS.map(|method| (method, Ours::new(NAME, strategy(method)))).into());

/// `Forwarded` (RFC 7239) by trusted ranges and by count:
///
/// 1. the answer is the reference's;
/// 2. an attacker's lines before the line that decides change nothing;
/// 3. an attacker's bytes left on the line that decides change nothing or make the line unreadable: whatever they are,
///    no other client comes of it, and no other reason;
/// 4. lines joined on the way give the answer of the lines, or none where one of them is unreadable.
pub fn forwarded(data: &[u8]) {
    let input = Input::new(data);
    for (method, ours) in OURS.iter() {
        let answer = ours.answer_explained(&headers(NAME, &input.proxies));
        assert_eq!(answer, reference::forwarded(*method, &input.proxies), "{method:?}");
        // Lines that are unreadable by themselves may well complete each other.
        if !input.proxies.is_empty() && !is_syntax(&answer) {
            let one_line = ours.answer(&headers(NAME, &[joined(&input.proxies)]));
            let unreadable = is_syntax(&one_line) && !reference::is_forwarded(&input.proxies);
            assert!(
                one_line == answer || unreadable,
                "{method:?}, lines joined: {one_line:?}, not {answer:?}"
            );
        }
        if decided_by_a_line(&answer) {
            for attacker in attacks(data).chain(input.attacker.iter().copied().take(2)) {
                unmoved(ours, &answer, attacker, &input);
            }
            let all: Vec<&[u8]> = input.attacker.iter().chain(&input.proxies).copied().collect();
            assert_eq!(
                ours.answer(&headers(NAME, &all)),
                answer,
                "{method:?}, all the attacker's lines before"
            );
        }
    }
}

fn is_syntax(answer: &Answer) -> bool {
    answer.is_err_and(|refusal| refusal.code == "forwarded_syntax")
}

/// By an entry, or by a line that could not be read, and not by how many entries there are.
fn decided_by_a_line(answer: &Answer) -> bool {
    is_syntax(answer) || answer.as_ref().err().is_none_or(reference::Refusal::is_of_an_entry)
}

fn unmoved(ours: &Ours, answer: &Answer, attacker: &[u8], Input { proxies, .. }: &Input<'_>) {
    let before: Vec<&[u8]> = [&[attacker], proxies.as_slice()].concat();
    assert_eq!(ours.answer(&headers(NAME, &before)), *answer, "{} on a line before", attacker.escape_ascii());
    // A line that is unreadable by itself was written by no proxy, and an attacker may well complete it.
    if !is_syntax(answer) {
        let appended = ours.answer(&headers(NAME, &appended(attacker, proxies)));
        assert!(
            appended == *answer || is_syntax(&appended),
            "{} on the same line: {appended:?}, not {answer:?}",
            attacker.escape_ascii()
        );
    }
}
