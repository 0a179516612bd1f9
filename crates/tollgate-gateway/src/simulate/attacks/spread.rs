use super::ground::Ground;
use crate::simulate::world::{COUNTRIES, Country};
use crate::simulate::{DAY, HOUR, MINUTE};

pub(super) fn low_and_slow(ground: &mut Ground<'_>) {
    let proxies = ground.proxies(6000);
    let all: Vec<&'static Country> = COUNTRIES.iter().filter(|country| country.price > 0.05).collect();
    let countries = ground.dice.some(&all, 15);
    for &country in countries.iter().cycle().take(40) {
        let range = country.range(&mut ground.dice, 4);
        let mut numbers = range.shuffled(&mut ground.dice).into_iter();
        let end = ground.begin + DAY * 2;
        let mut at = ground.begin + ground.dice.seconds(0.0, 1200.0);
        while at < end
            && let Some(last) = numbers.next()
        {
            let ip = ground.proxy(&proxies);
            ground.send(at, country, &range.number(last), ip);
            at += ground.dice.seconds(600.0, 1200.0);
        }
    }
}

pub(super) fn whole_country(ground: &mut Ground<'_>) {
    let rare = |country: &&Country| country.weight <= 1.0 && !ground.plan.is_home(country);
    let rare: Vec<&'static Country> = COUNTRIES.iter().filter(rare).collect();
    let country = *ground.dice.pick(&rare);
    anywhere_in(ground, country);
}

pub(super) fn home_country(ground: &mut Ground<'_>) {
    let country = ground.home();
    anywhere_in(ground, country);
}

pub(super) fn spoofed_xff(ground: &mut Ground<'_>) {
    let country = ground.target();
    let ip = ground.target().address(&mut ground.dice);
    let range = country.range(&mut ground.dice, 5);
    let numbers = range.shuffled(&mut ground.dice);
    for (at, last) in ground.moments(ground.begin, HOUR * 2, 20.0).into_iter().zip(numbers) {
        ground.send(at, country, &range.number(last), ip);
    }
}

fn anywhere_in(ground: &mut Ground<'_>, country: &'static Country) {
    let proxies = ground.proxies(4000);
    for at in ground.moments(ground.begin, MINUTE * 180, 30.0) {
        let number = country.number(&mut ground.dice);
        let ip = ground.proxy(&proxies);
        ground.send(at, country, &number, ip);
    }
}
