//! People who want a code, and mostly enter it: by country, in its daily and weekly rhythm.

mod office;
mod person;
mod rhythm;
mod visit;

use std::time::Duration;

use super::attacks::Scenario;
use super::dice::Dice;
use super::tape::Tape;
use super::world::{COUNTRIES, Country};
use super::{DAY, HOUR, Plan, START};
use crate::traffic::{Event, Label};
pub(super) use person::AGENTS;
use person::Person;
pub(super) use rhythm::busiest_hour;

/// What every person does, in no particular order.
pub(super) fn traffic(plan: &Plan, seed: u64) -> Vec<Event> {
    let mut tape = Tape::new(Label::Legit);
    for market in markets(plan) {
        let mut town = Town::default();
        for day in 0..plan.days {
            // Each day has dice of its own: what happens on one leaves the others as they are.
            let mut dice = Dice::of(seed, &[PEOPLE, country_number(market.country), day.into()]);
            town.live(&market, plan, day, &mut dice, &mut tape);
        }
    }
    tape.into_events()
}

/// The streams of [`Dice`] that are the people's.
const PEOPLE: u64 = 1;

/// Home markets' shares of the people; further ones are as great as the last. The rest of the world has a tenth.
const HOME_SHARES: [f64; 3] = [0.55, 0.25, 0.2];
const AT_HOME: f64 = 0.9;

/// How many sends there are for each time that somebody wants a code: some press again.
const SENDS_PER_VISIT: f64 = 1.07;

/// A country's part of the traffic.
struct Market {
    country: &'static Country,
    visits_per_day: f64,
    home: bool,
}

fn markets(plan: &Plan) -> Vec<Market> {
    let visits = f64::from(plan.legit_per_day) / SENDS_PER_VISIT;
    let share = |rank: usize| HOME_SHARES.get(rank).or(HOME_SHARES.last()).copied().unwrap_or(1.0);
    let at_home: f64 = (0..plan.homes.len()).map(share).sum();
    let tail = COUNTRIES.iter().filter(|country| country.weight > 0.0 && !plan.is_home(country));
    let weights: f64 = tail.clone().map(|country| country.weight).sum();
    let abroad = if plan.homes.is_empty() { visits } else { visits * (1.0 - AT_HOME) };
    let homes = plan.homes.iter().enumerate().map(|(rank, &country)| Market {
        country,
        visits_per_day: visits * AT_HOME * share(rank) / at_home,
        home: true,
    });
    let tail = tail.map(|country| Market {
        country,
        visits_per_day: abroad * country.weight / weights,
        home: false,
    });
    homes.chain(tail).collect()
}

fn country_number(country: &Country) -> u64 {
    country.code.bytes().fold(0, |number, byte| number << 8 | u64::from(byte))
}

/// A country's people whom the tenant knows.
#[derive(Default)]
struct Town {
    /// Verified on earlier days.
    known: Vec<Person>,
    /// Verified today.
    new: Vec<Person>,
}

impl Town {
    fn live(&mut self, market: &Market, plan: &Plan, day: u32, dice: &mut Dice, tape: &mut Tape) {
        let from = START + DAY * day;
        let launch = plan.scenario == Scenario::LaunchDay
            && day == plan.attack_day()
            && plan.homes.first().is_some_and(|home| home.code == market.country.code);
        // No two Mondays are alike.
        let visits = market.visits_per_day * dice.log_normal(1.0, 0.08) * if launch { 10.0 } else { 1.0 };
        for at in rhythm::moments(market.country, from, visits, dice) {
            self.visit(market.country, at, dice, tape);
        }
        if market.home && dice.chance(office::PER_DAY) {
            self.new.extend(office::enrol(market.country, from, dice, tape));
        }
        self.known.append(&mut self.new);
    }

    /// Somebody who was here on an earlier day, or somebody new.
    fn visit(&mut self, country: &'static Country, at: Duration, dice: &mut Dice, tape: &mut Tape) {
        if let Some(person) = self.returning(at, dice) {
            person.last = at;
            let person = person.clone();
            visit::visit(country, &person, at, dice, tape);
            return;
        }
        let mut person = Person::new(country, dice);
        person.last = at;
        if visit::visit(country, &person, at, dice, tape) {
            self.new.push(person);
        }
    }

    fn returning(&mut self, at: Duration, dice: &mut Dice) -> Option<&mut Person> {
        // New people verify less often than they come: a little above a half makes a half of the sends.
        if self.known.is_empty() || !dice.chance(0.52) {
            return None;
        }
        let index = dice.below(self.known.len());
        self.known.get_mut(index).filter(|person| at.saturating_sub(person.last) > HOUR * 2)
    }
}

#[cfg(test)]
mod tests;
