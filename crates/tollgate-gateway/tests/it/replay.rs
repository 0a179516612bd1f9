use super::*;

/// Made for one test, and gone with it.
fn file(name: &str, text: &str) -> (TempFile, String) {
    let file = TempFile::new(name, text);
    let path = file.path().to_owned();
    (file, path)
}

fn send(second: u32, id: &str, destination: &str) -> String {
    format!(
        "{{\"at\":\"2026-03-01T09:{:02}:{:02}Z\",\"event\":\"send\",\"id\":\"{id}\",\"client_ip\":\"203.0.113.7\",\
         \"destination\":\"{destination}\",\"price\":0.5}}\n",
        second / 60,
        second % 60
    )
}

fn verified(second: u32, id: &str) -> String {
    format!(
        "{{\"at\":\"2026-03-01T09:{:02}:{:02}Z\",\"event\":\"verified\",\"id\":\"{id}\"}}\n",
        second / 60,
        second % 60
    )
}

/// A person who presses twice and comes too soon again; a number that is none.
fn log() -> String {
    [
        send(0, "s1", "+6591234567"),
        send(3, "s2", "+6591234567"),
        send(14, "s3", "+6591234567"),
        "no event\n".to_owned(),
        verified(20, "s1"),
        verified(25, "s3"),
        send(40, "s4", "+99912"),
    ]
    .concat()
}

const DECISIONS: &str = r#"{"id":"s1","verdict":"allow","score":0,"reasons":[]}
{"id":"s2","verdict":"allow","score":0,"reasons":[],"repeat":true}
{"id":"s3","verdict":"block","score":100,"reasons":["number_cooldown"],"retry_after_s":16}
{"id":"s4","verdict":"block","score":100,"reasons":["number_shape"]}
"#;

#[test]
fn every_send_has_one_decision_in_order() {
    let ran = tollgate(&["replay", "--decisions", "-", "-"], log().as_bytes());
    assert_eq!((ran.status, ran.out.as_str()), (0, DECISIONS), "{ran:?}");
    assert!(ran.err.contains("-: line 4: not a JSON object"), "{}", ran.err);
    assert!(ran.err.contains("4 sends") && ran.err.contains("1 bad lines"), "{}", ran.err);
    assert!(!ran.err.contains("91234567"), "{}", ran.err);
}

#[test]
fn decisions_are_in_their_place_only_when_they_are_whole() {
    let (_log, log) = file("replay-log", &log());
    let (_out, out) = file("replay-out", "from before");
    let refused = tollgate(&["replay", "--decisions", &out, &log, "no such log"], b"");
    assert!(
        refused.status == 2 && refused.err.contains("no such log: the log cannot be read"),
        "{refused:?}"
    );
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "from before");
    let over = tollgate(&["replay", "--decisions", &log, &log], b"");
    assert!(over.status == 2 && over.err.contains("already a LOG"), "{over:?}");
    let ran = tollgate(&["replay", "--decisions", &out, &log], b"");
    assert_eq!((ran.status, std::fs::read_to_string(&out).unwrap().as_str()), (0, DECISIONS));
    assert!(ran.out.contains("money       2.00, of which 1.00 stopped"), "{}", ran.out);
}

#[test]
fn several_logs_are_one_and_what_is_out_of_order_is_counted() {
    let (_one, one) = file("replay-one", &(send(0, "a", "+6591234567") + &send(50, "c", "+6591230001")));
    let (_two, two) = file("replay-two", &(send(20, "b", "+6598765432") + &send(10, "late", "+6598760001")));
    let ran = tollgate(&["replay", "--json", "--decisions", "-", &one, &two], b"");
    let ids: Vec<_> = ran.out.lines().map(|line| line.split('"').nth(3).unwrap()).collect();
    assert_eq!(ids, ["a", "b", "late", "c"]);
    let report: serde_json::Value = serde_json::from_str(ran.err.trim()).unwrap();
    assert_eq!((&report["sends"], &report["out_of_order"]), (&4.into(), &1.into()));
    assert!(report["notes"][0].as_str().unwrap().contains("older than the one before"), "{report}");
    assert!(report["notes"][1].as_str().unwrap().contains("of no send that it was verified"), "{report}");
}

