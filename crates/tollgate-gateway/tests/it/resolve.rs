use super::*;

#[test]
fn each_line_is_answered_in_order_with_the_reasoning() {
    let config = TempFile::new(
        "resolve",
        "[[client_ip.rule]]\npeers = [\"10.0.0.0/8\"]\nheader = \"X-Forwarded-For\"\n",
    );
    let lines = [
        (
            r#"{"peer":"10.0.0.1:443","headers":[["X-Forwarded-For","8.8.8.8, 203.0.113.7"]]}"#,
            "client_ip",
            "203.0.113.7",
        ),
        (r#"{"peer":"203.0.113.9:5","headers":[["X-Forwarded-For","8.8.8.8"]]}"#, "client_ip", "203.0.113.9"),
        (r#"{"peer":"10.0.0.1","headers":[]}"#, "error", "header_missing"),
        (
            r#"{"peer":"10.0.0.1","headers":[["x-forwarded-for","ÿ, 203.0.113.7"]]}"#,
            "client_ip",
            "203.0.113.7",
        ),
        (
            r#"{"peer":"[::ffff:10.0.0.1]:1","headers":[["X-Forwarded-For","10.0.0.9"]]}"#,
            "error",
            "all_trusted",
        ),
        (r#"{"headers":[]}"#, "error", "no_peer"),
        ("not json", "error", "bad_input"),
        (r#"{"peer":"somewhere"}"#, "error", "bad_input"),
    ];
    let input: String = lines.iter().map(|(line, ..)| format!("{line}\n")).collect();
    let ran = tollgate(&["resolve", "--config", config.path()], input.as_bytes());
    assert_eq!(ran.status, 0, "{ran:?}");
    let answers: Vec<serde_json::Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), lines.len());
    for (answer, (line, member, value)) in answers.iter().zip(lines) {
        assert_eq!(answer[member], value, "{line}");
        assert!(answer["explanation"].as_str().unwrap().len() > 10, "{answer}");
    }
}
