use std::collections::{BTreeMap, HashMap, HashSet};

use tollgate::pump_guard::engine::{NumberType, Reading};

use super::dice::Dice;
use super::*;
use crate::traffic::{Label, LoggedOutcome, Send};

pub(super) fn plan(scenario: Scenario) -> Plan {
    Plan { scenario, ..Plan::default() }
}

pub(super) fn sends(events: &[Event]) -> impl Iterator<Item = (Duration, &Send)> {
    events.iter().filter_map(|event| match &event.kind {
        Kind::Send(send) => Some((event.at, send)),
        Kind::Outcome { .. } => None,
    })
}

pub(super) fn labelled(events: &[Event], label: Label) -> Vec<(Duration, &Send)> {
    sends(events).filter(|(_, send)| send.label == Some(label)).collect()
}

pub(super) fn verified(events: &[Event]) -> HashMap<&str, Duration> {
    let verified = events.iter().filter_map(|event| match &event.kind {
        Kind::Outcome { id, outcome: LoggedOutcome::Verified } => Some((id.as_str(), event.at)),
        _ => None,
    });
    verified.collect()
}

pub(super) fn country_of(number: &str) -> Option<String> {
    match Reading::of(number, None, |_| false) {
        Reading::Number(number) if number.kind() == NumberType::Mobile => {
            Some(number.country().as_str().to_owned())
        }
        _ => None,
    }
}

