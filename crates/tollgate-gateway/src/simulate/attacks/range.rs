use std::net::IpAddr;
use std::time::Duration;

use super::ground::Ground;
use crate::simulate::people::busiest_hour;
use crate::simulate::world::Country;
use crate::simulate::{HOUR, MINUTE};

/// How many proxies an attacker rents.
const PROXIES: usize = 4000;

pub(super) fn single_ip(ground: &mut Ground<'_>) {
    let (country, begin) = (ground.target(), ground.begin);
    let ip = ground.target().address(&mut ground.dice);
    let moments = (0..3600).map(|second| begin + Duration::from_secs(second)).collect();
    to_range(ground, country, 4, moments, &[ip]);
}

/// To a range of `10^free` numbers.
pub(super) fn residential(ground: &mut Ground<'_>, free: usize) {
    from_proxies(ground, ground.begin, HOUR * 4, 20.0, free);
}

pub(super) fn fresh(ground: &mut Ground<'_>) {
    from_proxies(ground, ground.first + MINUTE * 30, HOUR * 4, 20.0, 4);
}

pub(super) fn burst(ground: &mut Ground<'_>) {
    let (country, proxies) = (ground.target(), ground.proxies(PROXIES));
    let moments = (0..600).map(|half| ground.begin + Duration::from_millis(half * 500)).collect();
    to_range(ground, country, 4, moments, &proxies);
}

pub(super) fn sequential(ground: &mut Ground<'_>) {
    let (country, proxies) = (ground.home(), ground.proxies(PROXIES));
    let begin = busiest_hour(country, ground.day()).saturating_sub(MINUTE * 30);
    let range = country.range(&mut ground.dice, 4);
    let start = ground.dice.below(range.size());
    for (index, at) in ground.moments(begin, HOUR * 2, 10.0).into_iter().enumerate() {
        let ip = ground.proxy(&proxies);
        ground.send(at, country, &range.number(start + index), ip);
    }
}

pub(super) fn slow_ramp(ground: &mut Ground<'_>) {
    let (country, proxies) = (ground.target(), ground.proxies(PROXIES));
    let mut moments = Vec::new();
    for (step, per_hour) in [1_u8, 2, 4, 8, 16, 32, 64, 128].into_iter().enumerate() {
        let from = ground.begin + HOUR * 6 * u32::try_from(step).unwrap_or(0);
        moments.extend(ground.moments(from, HOUR * 6, f64::from(per_hour) / 60.0));
    }
    to_range(ground, country, 5, moments, &proxies);
}

fn from_proxies(ground: &mut Ground<'_>, from: Duration, lasting: Duration, per_minute: f64, free: usize) {
    let (country, proxies) = (ground.target(), ground.proxies(PROXIES));
    let moments = ground.moments(from, lasting, per_minute);
    to_range(ground, country, free, moments, &proxies);
}

/// No number twice before every one had its turn: a second message to it would only be in the way.
fn to_range(
    ground: &mut Ground<'_>,
    country: &'static Country,
    free: usize,
    moments: Vec<Duration>,
    ips: &[IpAddr],
) {
    let range = country.range(&mut ground.dice, free);
    let numbers = range.shuffled(&mut ground.dice);
    for (at, &last) in moments.into_iter().zip(numbers.iter().cycle()) {
        let ip = ground.proxy(ips);
        ground.send(at, country, &range.number(last), ip);
    }
}
