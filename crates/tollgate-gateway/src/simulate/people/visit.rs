use std::time::Duration;

use super::person::Person;
use crate::simulate::dice::Dice;
use crate::simulate::tape::{Ask, Id, Tape};
use crate::simulate::world::Country;

/// As long as a code is good for, in seconds.
const CODE_TTL: f64 = 300.0;

/// Somebody asks for a code, and for another one where none comes; says whether one was entered.
pub(super) fn visit(
    country: &'static Country,
    person: &Person,
    at: Duration,
    dice: &mut Dice,
    tape: &mut Tape,
) -> bool {
    let ask = Ask { country, number: &person.number, ip: person.ip(country, dice), agent: person.agent };
    let lost = dice.chance(0.06);
    let (mut at, mut id) = (at, tape.send(at, ask));
    if dice.chance(0.04) {
        // Impatient: the second message is the one that counts.
        receipt(at, id, true, dice, tape);
        at += dice.seconds(2.0, 10.0);
        id = tape.send(at, ask);
    } else if lost {
        receipt(at, id, false, dice, tape);
        if !dice.chance(0.6) {
            return false;
        }
        at += dice.seconds(30.0, 90.0);
        id = tape.send(at, ask);
    }
    let entered = dice.chance(country.conversion);
    receipt(at, id, entered || dice.chance(0.7), dice, tape);
    if entered {
        enter(at, id, dice, tape);
    }
    entered
}

/// A code is typed, sometimes wrong at first.
pub(super) fn enter(at: Duration, id: Id, dice: &mut Dice, tape: &mut Tape) {
    let mut took = dice.log_normal(25.0, 0.7).clamp(4.0, CODE_TTL);
    if dice.chance(0.05) {
        for _ in 0..=dice.below(2) {
            tape.wrong_code(at + Duration::from_secs_f64(took), id);
            took = (took + dice.between(4.0, 20.0)).min(CODE_TTL);
        }
    }
    tape.verified(at + Duration::from_secs_f64(took), id);
}

/// What the operator says of a message. Some never say anything.
pub(super) fn receipt(at: Duration, id: Id, delivered: bool, dice: &mut Dice, tape: &mut Tape) {
    if dice.chance(0.93) {
        let (median, sigma) = if delivered { (3.5, 0.6) } else { (90.0, 0.8) };
        tape.receipt(at + Duration::from_secs_f64(dice.log_normal(median, sigma)), id, delivered);
    }
}
