use std::net::IpAddr;
use std::time::Duration;

use crate::simulate::dice::Dice;
use crate::simulate::world::{COUNTRIES, Country, nearby};

/// Somebody with a phone.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) number: String,
    pub(super) agent: &'static str,
    line: Line,
    /// When a code was last asked for.
    pub(super) last: Duration,
}

/// How somebody gets to the internet.
#[derive(Clone, Copy, Debug)]
enum Line {
    /// Behind an operator's few addresses.
    Shared { operator: usize },
    /// A line of one's own, in one prefix.
    Own(IpAddr),
    /// An office's one address.
    Office(IpAddr),
}

/// What browsers and apps say of themselves; attackers say the same.
pub(in crate::simulate) const AGENTS: [&str; 6] = [
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.2 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36",
    "okhttp/4.12.0",
    "Shop/7.3 CFNetwork/1568.200.51 Darwin/24.1.0",
];

impl Person {
    pub(super) fn new(country: &'static Country, dice: &mut Dice) -> Self {
        let number = country.number(dice);
        let line = if dice.chance(country.shared) {
            Line::Shared { operator: country.operator(&number) }
        } else if dice.chance(0.06) {
            Line::Own(country.address_v6(dice))
        } else {
            Line::Own(country.address(dice))
        };
        Self { number, agent: *dice.pick(&AGENTS), line, last: Duration::ZERO }
    }

    pub(super) fn at_the_office(number: String, ip: IpAddr, dice: &mut Dice) -> Self {
        Self { number, agent: *dice.pick(&AGENTS), line: Line::Office(ip), last: Duration::ZERO }
    }

    /// Where the person is this time.
    pub(super) fn ip(&self, country: &Country, dice: &mut Dice) -> IpAddr {
        if dice.chance(0.02) {
            // Abroad, with the number of home.
            return dice.pick(&COUNTRIES).address(dice);
        }
        match self.line {
            Line::Shared { operator } => country.gateway(operator, dice),
            Line::Own(ip) if dice.chance(0.3) => nearby(ip, dice),
            Line::Own(ip) | Line::Office(ip) => ip,
        }
    }
}