#[test]
fn a_configuration_that_only_monitors_is_replayed_as_if_it_acted() {
    let config = TempFile::new(
        "replay-monitor",
        "[pump_guard]\nmode = \"monitor\"\n[state]\npath = \"/no/such/folder/x.db\"\n",
    );
    let ran = tollgate(&["replay", "--config", config.path(), "-"], log().as_bytes());
    assert!(ran.status == 0 && ran.out.contains("replayed as if it were \"enforce\""), "{ran:?}");
    assert!(ran.out.contains("number_cooldown"), "{}", ran.out);
    let missing = tollgate(&["replay", "--config", "no such file.toml", "-"], b"");
    assert!(missing.status == 2 && missing.err.contains("no such file.toml: cannot be read"), "{missing:?}");
}

#[test]
fn what_was_verified_and_would_have_been_stopped_is_listed_with_the_evidence() {
    let ran = tollgate(&["replay", "--false-positives", "-", "-"], log().as_bytes());
    let one: serde_json::Value = serde_json::from_str(ran.out.trim()).unwrap();
    assert_eq!((&one["id"], &one["at"]), (&"s3".into(), &"2026-03-01T09:00:14Z".into()));
    assert!(one["reasons"][0]["evidence"].as_str().unwrap().contains("+6591234xxx"), "{one}");
    let swept = tollgate(&["replay", "--sweep", "-"], log().as_bytes());
    let rows: Vec<_> = swept.out.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(rows, ["preset", "cautious", "balanced", "strict"], "{}", swept.out);
    assert!(swept.out.lines().last().unwrap().contains("1 (50.000 %)"), "{}", swept.out);
}

#[test]
fn a_table_is_read_by_its_columns_and_a_page_is_made_of_it() {
    let table = "Timestamp,To,IP,Cost,Verified\n\
        2026-03-01 09:00:00,+6591234567,203.0.113.7,0.05,2026-03-01 09:00:20\n\
        2026-03-01 09:01:00,+99912,203.0.113.8,0.05,\n";
    let columns = "at=Timestamp,destination=To,client_ip=IP,price=Cost,verified_at=Verified";
    let ran =
        tollgate(&["replay", "--format", "csv", "--columns", columns, "--html", "-", "-"], table.as_bytes());
    assert!(ran.status == 0 && ran.out.starts_with("<!doctype html>"), "{ran:?}");
    assert!(ran.err.contains("2 sends; 1 verified") && ran.out.contains("number_shape"), "{}", ran.err);
    let wrong = tollgate(&["replay", "--columns", "at=Tiem,destination=To", "-"], table.as_bytes());
    assert_eq!(wrong.status, 2);
    assert!(wrong.err.contains("at: no column \"Tiem\"; there are: Timestamp, To, IP"), "{}", wrong.err);
}

#[test]
fn a_compressed_log_says_how_it_is_read() {
    let ran = tollgate(&["replay", "-"], b"\x1f\x8b\x08\x00");
    assert!(ran.status == 2 && ran.err.contains("zcat LOG | tollgate replay -"), "{ran:?}");
}

#[test]
fn a_send_without_a_price_costs_what_the_table_says_and_the_currency_is_told() {
    let (_config, config) = file(
        "replay-prices",
        "[pump_guard.prices]\ncurrency = \"EUR\"\ndefault = 0.1\ncountries = { SG = 0.25 }\n",
    );
    let log = send(0, "s1", "+6591234567") + &send(60, "s2", "+6598765432").replace(",\"price\":0.5", "");
    let ran = tollgate(&["replay", "--config", &config, "-"], log.as_bytes());
    assert!(ran.out.contains("money       0.75 EUR, of which 0.00 EUR stopped\n"), "{ran:?}");
    let ran = tollgate(&["replay", "--config", &config, "--json", "-"], log.as_bytes());
    assert!(ran.out.contains(r#""currency":"EUR""#), "{ran:?}");
    // Without a table a send has the log's price or none, and nothing is said of a currency.
    let ran = tollgate(&["replay", "-"], log.as_bytes());
    assert!(ran.out.contains("money       0.50, of which 0.00 stopped; 1 sends have no price"), "{ran:?}");
}
