use std::time::Duration;

use super::*;
use crate::traffic::{Kind, Label, LoggedOutcome, Send};

fn import(text: &str, path: &str, how: &Import) -> Result<Vec<Result<Event, BadLine>>, String> {
    Ok(events(Box::new(std::io::Cursor::new(text.to_owned())), Path::new(path), how)?.collect())
}

fn send(event: &Result<Event, BadLine>) -> &Send {
    match event {
        Ok(Event { kind: Kind::Send(send), .. }) => send,
        other => panic!("{other:?}"),
    }
}

fn outcome(event: &Result<Event, BadLine>) -> (Duration, &str, &LoggedOutcome) {
    match event {
        Ok(Event { at, kind: Kind::Outcome { id, outcome } }) => (*at, id, outcome),
        other => panic!("{other:?}"),
    }
}

const NOON: Duration = Duration::from_secs(1_772_366_400);

#[test]
fn an_export_of_8x8_is_known_by_its_columns_and_put_in_order() {
    let export = "\u{feff}UMID,Date Time,Country,Operator,MCC,MNC,MSISDN,Status,Error Code,Price\r\n\
        u2,2026-03-01 12:01:00,Indonesia,\"Telkomsel, PT\",510,10,6281234567890,undelivered,5,0.31 USD\r\n\
        u1,2026-03-01T12:00:00Z,SG,Singtel,525,01,6591234567,Delivered,,0.05\r\n";
    let events = import(export, "-", &Import::default()).unwrap();
    assert_eq!((send(&events[0]).id.as_str(), send(&events[0]).price), ("u1", Some(0.05)));
    let (at, id, state) = outcome(&events[1]);
    assert_eq!((at, id), (NOON + Duration::from_secs(30), "u1"));
    assert_eq!(state, &LoggedOutcome::Delivery("delivered".to_owned()));
    let two = send(&events[2]);
    assert_eq!(
        (two.destination.as_str(), two.country.as_deref(), two.price),
        ("+6281234567890", None, Some(0.31))
    );
    assert_eq!(outcome(&events[3]).2, &LoggedOutcome::Delivery("undelivered".to_owned()));
}

#[test]
fn a_masked_or_mangled_number_is_a_bad_line_that_says_so_and_repeats_no_digits() {
    let export = "umid;timestamp;msisdn\nu1;1772366400;65912*****\nu2;1772366400;6.28123E+12\nu3;1772366400000;6591234567\n";
    let events = import(export, "x.csv", &Import::default()).unwrap();
    let why = |i: usize| events[i].as_ref().unwrap_err();
    assert!(why(0).line == 2 && why(0).why.contains("masked") && !why(0).why.contains("912"), "{:?}", why(0));
    assert!(why(1).line == 3 && why(1).why.contains("spreadsheet"), "{:?}", why(1));
    assert_eq!(events[2].as_ref().unwrap().at, NOON);
}

#[test]
fn columns_are_named_by_whoever_knows_them() {
    let columns =
        ["at=When", "destination=to", "client_ip=IP", "verified_at=done"].map(|text| column(text).unwrap());
    let how = Import { format: Some(Format::Csv), columns: columns.into(), ..Import::default() };
    let table = "When,To,IP,Done,label\n2026-03-01T19:00:00+07:00,+6591234567,::ffff:203.0.113.7,2026-03-01 12:00:40 UTC,Fraud\n";
    let events = import(table, "x", &how).unwrap();
    let one = send(&events[0]);
    assert_eq!(one.client_ip, Some([203, 0, 113, 7].into()));
    assert_eq!((one.label, events[0].as_ref().unwrap().at), (Some(Label::Fraud), NOON));
    assert_eq!(
        outcome(&events[1]),
        (NOON + Duration::from_secs(40), one.id.as_str(), &LoggedOutcome::Verified)
    );
}

#[test]
fn a_missing_column_is_named_with_those_that_there_are() {
    let how =
        Import { format: Some(Format::Csv), columns: vec![column("at=Tiem").unwrap()], ..Import::default() };
    let why = import("Time,To\n", "x", &how).unwrap_err();
    assert_eq!(why, "at: no column \"Tiem\"; there are: Time, To");
    let why = import("Time,To\n", "x.csv", &Import::default()).unwrap_err();
    assert!(why.contains("--columns at=HEADER") && why.ends_with("there are: Time, To"), "{why}");
    assert!(column("when=Time").unwrap_err().contains("verified_at"));
}

#[test]
fn json_lines_are_json_lines_whatever_the_first_one_is() {
    let log = "not, json\n{\"at\":\"2026-03-01T12:00:00Z\",\"event\":\"verified\",\"id\":\"a\"}\n";
    let events = import(log, "x.jsonl", &Import::default()).unwrap();
    assert!(events[0].is_err() && events[1].is_ok());
    let events = import(log.split_once('\n').unwrap().1, "-", &Import::default()).unwrap();
    assert!(events[0].is_ok());
    assert!(import("", "-", &Import::default()).unwrap().is_empty());
}

#[test]
fn a_time_that_could_be_two_is_none() {
    for text in ["03/04/2026 12:00", "yesterday", "12:00:00", "-5", ""] {
        assert!(value::time(text).is_err(), "{text}");
    }
}

#[test]
fn a_send_of_a_profile_that_is_none_is_told_with_its_line_and_the_names_there_are() {
    let send = |profile: &str| {
        format!(
            r#"{{"at":"2026-03-01T12:00:00Z","event":"send","id":"s","destination":"+65","profile":"{profile}"}}"#
        )
    };
    let log = format!("{}\n{}\n{}\n", send("otp"), send("launch"), send("campaign"));
    let table = "at,destination,profile\n2026-03-01T12:00:00Z,+6591234567,launch\n";
    for (text, path, line) in [(log.as_str(), "a.jsonl", 2), (table, "a.csv", 2)] {
        let events = import(text, path, &Import::default()).unwrap();
        let bad: Vec<_> = events.iter().filter_map(|event| event.as_ref().err()).collect();
        assert_eq!((bad.len(), bad[0].line), (1, line));
        assert!(
            bad[0].why.starts_with(r#"profile: "launch" is none: write otp, notification, campaign,"#),
            "{bad:?}"
        );

        let how =
            Import { profiles: vec!["otp".into(), "campaign".into(), "launch".into()], ..Import::default() };
        assert!(import(text, path, &how).unwrap().iter().all(Result::is_ok));
    }
}
