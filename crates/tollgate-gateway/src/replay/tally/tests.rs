use tollgate::pump_guard::{Policy, PumpGuard};

use super::*;
use crate::replay::Replayer;

fn send(at: u64, id: &str, destination: &str, label: Option<Label>) -> Event {
    let send = Send {
        id: id.to_owned(),
        destination: destination.to_owned(),
        channel: "sms".to_owned(),
        profile: "otp".to_owned(),
        price: Some(0.5),
        label,
        ..Send::default()
    };
    Event { at: Duration::from_secs(1_772_355_600 + at), kind: Kind::Send(send) }
}

fn verified(at: u64, id: &str) -> Event {
    let kind = Kind::Outcome { id: id.to_owned(), outcome: LoggedOutcome::Verified };
    Event { at: Duration::from_secs(1_772_355_600 + at), kind }
}

fn tally(events: &[Event]) -> (Report, Vec<FalsePositive>) {
    let (mut replayer, mut tally) = (Replayer::new(Policy::default(), PumpGuard::MEMORY), Tally::default());
    let wrong = events
        .iter()
        .filter_map(|event| {
            let replayed = replayer.event(event);
            tally.event(event, replayed.as_ref())
        })
        .collect();
    (tally.report(), wrong)
}

#[test]
fn every_send_is_in_one_verdict_and_money_adds_up() {
    let (report, _) = tally(&[
        send(0, "a", "+6591234567", None),
        send(1, "b", "+6591234567", None),
        send(2, "c", "+99912", None),
        verified(20, "a"),
        verified(21, "a"),
        verified(22, "nobody"),
    ]);
    let sum: u64 = report.verdicts.iter().map(|row| row.sends).sum();
    assert_eq!((report.sends, sum, report.outcomes.verified, report.outcomes.of_no_send), (3, 3, 1, 1));
    assert!((report.money.total - 1.5).abs() < 1e-9);
    let stopped: f64 = report.signals.iter().map(|row| row.price).sum();
    assert!((report.money.stopped - stopped).abs() < 1e-9);
    assert!(report.labels.is_none());
}

#[test]
fn what_was_stopped_and_verified_later_is_the_estimate_of_false_positives() {
    let (report, wrong) = tally(&[
        send(0, "a", "+99912", None),
        send(9, "b", "+99912", Some(Label::Fraud)),
        verified(20, "a"),
        verified(21, "b"),
    ]);
    assert_eq!((report.verified_but_stopped.blocked, wrong.len()), (1, 1));
    let line = serde_json::to_string(&wrong[0]).unwrap();
    assert!(line.starts_with(r#"{"id":"a","at":"2026-03-01T09:00:00Z","verdict":"block""#), "{line}");
    assert!(line.contains(r#""signal":"number_shape""#), "{line}");
}

#[test]
fn labels_score_the_guard_and_a_report_holds_no_number() {
    let (report, wrong) = tally(&[
        send(0, "a", "+6591234567", Some(Label::Legit)),
        send(100, "b", "+99912", Some(Label::Fraud)),
        send(200, "c", "+6591234567", Some(Label::Legit)),
        send(201, "d", "+6591234567", Some(Label::Legit)),
        send(202, "e", "+6591234567", Some(Label::Legit)),
    ]);
    let labels = report.labels.as_ref().unwrap();
    assert_eq!((labels.fraud, labels.legit, labels.fraud_stopped_percent), (1, 4, Some(100.0)));
    assert_eq!(labels.first_stop.as_deref(), Some("2026-03-01T09:01:40Z"));
    assert_eq!(wrong.len() as u64, labels.legit_cooled_down + labels.legit_stopped.all());
    let all = format!("{report}{}", serde_json::to_string(&report).unwrap());
    assert!(!all.contains("91234567"), "{all}");
}
