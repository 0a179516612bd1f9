use std::net::IpAddr;

use super::ground::Ground;
use crate::simulate::HOUR;

pub(super) fn by_many(ground: &mut Ground<'_>) {
    let proxies = ground.proxies(4000);
    bomb(ground, &proxies);
}

pub(super) fn by_one(ground: &mut Ground<'_>) {
    let ip = ground.target().address(&mut ground.dice);
    bomb(ground, &[ip]);
}

/// Somebody is to have no peace: his own country's tenant sends him message after message.
fn bomb(ground: &mut Ground<'_>, ips: &[IpAddr]) {
    let country = ground.home();
    let victim = country.number(&mut ground.dice);
    for at in ground.moments(ground.begin, HOUR, 10.0) {
        let ip = ground.proxy(ips);
        ground.send(at, country, &victim, ip);
    }
}
