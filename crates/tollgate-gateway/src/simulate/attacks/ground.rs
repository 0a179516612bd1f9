use std::net::IpAddr;
use std::time::Duration;

use crate::simulate::dice::Dice;
use crate::simulate::people::AGENTS;
use crate::simulate::tape::{Ask, Id, Tape};
use crate::simulate::world::{COUNTRIES, Country};
use crate::simulate::{DAY, HOUR, Plan, START};
use crate::traffic::{Event, Label};

/// Where an attacker works: when it begins, and what there is to choose from.
pub(super) struct Ground<'a> {
    pub(super) plan: &'a Plan,
    pub(super) dice: Dice,
    /// When it begins: some hours into the plan's attack day.
    pub(super) begin: Duration,
    /// The first message of all.
    pub(super) first: Duration,
    tape: Tape,
}

/// The streams of [`Dice`] that are the attacker's.
const ATTACK: u64 = 2;

impl<'a> Ground<'a> {
    pub(super) fn new(plan: &'a Plan, seed: u64, first: Duration) -> Self {
        let mut dice = Dice::of(seed, &[ATTACK]);
        let begin = START + DAY * plan.attack_day() + HOUR.mul_f64(dice.between(2.0, 12.0));
        Self { plan, dice, begin, first, tape: Tape::new(Label::Fraud) }
    }

    pub(super) fn into_events(self) -> Vec<Event> {
        self.tape.into_events()
    }

    /// Midnight before the attack, in UTC.
    pub(super) fn day(&self) -> Duration {
        START + DAY * self.plan.attack_day()
    }

    /// A country where messages pay: the dearer, the likelier.
    pub(super) fn target(&mut self) -> &'static Country {
        self.dice.weighted(&COUNTRIES, |country| country.price)
    }

    /// One of the tenant's home markets; any country where it has none.
    pub(super) fn home(&mut self) -> &'static Country {
        if self.plan.homes.is_empty() { self.target() } else { self.dice.pick::<&Country>(&self.plan.homes) }
    }

    /// Residential proxies all over the world: the more people a country has here, the more proxies too.
    pub(super) fn proxies(&mut self, amount: usize) -> Vec<IpAddr> {
        let proxy = |_| {
            let country = self.dice.weighted(&COUNTRIES, |country| country.weight + 1.0);
            country.address(&mut self.dice)
        };
        (0..amount).map(proxy).collect()
    }

    pub(super) fn proxy(&mut self, of: &[IpAddr]) -> IpAddr {
        *self.dice.pick(of)
    }

    /// Moments from `from` on, for so long and about so often.
    pub(super) fn moments(&mut self, from: Duration, lasting: Duration, per_minute: f64) -> Vec<Duration> {
        let mut moments = Vec::new();
        let mut at = from;
        while at < from + lasting {
            moments.push(at);
            at += self.dice.gap(per_minute / 60.0);
        }
        moments
    }

    /// A message that nobody waits for; the operator says of most that they arrived.
    pub(super) fn send(&mut self, at: Duration, country: &'static Country, number: &str, ip: IpAddr) -> Id {
        let agent = *self.dice.pick(&AGENTS);
        let id = self.tape.send(at, Ask { country, number, ip, agent });
        let says = self.dice.unit();
        if says < 0.9 {
            let (delivered, median) = if says < 0.7 { (true, 3.5) } else { (false, 90.0) };
            let took = Duration::from_secs_f64(self.dice.log_normal(median, 0.6));
            self.tape.receipt(at + took, id, delivered);
        }
        id
    }

    pub(super) fn verified(&mut self, at: Duration, id: Id) {
        self.tape.verified(at, id);
    }

    pub(super) fn wrong_code(&mut self, at: Duration, id: Id) {
        self.tape.wrong_code(at, id);
    }
}
