use super::*;

#[test]
fn an_empty_configuration_is_valid_and_printed_with_every_default_is_one_again() {
    let empty = TempFile::new("empty", "");
    let ran = tollgate(&["check", "--config", empty.path(), "--print"], b"");
    assert_eq!(ran.status, 0, "{ran:?}");
    for part in ["gateway = \"127.0.0.1:8080\"", "name = \"per-minute\"", "per_1k = 3.5", "region = \"apac\""]
    {
        assert!(ran.out.contains(part), "{part} is not in:\n{}", ran.out);
    }
    let printed = TempFile::new("printed", &ran.out);
    assert_eq!(tollgate(&["check", "--config", printed.path(), "--print"], b"").out, ran.out);
    let said = tollgate(&["check", "--config", empty.path()], b"");
    assert!(said.out.contains("10 dispatches in 60s"), "{}", said.out);
}

#[test]
fn a_wrong_configuration_names_file_field_value_and_remedy_with_status_2() {
    let wrong = TempFile::new(
        "wrong",
        "[[client_ip.rule]]\npeers = [\"10.0.0.0/33\"]\nheader = \"X-Forwarded-For\"\n",
    );
    let ran = tollgate(&["check", "--config", wrong.path()], b"");
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains(wrong.path()), "{}", ran.err);
    assert!(ran.err.contains("client_ip.rule[0].peers[0]: \"10.0.0.0/33\" is not a CIDR"), "{}", ran.err);

    let unknown = TempFile::new("unknown", "[[rate_limit]]\nname = \"a\"\nrequets = 5\nper = \"60s\"\n");
    let ran = tollgate(&["check", "--config", unknown.path(), "--json"], b"");
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.status, &told["valid"]), (2, &false.into()));
    assert!(told["problems"][0]["problem"].as_str().unwrap().contains("did you mean `requests`?"), "{told}");

    let missing = tollgate(&["serve", "--config", "no such file.toml"], b"");
    assert!(missing.status == 2 && missing.err.contains("cannot be read"), "{missing:?}");
}

#[test]
fn prices_are_printed_as_they_were_written_and_what_the_money_means_is_told() {
    let config = TempFile::new(
        "prices",
        "[pump_guard.prices]\ncurrency = \"EUR\"\ndefault = 0.05\nprefixes = { \"+62812\" = 0.4 }\ncall = { default = 0.2 }\n\
         [pump_guard.spend_velocity]\nper_day = 150\n",
    );
    let ran = tollgate(&["check", "--config", config.path(), "--print"], b"");
    assert_eq!(ran.status, 0, "{ran:?}");
    let printed = TempFile::new("prices-printed", &ran.out);
    assert_eq!(tollgate(&["check", "--config", printed.path(), "--print"], b"").out, ran.out);
    let said = tollgate(&["check", "--config", printed.path()], b"").out;
    assert!(
        said.contains(
            "may cost 2.00 EUR an hour in a range and 10.00 in a country; 150.00 EUR for everything"
        ),
        "{said}"
    );
}
