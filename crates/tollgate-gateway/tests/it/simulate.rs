use super::*;

const SMALL: [&str; 8] = ["simulate", "--scenario", "burst", "--days", "4", "--per-day", "400", "--json"];

fn lines(out: &str) -> Vec<serde_json::Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_burst_is_stopped_people_are_not_and_the_rivals_are_told_beside() {
    let ran = tollgate(&SMALL, b"");
    assert_eq!(ran.status, 0, "{ran:?}");
    let lines = lines(&ran.out);
    let guards: Vec<_> = lines.iter().map(|line| line["guard"].as_str().unwrap()).collect();
    assert_eq!(guards, ["tollgate", "plain", "adaptive"]);
    assert!(lines[0]["stopped_percent"].as_f64().unwrap() > 97.0, "{}", lines[0]);
    assert!(lines[0]["let_through"].as_f64().unwrap() <= 10.0, "{}", lines[0]);
    assert_eq!(lines[0]["legit"]["blocked"], 0, "{}", lines[0]);
}

#[test]
fn what_is_emitted_is_replayed_to_the_same_score() {
    let log = TempFile::new("burst", "");
    let emitted = tollgate(&[&SMALL[..7], &["--emit", log.path()]].concat(), b"");
    assert_eq!((emitted.status, emitted.out.as_str()), (0, ""), "{emitted:?}");
    let replayed = tollgate(&["replay", "--decisions", "-", log.path()], b"");
    assert_eq!(replayed.status, 0, "{replayed:?}");
    let stopped = lines(&replayed.out).iter().filter(|line| line["verdict"] == "block").count();
    assert!(stopped > 580, "{stopped}");
    let without = tollgate(&["simulate", "--emit", log.path()], b"");
    assert_eq!(without.status, 2);
}
