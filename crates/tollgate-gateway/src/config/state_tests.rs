use tollgate::core::SystemClock;

use crate::config::{Built, Config, Problems};

fn build(state: &str) -> Result<Built, Problems> {
    Config::parse(&format!("[state]\n{state}\n"))?.build(SystemClock::shared())
}

#[test]
fn each_form_of_url_is_taken_and_shown_without_its_password() {
    for (url, shown) in [
        ("redis://localhost", "redis://localhost:6379"),
        ("rediss://limits:hunter2@r.example:6380/2", "rediss://r.example:6380/2"),
        ("redis+sentinel://:hunter2@a,b/primary", "redis+sentinel://a:26379,b:26379/primary"),
        ("rediss+cluster://a:1,b:2", "rediss+cluster://a:1,b:2"),
    ] {
        let config =
            Config::parse(&format!("[state]\nredis = \"{url}\"\nnodes = 3\nsecret_env = \"S\"\n")).unwrap();
        let debug = format!("{config:?}");
        assert!(debug.contains(shown) && !debug.contains("hunter2"), "{debug}");
        let built = config.build(SystemClock::shared()).unwrap();
        assert_eq!(built.redis.unwrap().to_string(), shown);
        assert!(!built.warnings.concat().contains("hunter2"));
        let printed = toml::to_string(&config).unwrap();
        assert_eq!(Config::parse(&printed).unwrap().state.redis, config.state.redis, "{printed}");
    }
}

#[test]
fn what_is_wrong_names_field_value_and_remedy_and_no_password() {
    let redis = "redis = \"redis://u:hunter2@localhost\"\nsecret_env = \"S\"\n";
    for (state, told) in [
        (
            "redis = \"http://u:hunter2@h\"\nsecret_env = \"S\"",
            "state.redis: scheme: \"http\": write redis, rediss",
        ),
        (
            "redis = \"redis://u:hunter2@h/x\"\nsecret_env = \"S\"",
            "state.redis: db: \"x\": give the database's number",
        ),
        (
            "redis = \"redis+sentinel://:hunter2@h\"\nsecret_env = \"S\"",
            "state.redis: master: \"\": write the master's name",
        ),
        (
            "redis = \"redis://hunter2@h\"\nsecret_env = \"S\"",
            "state.redis: password: \"\": write user:password@",
        ),
        ("redis = redis://u:hunter2@h", "string"),
        (&format!("{redis}nodes = 0"), "state.nodes: 0 is not within 1 and 256: write how many"),
        (&format!("{redis}nodes = 257"), "state.nodes: 257 is not within"),
        (&format!("{redis}deadline = \"0s\""), "state.deadline: 0s is not within 1ms and 1s: write how long"),
        (&format!("{redis}deadline = \"1001ms\""), "state.deadline: 1001ms is not within"),
        ("deadline = \"50ms\"", "state.deadline: 50ms shares nothing while state.redis is empty"),
        ("redis = \"redis://u:hunter2@h\"", "state.secret_env: \"\" leaves the addresses of clients"),
        (
            &format!("{redis}password_env = \"P\""),
            "state.password_env: password: \"\": leave out the one in the URL",
        ),
        ("password_env = \"P\"", "state.password_env: \"P\" shares nothing while state.redis is empty"),
        ("nodes = 2", "state.nodes: 2 shares nothing while state.redis is empty"),
        ("secret_env = \"S\"", "state.secret_env: \"S\" shares nothing while state.redis is empty"),
    ] {
        let problems = build(state).unwrap_err().to_string();
        assert!(problems.contains(told), "{told} is not in:\n{problems}");
        assert!(!problems.contains("hunter2"), "{problems}");
    }
}

#[test]
fn a_server_without_tls_and_a_single_node_are_worth_a_warning() {
    let warnings = |url: &str, nodes: u32| {
        let state = format!("redis = \"{url}\"\nnodes = {nodes}\nsecret_env = \"S\"");
        build(&state)
            .unwrap()
            .warnings
            .into_iter()
            .filter(|warning| warning.starts_with("state."))
            .collect::<Vec<_>>()
    };
    assert!(warnings("redis://localhost", 2).is_empty());
    assert!(warnings("rediss://redis.example", 2).is_empty());
    assert!(warnings("redis://redis.example", 2)[0].contains("asked without TLS"));
    assert!(warnings("redis://localhost", 1)[0].contains("state.nodes: 1"));
}
