use std::time::Duration;

use super::ground::Ground;
use crate::simulate::HOUR;

/// How fast codes are entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typing {
    /// Nearly always the same few seconds.
    Machine,
    /// As people do.
    Human,
}

/// The attacker has the numbers' messages, and enters most codes.
pub(super) fn fake(ground: &mut Ground<'_>, typing: Typing) {
    let (country, proxies) = (ground.target(), ground.proxies(4000));
    let range = country.range(&mut ground.dice, 4);
    let numbers = range.shuffled(&mut ground.dice);
    for (at, last) in ground.moments(ground.begin, HOUR * 4, 10.0).into_iter().zip(numbers) {
        let ip = ground.proxy(&proxies);
        let id = ground.send(at, country, &range.number(last), ip);
        if ground.dice.chance(0.8) {
            let took = match typing {
                Typing::Machine => ground.dice.between(3.0, 6.0),
                Typing::Human => ground.dice.log_normal(25.0, 0.7).clamp(4.0, 300.0),
            };
            ground.verified(at + Duration::from_secs_f64(took), id);
        }
    }
}

pub(super) fn brute_force(ground: &mut Ground<'_>) {
    let (country, proxies) = (ground.home(), ground.proxies(4000));
    for _ in 0..20 {
        let victim = country.number(&mut ground.dice);
        let mut at = ground.begin + ground.dice.seconds(0.0, 60.0);
        while at < ground.begin + HOUR * 6 {
            let ip = ground.proxy(&proxies);
            let id = ground.send(at, country, &victim, ip);
            for _ in 0..5 {
                at += ground.dice.seconds(2.0, 6.0);
                ground.wrong_code(at, id);
            }
            at += ground.dice.seconds(30.0, 90.0);
        }
    }
}
