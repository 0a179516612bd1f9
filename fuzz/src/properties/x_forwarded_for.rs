use std::sync::LazyLock;

use super::{METHODS, attacks, strategy};
use crate::input::{Input, appended, headers, joined};
use crate::ours::Ours;
use crate::reference::{self, Answer, Method};

const NAME: &str = "x-forwarded-for";

static OURS: LazyLock<Vec<(Method, Ours)>> =
    LazyLock::new(|| METHODS.map(|method| (method, Ours::new(NAME, strategy(method)))).into());

/// `X-Forwarded-For` by trusted ranges and by count:
///
/// 1. the answer is the reference's;
/// 2. lines joined on the way give the answer of the lines;
/// 3. what stands left of the entry that decides, on the same line or on lines before, changes nothing.
pub fn x_forwarded_for(data: &[u8]) {
    let input = Input::new(data);
    for (method, ours) in OURS.iter() {
        let answer = ours.answer_explained(&headers(NAME, &input.proxies));
        assert_eq!(answer, reference::x_forwarded_for(*method, &input.proxies), "{method:?}");
        if !input.proxies.is_empty() {
            let one_line = headers(NAME, &[joined(&input.proxies)]);
            assert_eq!(ours.answer(&one_line), answer, "{method:?}, lines joined");
        }
        if decided_by_an_entry(&answer) {
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

/// Not where the number of entries decided: then more of them may decide otherwise, and should.
fn decided_by_an_entry(answer: &Answer) -> bool {
    answer.as_ref().err().is_none_or(reference::Refusal::is_of_an_entry)
}

fn unmoved(ours: &Ours, answer: &Answer, attacker: &[u8], Input { proxies, .. }: &Input<'_>) {
    let before: Vec<&[u8]> = [&[attacker], proxies.as_slice()].concat();
    assert_eq!(ours.answer(&headers(NAME, &before)), *answer, "{} on a line before", attacker.escape_ascii());
    let appended = appended(attacker, proxies);
    assert_eq!(
        ours.answer(&headers(NAME, &appended)),
        *answer,
        "{} on the same line",
        attacker.escape_ascii()
    );
}
