//! The world: which numbers and addresses a country has, when its people are awake, and what a message there costs.
//!
//! Prefixes are such as operators have, rates and prices of a likely size; none of it is measured.

mod table;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::dice::Dice;
pub(super) use table::COUNTRIES;

/// A country, as far as the simulation needs one.
#[derive(Debug)]
pub(crate) struct Country {
    /// ISO 3166-1 alpha-2.
    pub(crate) code: &'static str,
    /// Its operators' mobile prefixes, each with the calling code. Every number that begins so is valid.
    pub(super) prefixes: &'static [&'static str],
    /// How many digits a number has, with the calling code.
    pub(super) length: usize,
    /// Its time's lead over UTC, in minutes.
    offset: i64,
    /// How many of its people enter the code they asked for.
    pub(super) conversion: f64,
    /// What a message costs.
    pub(super) price: f64,
    /// How many people the tenant has there, against other countries where it is not at home.
    pub(super) weight: f64,
    /// How many of them share an address with an operator's other clients (CGNAT).
    pub(super) shared: f64,
    v4: [[u8; 2]; 2],
    v6: u32,
}

/// The country of an ISO 3166-1 alpha-2 code, where the simulation has it.
pub(crate) fn country(code: &str) -> Option<&'static Country> {
    COUNTRIES.iter().find(|country| country.code.eq_ignore_ascii_case(code))
}

impl Country {
    /// A number that somebody may have.
    pub(super) fn number(&self, dice: &mut Dice) -> String {
        self.range(dice, 0).start
    }

    /// A range of `10^free` numbers of one operator.
    pub(super) fn range(&self, dice: &mut Dice, free: usize) -> Range {
        let mut start = format!("+{}", dice.pick(self.prefixes));
        while start.len() < self.length + 1 - free {
            start.push(char::from(b'0' + dice.byte() % 10));
        }
        Range { start, free }
    }

    /// Which operator a number is of.
    pub(super) fn operator(&self, number: &str) -> usize {
        let is_of = |prefix: &&str| number.get(1..).is_some_and(|digits| digits.starts_with(prefix));
        self.prefixes.iter().position(is_of).unwrap_or(0)
    }

    /// One of the few addresses behind which an operator's mobile clients are.
    pub(super) fn gateway(&self, operator: usize, dice: &mut Dice) -> IpAddr {
        let [a, b] = self.v4[0];
        let carrier = u8::try_from(operator % 4).unwrap_or(0);
        Ipv4Addr::new(a, b, 255, 16 * carrier + 1 + dice.byte() % 2).into()
    }

    /// An address of its own.
    pub(super) fn address(&self, dice: &mut Dice) -> IpAddr {
        let [a, b] = *dice.pick(&self.v4);
        Ipv4Addr::new(a, b, dice.byte() % 255, dice.host()).into()
    }

    /// An address of its own, with IPv6.
    pub(super) fn address_v6(&self, dice: &mut Dice) -> IpAddr {
        let network = u128::from(self.v6) << 96 | u128::from(dice.bits() as u32) << 64;
        Ipv6Addr::from_bits(network | u128::from(dice.bits())).into()
    }

    /// The moment's local time: the weekday, from 0 for Monday, and the hour.
    pub(super) fn local(&self, at: Duration) -> (usize, usize) {
        let minutes = i64::try_from(at.as_secs() / 60).unwrap_or(0) + self.offset;
        let hours = usize::try_from(minutes / 60).unwrap_or(0);
        // The epoch was a Thursday.
        ((hours / 24 + 3) % 7, hours % 24)
    }
}

/// The same network, another time: the last part of the address is new.
pub(super) fn nearby(ip: IpAddr, dice: &mut Dice) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            Ipv4Addr::new(a, b, c, dice.host()).into()
        }
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64 | u128::from(dice.bits())).into(),
    }
}

/// A block of numbers with one beginning.
#[derive(Clone, Debug)]
pub(super) struct Range {
    start: String,
    free: usize,
}

impl Range {
    /// The number with these last digits; there are as many as [`Range::size`].
    pub(super) fn number(&self, last: usize) -> String {
        if self.free == 0 {
            return self.start.clone();
        }
        format!("{}{:0width$}", self.start, last % self.size(), width = self.free)
    }

    pub(super) fn size(&self) -> usize {
        (0..self.free).fold(1, |size, _| size * 10)
    }

    /// All its numbers, in any order.
    pub(super) fn shuffled(&self, dice: &mut Dice) -> Vec<usize> {
        let mut all: Vec<usize> = (0..self.size()).collect();
        dice.shuffle(&mut all);
        all
    }
}