#[test]
fn every_number_of_every_prefix_is_a_mobile_number_of_its_country() {
    let mut wrong = Vec::new();
    for country in &world::COUNTRIES {
        let mut dice = Dice::of(1, &[]);
        let mut bad = BTreeMap::new();
        for _ in 0..600 {
            let number = country.number(&mut dice);
            if country_of(&number).as_deref() != Some(country.code) {
                bad.entry(country.prefixes[country.operator(&number)]).or_insert(number);
            }
        }
        wrong.extend(bad);
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn countries_convert_between_60_and_92_per_cent_and_have_four_operators_at_least() {
    for country in &world::COUNTRIES {
        assert!((0.6..=0.92).contains(&country.conversion) && country.price > 0.0, "{country:?}");
        assert!((4..=10).contains(&country.prefixes.len()), "{country:?}");
    }
    let tail = world::COUNTRIES.iter().filter(|country| country.weight > 0.0).count();
    assert_eq!(tail - Plan::default().homes.len(), 25);
}

#[test]
fn the_same_seed_gives_the_same_traffic_and_another_one_another() {
    for &scenario in [Scenario::None, Scenario::LowAndSlow, Scenario::CodeBruteForce].iter() {
        let plan = plan(scenario);
        let one = generate(&plan, 7);
        assert!(one == generate(&plan, 7), "{scenario}");
        assert!(one != generate(&plan, 8), "{scenario}");
    }
}

#[test]
fn every_scenario_is_sorted_labelled_priced_and_valid() {
    for &scenario in Scenario::all() {
        let events = generate(&Plan { legit_per_day: 300, ..plan(scenario) }, 11);
        assert!(events.is_sorted_by_key(|event| event.at), "{scenario}");
        let mut seen = HashSet::new();
        for event in &events {
            match &event.kind {
                Kind::Send(send) => {
                    assert!(send.label.is_some() && send.price.is_some_and(|price| price > 0.0), "{send:?}");
                    assert!(send.client_ip.is_some() && seen.insert(send.id.as_str()), "{send:?}");
                }
                Kind::Outcome { id, .. } => assert!(seen.contains(id.as_str()), "{scenario}: {event:?}"),
            }
        }
        let fraud = labelled(&events, Label::Fraud);
        assert_eq!(!fraud.is_empty(), scenario.is_attack(), "{scenario}");
        let numbers: HashSet<&str> = fraud.iter().map(|(_, send)| send.destination.as_str()).collect();
        assert!(numbers.iter().all(|number| country_of(number).is_some()), "{scenario}");
        assert_eq!(scenario.as_str().parse(), Ok(scenario));
    }
}

#[test]
fn every_attack_is_as_large_and_as_long_as_it_says() {
    for (scenario, messages, hours, numbers) in [
        (Scenario::SingleIp, 3600, 1.0, 3600),
        (Scenario::Residential, 4800, 4.0, 4800),
        (Scenario::Single1k, 4800, 4.0, 1000),
        (Scenario::Single100k, 4800, 4.0, 4800),
        (Scenario::Sequential, 1200, 2.0, 1200),
        (Scenario::Burst, 600, 5.0 / 60.0, 600),
        (Scenario::LowAndSlow, 7680, 48.0, 7680),
        (Scenario::WholeCountry, 5400, 3.0, 5400),
        (Scenario::HomeCountry, 5400, 3.0, 5400),
        (Scenario::FakeConversion, 2400, 4.0, 2400),
        (Scenario::FakeConversionHuman, 2400, 4.0, 2400),
        (Scenario::Bombing, 600, 1.0, 1),
        (Scenario::BombingSingleIp, 600, 1.0, 1),
        (Scenario::SpoofedXff, 2400, 2.0, 2400),
        (Scenario::CodeBruteForce, 5400, 6.0, 20),
        (Scenario::SlowRamp, 1530, 48.0, 1530),
        (Scenario::Fresh, 4800, 4.0, 4800),
    ] {
        let events = generate(&Plan { legit_per_day: 300, ..plan(scenario) }, 5);
        let fraud = labelled(&events, Label::Fraud);
        let about = |is: f64, wanted: f64| (is - wanted).abs() < wanted * 0.12;
        let (first, last) = (fraud[0].0, fraud[fraud.len() - 1].0);
        assert!(about(fraud.len() as f64, f64::from(messages)), "{scenario}: {}", fraud.len());
        assert!(about((last - first).as_secs_f64() / 3600.0, hours), "{scenario}: {:?}", last - first);
        let different: HashSet<&str> = fraud.iter().map(|(_, send)| send.destination.as_str()).collect();
        assert!(about(different.len() as f64, f64::from(numbers)), "{scenario}: {}", different.len());
        if scenario != Scenario::Fresh {
            assert!(first >= START + DAY * 3, "{scenario}");
        }
        assert!(last + HOUR * 6 < START + DAY * 7, "{scenario}: recovery has to be seen");
    }
}

#[test]
fn attacks_without_codes_convert_nobody_and_most_of_their_messages_arrive() {
    let events = generate(&plan(Scenario::Residential), 2);
    let fraud = labelled(&events, Label::Fraud);
    let ids: HashSet<&str> = fraud.iter().map(|(_, send)| send.id.as_str()).collect();
    let outcomes = events.iter().filter_map(|event| match &event.kind {
        Kind::Outcome { id, outcome } if ids.contains(id.as_str()) => Some(outcome),
        _ => None,
    });
    let (mut delivered, mut verified) = (0, 0);
    for outcome in outcomes {
        match outcome {
            LoggedOutcome::Delivery(state) => delivered += usize::from(state == "delivered"),
            _ => verified += 1,
        }
    }
    assert_eq!(verified, 0);
    assert!((0.67..0.73).contains(&(delivered as f64 / ids.len() as f64)), "{delivered}");
    let ips: HashSet<_> = fraud.iter().map(|(_, send)| send.client_ip).collect();
    assert!(ips.len() > 2000);
}

#[test]
fn a_plan_without_home_or_days_is_no_reason_to_stop() {
    for &scenario in Scenario::all() {
        let none = Plan { days: 0, legit_per_day: 0, scenario, homes: Vec::new() };
        assert_eq!(generate(&none, 1).is_empty(), !scenario.is_attack());
    }
    let world = generate(&Plan { days: 1, homes: Vec::new(), ..Plan::default() }, 1);
    assert!(sends(&world).count() > 2500);
}

#[test]
fn what_is_written_to_a_log_is_read_back() {
    let events = generate(&Plan { days: 1, ..Plan::default() }, 6);
    let mut log = Vec::new();
    for event in &events {
        crate::traffic::write(&mut log, event).unwrap();
    }
    let read: Vec<Event> = crate::traffic::Reader::new(log.as_slice()).map(Result::unwrap).collect();
    assert!(read == events);
}

#[test]
fn a_plain_limiter_stops_one_address_and_not_thousands() {
    let stopped = |scenario| {
        let events = generate(&Plan { legit_per_day: 300, ..plan(scenario) }, 1);
        score(&events, &run(&mut PlainLimiter::default(), &events)).stopped_percent.unwrap()
    };
    assert!(stopped(Scenario::SingleIp) > 99.0);
    assert!(stopped(Scenario::Residential) < 5.0);
    assert!(stopped(Scenario::Bombing) > 95.0);
}

#[test]
fn an_adaptive_budget_stops_an_attack_on_a_country_and_hurts_it() {
    let events = generate(&plan(Scenario::HomeCountry), 1);
    let score = score(&events, &run(&mut AdaptiveBudget::learning_for(DAY * 3), &events));
    assert!(score.stopped_percent.unwrap() > 80.0 && score.caught, "{score:?}");
    assert!(score.under_attack.percent(score.under_attack.blocked) > 20.0, "{score:?}");
    assert!(score.everywhere.blocked < score.everywhere.attempts / 4, "{score:?}");
}

#[test]
fn an_adaptive_budget_that_never_learned_blocks_a_busy_country_for_good() {
    let events = generate(&plan(Scenario::None), 1);
    let score = score(&events, &run(&mut AdaptiveBudget::learning_for(Duration::ZERO), &events));
    assert!(score.everywhere.percent(score.everywhere.blocked) > 50.0, "{score:?}");
}
