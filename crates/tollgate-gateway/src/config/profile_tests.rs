use tollgate::core::SystemClock;
use tollgate::pump_guard::{Mode, Profiles};

use super::*;
use crate::config::Config;

fn profiles(text: &str) -> Profiles {
    Config::parse(text).unwrap().build(SystemClock::shared()).unwrap().profiles
}

fn problems(text: &str) -> String {
    Config::parse(text).unwrap().build(SystemClock::shared()).unwrap_err().to_string()
}

const LAUNCH: &str = r#"
    [pump_guard]
    mode = "monitor"
    deny_countries = ["TN"]
    [pump_guard.range_surprise]
    nats = 9.0
    [pump_guard.range_conversion]
    per_1k = 10
    [pump_guard.profile.launch]
    like = "otp"
    subaccounts = ["acme_launch"]
    preset = "cautious"
    [pump_guard.profile.launch.range_surprise]
    mode = "monitor"
    [pump_guard.profile.launch.new_country]
    strangers = 400
    [pump_guard.profile.notification]
    endpoints = ["survey_single", "sms_single"]
    deny_countries = ["ID", "RU"]
"#;

#[test]
fn a_profile_overrides_key_by_key_and_has_the_rest_of_the_guard() {
    let profiles = profiles(
        &LAUNCH
            .replace("sms_single", "legacy_single")
            .replace("acme_launch\"]", "acme_launch\"]\n    endpoints = [\"verify_start\"]"),
    );
    let launch = profiles.named("launch").unwrap();
    let policy = profiles.policy(launch);
    assert_eq!((policy.surprise.mode, policy.surprise.nats), (Mode::Monitor, 9.0), "one key of a table");
    assert_eq!(
        (policy.conversion.per_1k, policy.conversion.per_10k),
        (10.0, 5.6),
        "the guard's, then the preset's"
    );
    assert_eq!(policy.places.new_country.strangers, 400.0);
    assert_eq!(policy.country.deny.len(), 1);
    assert_eq!(policy.mode, Mode::Monitor, "the mode is the whole guard's");

    let notification = profiles.policy(Known::Notification);
    assert_eq!(notification.country.deny.len(), 2, "lists are replaced");
    assert_eq!(profiles.policy(Known::Otp).surprise.mode, Mode::Enforce);
    assert_eq!(profiles.of(Endpoint::LegacySingle, Some("x")), Known::Notification);
    assert_eq!(profiles.of(Endpoint::VerifyStart, Some("x")), Known::Otp);
    assert_eq!(profiles.of(Endpoint::VerifyStart, Some("Acme_Launch")), launch);
}

#[test]
fn what_would_be_of_two_profiles_is_an_error_that_names_both() {
    let problems = problems(LAUNCH);
    assert_eq!(
        problems,
        "pump_guard.profile.notification: sms_single of the subaccount \"acme_launch\" would be of \"notification\" and of \
         \"launch\": let one of them name other subaccounts or endpoints"
    );
}

#[test]
fn what_is_wrong_in_a_profile_names_its_place() {
    for (text, told) in [
        ("[pump_guard.profile.a]\n", "pump_guard.profile.a.like: is missing: write \"otp\""),
        ("[pump_guard.profile.otp]\nlike = \"campaign\"\n", "pump_guard.profile.otp.like: otp is built in"),
        (
            "[pump_guard.profile.Big]\nlike = \"otp\"\n",
            "pump_guard.profile.Big: \"Big\" is no name of a profile",
        ),
        (
            "[pump_guard.profile.a]\nlike = \"otp\"\nmode = \"off\"\n",
            "pump_guard.profile.a.mode: is one for the whole",
        ),
        (
            "[pump_guard.profile.a]\nlike = \"otp\"\nrange_suprise.nats = 3\n",
            "pump_guard.profile.a: `range_suprise` is not a known key: did you mean `range_surprise`?",
        ),
        (
            "[pump_guard.profile.a]\nlike = \"otp\"\nrange_surprise.nats = 300\n",
            "pump_guard.profile.a.range_surprise.nats: 300 is",
        ),
        (
            "[pump_guard.profile.a]\nlike = \"otp\"\nendpoints = [\"sms_single\", \"sma_coverage\"]\n",
            "pump_guard.profile.a.endpoints[1]: \"sma_coverage\" is no endpoint that sends: known are sms_single,",
        ),
        (
            "[pump_guard.profile.a]\nlike = \"otp\"\nsubaccounts = [\"a b\"]\n",
            "pump_guard.profile.a: \"a b\" is no subaccount",
        ),
        (
            "[pump_guard.profile.a]\nlike = \"otp\"\ndeny_countries = [\"XX\"]\n",
            "pump_guard.profile.a.deny_countries[0]: \"XX\"",
        ),
    ] {
        let problems = problems(text);
        assert!(problems.starts_with(told), "{problems}\ninstead of\n{told}");
    }
    let unknown = Config::parse("[pump_guard.profile.a]\nlike = \"opt\"\n").unwrap_err().to_string();
    assert!(
        unknown.contains("`opt` is not a known value: Known are otp, notification, campaign"),
        "{unknown}"
    );
}

#[test]
fn what_is_printed_is_the_same_configuration_again() {
    let text = LAUNCH.replace("acme_launch\"]", "acme_launch\"]\n    endpoints = [\"verify_start\"]");
    let filled = |text: &str| {
        let mut config = Config::parse(text).unwrap();
        let built = config.build(SystemClock::shared()).unwrap();
        config.pump_guard.filled_profiles(&built.profiles);
        config.pump_guard = config.pump_guard.filled(&built.policy);
        (toml::to_string_pretty(&config).unwrap(), format!("{:?}", built.profiles))
    };
    let (printed, profiles) = filled(&text);
    assert!(printed.contains("per_10k = 5.6\n"), "{printed}");
    assert_eq!(filled(&printed), (printed.clone(), profiles));
}
