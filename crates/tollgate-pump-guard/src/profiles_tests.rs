use super::*;
use crate::engine::Preset;

fn profiles() -> Profiles {
    Profiles::new(Policy::default())
}

fn dispatches(subaccounts: &[&str], endpoints: &[Endpoint]) -> Dispatches {
    Dispatches {
        subaccounts: subaccounts.iter().map(|&name| name.to_owned()).collect(),
        endpoints: endpoints.to_vec(),
    }
}

#[test]
fn without_a_rule_batches_are_campaigns_and_all_else_is_otp() {
    let profiles = profiles();
    for endpoint in Endpoint::DISPATCHES {
        let expected = if endpoint.is_batch() { Profile::Campaign } else { Profile::Otp };
        assert_eq!(profiles.of(endpoint, Some("x")), expected);
    }
}

#[test]
fn a_rule_goes_by_subaccount_in_any_letter_case_and_by_endpoint() {
    let mut profiles = profiles();
    let launch = profiles.add("launch", Profile::Otp, Policy::default()).unwrap();
    profiles.assign(launch, dispatches(&["Acme_1"], &[Endpoint::SmsSingle])).unwrap();
    profiles.assign(Profile::Notification, dispatches(&["alerts"], &[])).unwrap();
    assert_eq!(profiles.of(Endpoint::SmsSingle, Some("acme_1")), launch);
    assert_eq!(profiles.of(Endpoint::VerifyStart, Some("acme_1")), Profile::Otp);
    assert_eq!(profiles.of(Endpoint::SmsSingle, Some("acme_10")), Profile::Otp);
    assert_eq!(profiles.of(Endpoint::SmsSingle, None), Profile::Otp);
    assert_eq!(profiles.of(Endpoint::SmsBatch, Some("alerts")), Profile::Notification);
}

#[test]
fn no_dispatch_is_of_two_profiles() {
    let mut profiles = profiles();
    let a = profiles.add("a", Profile::Otp, Policy::default()).unwrap();
    let b = profiles.add("b", Profile::Otp, Policy::default()).unwrap();
    profiles.assign(a, dispatches(&["one", "two"], &[Endpoint::SmsSingle])).unwrap();
    for taken in [dispatches(&["TWO"], &[]), dispatches(&[], &[Endpoint::SmsSingle])] {
        let told = profiles.assign(b, taken).unwrap_err().to_string();
        assert!(told.contains("of \"b\" and of \"a\""), "{told}");
    }
    profiles.assign(b, dispatches(&["three"], &[])).unwrap();
    profiles.assign(b, dispatches(&["two"], &[Endpoint::SmsBatch])).unwrap();
    // What it had before is no hindrance to itself.
    profiles.assign(a, dispatches(&["one"], &[Endpoint::SmsSingle])).unwrap();
    profiles.assign(b, dispatches(&[], &[])).unwrap();
    assert_eq!(
        profiles.of(Endpoint::SmsBatch, Some("two")),
        Profile::Campaign,
        "with neither, nothing is its"
    );
}

#[test]
fn a_name_is_plain_one_of_a_kind_and_one_of_thirteen() {
    let mut profiles = profiles();
    let too_long = "a".repeat(33);
    for name in ["", "Launch", "a b", "é", "otp", "campaign", too_long.as_str()] {
        assert!(profiles.add(name, Profile::Otp, Policy::default()).is_err(), "{name:?}");
    }
    for n in 0..13 {
        profiles.add(&format!("p{n}"), Profile::Otp, Policy::default()).unwrap();
    }
    assert!(profiles.add("p0", Profile::Otp, Policy::default()).is_err());
    let told = profiles.add("p13", Profile::Otp, Policy::default()).unwrap_err().to_string();
    assert_eq!(told, "\"p13\" is one too many: 13 of your own is the most");
}

#[test]
fn two_names_that_would_share_a_memory_are_refused() {
    let id = |name: &str| Profile::own(name, Profile::Otp).id();
    let mut seen = std::collections::HashMap::new();
    let twins = (0..100_000).map(|n| format!("n{n}")).find_map(|name| {
        let other: Option<String> = seen.insert(id(&name), name.clone());
        other.map(|other| (other, name))
    });
    let (one, other) = twins.unwrap();
    let mut profiles = profiles();
    profiles.add(&one, Profile::Otp, Policy::default()).unwrap();
    let told = profiles.add(&other, Profile::Otp, Policy::default()).unwrap_err().to_string();
    assert!(told.contains("cannot be told apart"), "{told}");
    assert!((3..u16::MAX).contains(&id("")), "no name has a built-in one's number");
}

#[test]
fn the_number_of_a_name_is_the_same_in_every_version() {
    // What was kept under it would be lost.
    assert_eq!(Profile::own("launch", Profile::Otp).id(), Profile::own("launch", Profile::Campaign).id());
    assert_eq!(Profile::own("launch", Profile::Otp).id(), 65_365);
}

#[test]
fn the_mode_is_the_whole_guards() {
    let mut profiles = Profiles::new(Policy { mode: Mode::Monitor, ..Policy::default() });
    profiles.set_policy(Profile::Otp, Policy::preset(Preset::Strict)).unwrap();
    profiles.add("launch", Profile::Otp, Policy::default()).unwrap();
    assert!(profiles.iter().all(|(_, policy)| policy.mode == Mode::Monitor));
}

#[test]
fn a_profile_of_another_guard_is_what_it_is_like() {
    let foreign = profiles().add("launch", Profile::Campaign, Policy::default()).unwrap();
    let mut here = profiles();
    assert_eq!((here.known(foreign), here.name(foreign)), (Profile::Campaign, "campaign"));
    assert!(here.assign(foreign, Dispatches::default()).is_err());
}
