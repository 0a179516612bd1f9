use super::*;

fn rule(json: &str) -> Result<Rule, RuleError> {
    serde_json::from_str::<RuleConfig>(json).unwrap().rule()
}

fn error(json: &str) -> String {
    rule(json).unwrap_err().to_string()
}

fn matches(rule: &Rule, peer: &str) -> bool {
    rule.matches(Some(peer.parse::<std::net::IpAddr>().unwrap().into()))
}

#[test]
fn trusted_alone_means_the_peers_and_the_proxies_further_left() {
    let alone = rule(r#"{"trusted":["10.0.0.0/8","unix:"],"header":"X-Forwarded-For"}"#).unwrap();
    assert!(matches(&alone, "10.0.0.1") && alone.matches(None));
    assert!(alone.trusted().unwrap().contains("10.0.0.1".parse().unwrap()));
    for other in [r#""strategy":"single","header":"X-Real-IP""#, r#""count":2,"header":"Forwarded""#] {
        let rule = rule(&format!(r#"{{"trusted":["10.0.0.0/8"],{other}}}"#)).unwrap();
        assert!(matches(&rule, "10.0.0.1") && !matches(&rule, "192.0.2.1"), "{other}");
    }
    let both = r#"{"peers":["192.0.2.1"],"trusted":["10.0.0.0/8"],"header":"X-Forwarded-For"}"#;
    let both = rule(both).unwrap();
    assert!(matches(&both, "192.0.2.1") && !matches(&both, "10.0.0.1"));
    assert!(both.trusted().unwrap().contains("10.0.0.1".parse().unwrap()));
}

#[test]
fn what_is_wrong_is_named_with_what_would_be_right() {
    for (json, start) in [
        (r#"{}"#, "header: missing: name the header"),
        (r#"{"header":"X-Forwarded-For"}"#, "peers: empty"),
        (r#"{"header":"X-Forwarded-For","trusted":[]}"#, "peers: empty"),
        (r#"{"header":"X-Forwarded-For","trusted":["10.0.0.0/8","x"]}"#, "trusted[1]: \"x\" is not a CIDR"),
        (r#"{"header":"X-Forwarded-For","peers":["x"]}"#, "peers[0]: \"x\" is not a CIDR"),
        (r#"{"header":"X-Forwarded-For","trusted":["::1"],"strategy":"count"}"#, "count: missing"),
        (
            r#"{"header":"X-Forwarded-For","trusted":["::1"],"strategy":"ranges","count":1}"#,
            "count: has no effect",
        ),
        (
            r#"{"header":"X-Forwarded-For","trusted":["::1"],"count":0}"#,
            "strategy: \"count(0)\" is not within",
        ),
        (
            r#"{"header":"Forwarded","trusted":["::1"],"strategy":"single"}"#,
            "strategy: \"single\" cannot read forwarded",
        ),
        (r#"{"preset":"aws-alb"}"#, "peers: empty, and aws-alb publishes no list"),
        (r#"{"preset":"cloudflare","trusted":["10.0.0.0/8"]}"#, "trusted: could mean the published peers"),
        (r#"{"peers_file":"/","header":"Forwarded"}"#, "peers_file: \"/\" is no file of at most 4 MiB"),
        (r#"{"preset":"cloudflare","header":"X-Real-IP"}"#, "header: said by the preset already"),
        (r#"{"preset":"azure-front-door"}"#, "required: missing: azure-front-door proves nothing"),
        (r#"{"preset":"cloudflare","required":{"value":"x"}}"#, "required: cloudflare sends no such header"),
        (r#"{"preset":"cloudflare","required":{"header":"X-S"}}"#, "required: needs value or value_env"),
        (
            r#"{"preset":"cloudflare","required":{"header":"X-S","value_env":"TOLLGATE_TEST_NOT_SET"}}"#,
            "required: \"TOLLGATE_TEST_NOT_SET\" is no environment variable",
        ),
        (r#"{"peers":["::1"],"peers_file":"x","header":"Forwarded"}"#, "peers_file: given beside peers"),
        (
            r#"{"peers_file":"no such file","header":"Forwarded"}"#,
            "peers_file: \"no such file\" cannot be read",
        ),
    ] {
        let error = error(json);
        assert!(error.starts_with(start), "{json}: {error}");
    }
}

#[test]
fn every_preset_is_known_by_its_name() {
    for preset in Preset::ALL {
        let name = serde_json::to_string(&preset).unwrap();
        assert_eq!(name, format!("\"{}\"", preset.as_str()));
        let required = if preset.required_header().is_some() { r#","required":{"value":"id"}"# } else { "" };
        assert!(rule(&format!(r#"{{"preset":{name},"peers":["10.0.0.1"]{required}}}"#)).is_ok(), "{name}");
    }
    assert!(matches(&rule(r#"{"preset":"cloudflare"}"#).unwrap(), "104.16.0.1"));
}

#[test]
fn a_file_of_peers_is_read_again_and_a_bad_one_leaves_the_last_good_one() {
    let path = std::env::temp_dir().join(format!("tollgate-peers-{}", std::process::id()));
    std::fs::write(&path, "# edges\n192.0.2.0/24 # one\n\n2001:db8::/32\n").unwrap();
    let config = RuleConfig {
        peers_file: Some(path.clone()),
        header: Some("X-Real-IP".into()),
        strategy: Some(StrategyName::Single),
        ..RuleConfig::default()
    };
    let rule = config.rule().unwrap();
    assert!(rule.peers().age(SystemTime::UNIX_EPOCH).is_some());
    assert!(matches(&rule, "192.0.2.7") && !matches(&rule, "198.51.100.7"));
    std::fs::write(&path, "192.0.2.0/24\n198.51.100.0/24\n").unwrap();
    assert_eq!(config.reload(&rule), Ok(true));
    assert!(matches(&rule, "198.51.100.7"));
    for bad in ["", "# nothing\n", "0.0.0.0/0\n", "unix:\n", "<html>404</html>\n"] {
        std::fs::write(&path, bad).unwrap();
        assert_eq!(config.reload(&rule).unwrap_err().field(), "peers_file", "{bad}");
        // Nor is it taken at the start.
        assert_eq!(config.rule().unwrap_err().field(), "peers_file", "{bad}");
        assert!(matches(&rule, "198.51.100.7"), "{bad}");
    }
    std::fs::remove_file(&path).unwrap();
    assert!(config.reload(&rule).is_err());
    assert_eq!(RuleConfig::default().reload(&rule), Ok(false));
}

#[test]
fn a_whole_configuration_becomes_a_layer_or_all_that_is_wrong_in_it() {
    let config: Config = serde_json::from_str(
        r#"{"undetermined":"pass_without","rewrite_header":true,
            "rule":[{"preset":"heroku"},{"preset":"fly","peers":["10.0.0.0/8"]}],"dry_run":[{}]}"#,
    )
    .unwrap();
    let error = config.layer().unwrap_err();
    assert_eq!(
        error.problems().map(|(rule, error)| (rule, error.field())).collect::<Vec<_>>(),
        [("rule[0]", "peers"), ("dry_run[0]", "header")]
    );
    assert_eq!(Config::default().layer().unwrap().resolver().rules().len(), 0);
    assert!(serde_json::from_str::<Config>(r#"{"undetermined":"ignore"}"#).is_err());
}

#[test]
fn a_secret_is_not_in_the_debug_output() {
    let required = RequiredConfig { value: Some("s3cret".into()), ..RequiredConfig::default() };
    assert!(!format!("{required:?}").contains("s3cret"));
    let printed = r#"{"preset":"cloudflare","required":{"header":"X-S","value":"(not shown)"}}"#;
    assert!(error(printed).contains("write the value itself"));
    assert_eq!(serde_json::to_string(&required).unwrap(), r#"{"value":"(not shown)"}"#);
}
