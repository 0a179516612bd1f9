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

#[test]
fn a_lines_own_rule_holds_for_it_alone_and_reads_nothing_of_this_machine() {
    let with = |rule: &str| {
        format!(r#"{{"peer":"10.0.0.1","headers":[["Forwarded","for=203.0.113.7"]],"rule":{rule}}}"#)
    };
    let proxied = r#""proxied":"203.0.113.9:80","rule":{"peers":["10.0.0.0/8"],"strategy":"proxy_protocol"}"#;
    let lines = [
        (with(r#"{"trusted":["10.0.0.0/8"],"header":"Forwarded","strategy":"ranges"}"#), "203.0.113.7"),
        (r#"{"peer":"10.0.0.1","headers":[["Forwarded","for=203.0.113.7"]]}"#.to_owned(), "10.0.0.1"),
        (String::new(), "bad_input"),
        (with(r#"{"trusted":[],"header":"Forwarded"}"#), "bad_rule"),
        (with(r#"{"trusted":["10.0.0.0/8"],"header":"X-Forwarded-For","strategy":"single"}"#), "bad_rule"),
        (with(r#"{"peers_file":"/etc/passwd","header":"Forwarded"}"#), "bad_rule"),
        (with(r#"{"preset":"azure-front-door","required":{"value_env":"PATH"}}"#), "bad_rule"),
        (format!(r#"{{"peer":"10.0.0.1",{proxied}}}"#), "203.0.113.9"),
    ];
    let input: String = lines.iter().map(|(line, _)| format!("{line}\n")).collect();
    let ran = tollgate(&["resolve"], input.as_bytes());
    for (answer, (line, told)) in ran.out.lines().zip(&lines) {
        let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
        assert_eq!(answer.get("client_ip").or(answer.get("error")).unwrap(), told, "{line}");
    }
    assert_eq!(ran.out.lines().count(), lines.len());
    assert!(!ran.out.contains("root:"), "{}", ran.out);
}

#[test]
fn flags_are_a_rule_and_an_explanation_is_text_or_json() {
    let line = br#"{"peer":"10.0.0.1","headers":[["X-Forwarded-For","8.8.8.8, 203.0.113.7, 10.0.0.9"]]}"#;
    let flags = ["resolve", "--trusted", "10.0.0.0/8", "--header", "X-Forwarded-For"];
    let with = |more: &[&str]| tollgate(&[&flags[..], more].concat(), line);
    let text = with(&["--explain"]).out;
    assert!(text.starts_with("client    203.0.113.7 (client)\n"), "{text}");
    assert!(text.contains("10.0.0.9  (a trusted proxy)") && text.contains("8.8.8.8  (not read"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&with(&["--explain", "--json"]).out).unwrap();
    assert_eq!(json["chain"][1]["role"], "client");
    assert!(with(&["--count", "3"]).out.starts_with(r#"{"client_ip":"8.8.8.8""#));
    let wrong = with(&["--count", "0"]);
    assert!(wrong.status == 2 && wrong.err.contains("is not within 1–64"), "{}", wrong.err);
    // A configuration and flags would be two answers to one question.
    assert_eq!(with(&["--config", "x.toml"]).status, 2);
}
