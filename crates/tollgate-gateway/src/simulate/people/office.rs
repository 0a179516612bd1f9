use std::time::Duration;

use super::person::Person;
use super::visit::{enter, receipt};
use crate::simulate::dice::Dice;
use crate::simulate::tape::{Ask, Tape};
use crate::simulate::world::Country;
use crate::simulate::{HOUR, MINUTE};

/// How often a company enrols, in a home market.
pub(super) const PER_DAY: f64 = 0.3;

/// 10 to 40 people of one company, with numbers of one 1k range, from one address, within half an hour of a working
/// day that begins at `from` in UTC. Those who entered their code come back.
pub(super) fn enrol(
    country: &'static Country,
    from: Duration,
    dice: &mut Dice,
    tape: &mut Tape,
) -> Vec<Person> {
    let mut hours: Vec<Duration> = (0..24).map(|hour| from + HOUR * hour).collect();
    hours.retain(|&at| matches!(country.local(at), (0..5, 9..17)));
    if hours.is_empty() {
        return Vec::new();
    }
    let begin = *dice.pick(&hours);
    let ip = country.address(dice);
    let range = country.range(dice, 3);
    let people = 10 + dice.below(31);
    let mut enrolled = Vec::new();
    for last in range.shuffled(dice).into_iter().take(people) {
        let at = begin + MINUTE.mul_f64(dice.between(0.0, 30.0));
        let mut person = Person::at_the_office(range.number(last), ip, dice);
        person.last = at;
        let ask = Ask { country, number: &person.number, ip, agent: person.agent };
        let id = tape.send(at, ask);
        receipt(at, id, true, dice, tape);
        if dice.chance(0.92) {
            enter(at, id, dice, tape);
            enrolled.push(person);
        }
    }
    enrolled
}
