use tollgate::core::SystemClock;
use tollgate::pump_guard::Money;

use crate::config::{Built, Config, Problems};

fn build(text: &str) -> Result<Built, Problems> {
    Config::parse(text).unwrap().build(SystemClock::shared())
}

fn problems(text: &str) -> String {
    build(text).unwrap_err().to_string()
}

/// A file of its own, gone at the end.
struct Saved(std::path::PathBuf);

impl Saved {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tollgate-prices-{name}-{}.json", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for Saved {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn list(singtel: &str, currency: &str) -> String {
    format!(
        r#"{{"subAccounts":[{{"subAccountId":"a","outbound":{{"countries":[
        {{"alpha2Code":"SG","operators":[
          {{"hni":[{{"mcc":"525","mnc":"01"}}],"price":{{"amount":{singtel},"currency":"SGD"}}}},
          {{"hni":[{{"mcc":"525","mnc":"03"}}],"price":{{"amount":0.0421,"currency":"{currency}"}}}}]}},
        {{"alpha2Code":"AQ","operators":[{{"price":{{"amount":1,"currency":"SGD"}}}}]}},
        {{"alpha2Code":"ID","operators":[{{"price":{{"amount":0.31,"currency":"SGD"}}}}]}}]}}}}]}}"#
    )
}

fn table(text: &str) -> tollgate::pump_guard::Prices {
    build(text).unwrap().policy.prices.unwrap()
}

#[test]
fn a_country_of_8x8s_list_costs_what_its_dearest_network_does_and_what_is_written_goes_before_it() {
    let saved = Saved::new("dearest", &list("0.0520648", "SGD"));
    let prices = table(&format!(
        "[pump_guard.prices]\nfile = {:?}\ndefault = 0.1\ncountries = {{ id = 0.3 }}\nprefixes = {{ \"+62812\" = 0.5 }}\n\
         call = {{ default = 0.2 }}",
        saved.0
    ));
    let amount = |code: &str| prices.sms.countries[&code.parse().unwrap()].amount();
    assert_eq!(prices.currency, "SGD");
    assert_eq!((amount("SG"), amount("ID")), (0.052_065, 0.3));
    assert_eq!(
        prices.sms.prefixes.iter().next().map(|(prefix, price)| (*prefix, price.amount())),
        Some((62812, 0.5))
    );
    assert_eq!(prices.call.default.map(Money::amount), Some(0.2));
    assert!(!prices.whatsapp.amount().is_normal());
}

#[test]
fn a_list_that_is_none_or_in_two_currencies_is_told() {
    let told = |name: &str, text: &str, more: &str| {
        let saved = Saved::new(name, text);
        problems(&format!("[pump_guard.prices]\nfile = {:?}\n{more}", saved.0))
    };
    assert!(told("two", &list("0.05", "USD"), "").contains("has prices in SGD and in USD"));
    assert!(told("html", "<html>", "").contains("is no price list of 8x8's"));
    assert!(told("dear", &list("1e9", "SGD"), "").contains("SG: 1000000000 is no price of a message"));
    let other = told("other", &list("0.05", "SGD"), "currency = \"EUR\"");
    assert!(other.contains("pump_guard.prices.currency: \"EUR\" is not the currency of"), "{other}");
    assert!(
        problems("[pump_guard.prices]\nfile = \"no such file\"")
            .contains("prices.file: no such file cannot be read")
    );
}

#[test]
fn every_price_that_is_none_is_named() {
    let told = problems(
        "[pump_guard.prices]\ncurrency = \"eur\"\ndefault = -1\ncountries = { XX = 0.05, ID = nan, SG = 1, sg = 1 }\n\
         prefixes = { \"+0\" = 0.05, \"62\" = 0.05, \"+62\" = 2e6 }",
    );
    for part in [
        "pump_guard.prices.currency: \"eur\" is no currency: write its three capital letters",
        "pump_guard.prices.default: -1 is no price: write a number from 0 to 1000000, such as 0.05",
        "pump_guard.prices.countries.XX: \"XX\" is not an ISO 3166-1 alpha-2 code",
        "pump_guard.prices.countries.ID: NaN is no price",
        "pump_guard.prices.countries.sg: is there twice",
        "pump_guard.prices.prefixes.\"+0\": is no beginning of a number",
        "pump_guard.prices.prefixes.\"+62\": 2000000 is no price",
        "pump_guard.prices.prefixes.\"62\": is there twice",
    ] {
        assert!(told.contains(part), "{part} is not in:\n{told}");
    }
    assert!(problems("[pump_guard.prices]\ncurrency = \"EUR\"").contains("pump_guard.prices: has no price"));
    assert!(
        problems("[pump_guard.prices]\ndefault = 0.05")
            .contains("pump_guard.prices.currency: \"\" is no currency")
    );
    let cap = problems("[pump_guard.spend_velocity]\nper_day = 100\nper_range = -1");
    assert!(cap.contains("pump_guard.spend_velocity.per_range: -1 is not within 0.01 to 1000000"), "{cap}");
    assert!(cap.contains("pump_guard.spend_velocity.per_day: 100.00 is no cap without prices"), "{cap}");
}

#[test]
fn what_a_limit_is_too_small_for_and_what_costs_nothing_is_a_warning() {
    let warned = |text: &str, part: &str| {
        let warnings = build(text).unwrap().warnings;
        assert!(warnings.iter().any(|warning| warning.contains(part)), "{part}: {warnings:?}");
    };
    warned(
        "[pump_guard.prices]\ncurrency = \"IDR\"\ndefault = 500",
        "per_range: 2.00 IDR are fewer than ten messages",
    );
    warned(
        "[pump_guard.prices]\ncurrency = \"EUR\"\ncountries = { ID = 0.05 }",
        "prices.default: is not given",
    );
    let text = "[pump_guard.prices]\ncurrency = \"EUR\"\ndefault = 0.05\n[pump_guard.spend_velocity]\nmode = \"monitor\"\nper_day = 9";
    warned(text, "spend_velocity.mode: the cap of a day does not act");
}
