use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::*;
use crate::simulate::tests::{country_of, labelled, plan, sends, verified};
use crate::simulate::{generate, world};

#[test]
fn the_people_are_the_same_whatever_happens_to_them() {
    let people = |scenario| {
        let events = generate(&plan(scenario), 3);
        let legit = labelled(&events, Label::Legit);
        let legit = legit.into_iter().map(|(at, send)| (at, send.destination.clone(), send.client_ip));
        legit.collect::<Vec<_>>()
    };
    assert!(people(Scenario::None) == people(Scenario::Residential));
}

#[test]
fn a_launch_is_ten_times_the_people_of_one_country_on_one_day() {
    let count = |scenario, code: &str| {
        let events = generate(&plan(scenario), 4);
        let from = START + DAY * plan(scenario).attack_day();
        let on_the_day = sends(&events).filter(|(at, _)| (from..from + DAY).contains(at));
        on_the_day.filter(|(_, send)| send.destination.starts_with(code)).count() as f64
    };
    assert!((9.0..11.0).contains(&(count(Scenario::LaunchDay, "+62") / count(Scenario::None, "+62"))));
    assert!((count(Scenario::LaunchDay, "+65") - count(Scenario::None, "+65")).abs() < 1.0);
}

#[test]
fn people_are_as_many_as_planned_and_half_of_them_come_back() {
    let plan = Plan { days: 10, ..Plan::default() };
    let events = generate(&plan, 9);
    let per_day = sends(&events).count() as f64 / 10.0;
    assert!((2700.0..3300.0).contains(&per_day), "{per_day}");

    let entered = verified(&events);
    let mut since: HashMap<&str, Duration> = HashMap::new();
    let (mut late, mut known) = (0, 0);
    for (at, send) in sends(&events) {
        let today = START + DAY * ((at - START).as_secs() / 86_400) as u32;
        if at >= START + DAY * 2 {
            late += 1;
            known += usize::from(since.get(send.destination.as_str()).is_some_and(|at| *at < today));
        }
        if let Some(at) = entered.get(send.id.as_str()) {
            since.entry(&send.destination).or_insert(*at);
        }
    }
    assert!((0.45..0.55).contains(&(f64::from(known as u32) / f64::from(late))), "{known} of {late}");
}

#[test]
fn people_enter_codes_as_often_and_as_fast_as_their_country_does() {
    let events = generate(&Plan { days: 10, ..Plan::default() }, 1);
    let entered = verified(&events);
    for code in ["ID", "SG", "PH"] {
        let country = world::country(code).unwrap();
        let there = sends(&events).filter(|(_, send)| country_of(&send.destination).as_deref() == Some(code));
        let there: Vec<_> = there.collect();
        let rate = there.iter().filter(|(_, send)| entered.contains_key(send.id.as_str())).count() as f64
            / there.len() as f64;
        // Of those who press again, one message at most is answered.
        assert!((country.conversion - 0.1..country.conversion).contains(&rate), "{code}: {rate}");
    }
    let mut took: Vec<Duration> = sends(&events)
        .filter_map(|(at, send)| Some(entered.get(send.id.as_str())?.saturating_sub(at)))
        .collect();
    took.sort();
    let (median, longest) = (took[took.len() / 2].as_secs_f64(), took[took.len() - 1].as_secs_f64());
    assert!((23.0..28.0).contains(&median) && longest <= 300.0, "{median} {longest}");
}

#[test]
fn some_addresses_are_shared_by_hundreds_and_some_are_ipv6() {
    let events = generate(&Plan::default(), 1);
    let mut people: HashMap<IpAddr, HashSet<&str>> = HashMap::new();
    for (_, send) in sends(&events) {
        people.entry(send.client_ip.unwrap()).or_default().insert(&send.destination);
    }
    assert!(people.values().filter(|people| people.len() > 200).count() >= 4);
    let v6 = people.keys().filter(|ip| ip.is_ipv6()).count() as f64 / people.len() as f64;
    assert!((0.01..0.15).contains(&v6), "{v6}");
}
