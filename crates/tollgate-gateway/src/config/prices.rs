//! `[pump_guard.prices]`: what messages cost.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tollgate::eight::PriceList;
use tollgate::pump_guard::{self, Country, Money, PriceTable};

use super::Problems;

/// `[pump_guard.prices]`; amounts are what one message costs, in the currency.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prices {
    /// Three capital letters; empty: the file's.
    pub currency: String,
    /// 8x8's price list, saved as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Of a message over WhatsApp.
    pub whatsapp: f64,
    /// Of one over Viber.
    pub viber: f64,
    /// Of a text message, where nothing else is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<f64>,
    /// Of a text message, by country: ISO 3166-1 alpha-2. Goes before the file.
    pub countries: BTreeMap<String, f64>,
    /// Of a text message, by the first digits of the number, such as `+62812`. Goes before countries.
    pub prefixes: BTreeMap<String, f64>,
    /// Of a voice call.
    pub call: CallPrices,
}

/// `[pump_guard.prices.call]`; what it does not say is a text message's.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallPrices {
    /// Where nothing else is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<f64>,
    /// By country.
    pub countries: BTreeMap<String, f64>,
    /// By the first digits of the number.
    pub prefixes: BTreeMap<String, f64>,
}

/// The greatest price list that is read.
const MAX_FILE: u64 = 16 << 20;
/// The greatest price of one message.
const MOST: f64 = 1e6;

impl Prices {
    /// What they mean; `field` is their place in the configuration.
    pub(super) fn known(&self, field: &str, problems: &mut Problems) -> pump_guard::Prices {
        let mut prices = pump_guard::Prices::new(self.currency.clone());
        if let Some(path) = &self.file
            && let Some((currency, countries)) = problems.take(format!("{field}.file"), listed(path))
        {
            if self.currency.is_empty() {
                prices.currency.clone_from(&currency);
            } else if currency != self.currency {
                let given = &self.currency;
                problems.add(
                    format!("{field}.currency"),
                    format!("{given:?} is not the currency of {}, {currency:?}: write that", path.display()),
                );
            }
            prices.sms.countries = countries;
        }
        let sms = (self.default, &self.countries, &self.prefixes);
        fill(&mut prices.sms, sms, field, problems);
        let call = (self.call.default, &self.call.countries, &self.call.prefixes);
        fill(&mut prices.call, call, &format!("{field}.call"), problems);
        prices.whatsapp = price(self.whatsapp, &format!("{field}.whatsapp"), problems);
        prices.viber = price(self.viber, &format!("{field}.viber"), problems);
        if self.file.is_none() && [&prices.sms, &prices.call].into_iter().all(is_empty) {
            problems.add(field, "has no price: write for example default = 0.05, or file = \"prices.json\"");
        }
        prices
    }
}

type Written<'a> = (Option<f64>, &'a BTreeMap<String, f64>, &'a BTreeMap<String, f64>);

/// What is written goes before what is listed.
fn fill(
    table: &mut PriceTable,
    (default, countries, prefixes): Written<'_>,
    field: &str,
    problems: &mut Problems,
) {
    table.default = default.map(|amount| price(amount, &format!("{field}.default"), problems));
    let mut written = BTreeMap::new();
    for (code, amount) in countries {
        let field = format!("{field}.countries.{code}");
        let amount = price(*amount, &field, problems);
        let Some(country) = problems.take(field.clone(), code.parse::<Country>()) else { continue };
        if written.insert(country, amount).is_some() {
            problems.add(field, "is there twice: write it once, in capital letters");
        }
    }
    table.countries.extend(written);
    for (prefix, amount) in prefixes {
        let field = format!("{field}.prefixes.{prefix:?}");
        let amount = price(*amount, &field, problems);
        match digits(prefix).map(|digits| table.prefixes.entry(digits)) {
            Some(Entry::Vacant(place)) => {
                place.insert(amount);
            }
            Some(Entry::Occupied(_)) => problems.add(field, "is there twice: write it once, with a +"),
            None => problems.add(
                field,
                "is no beginning of a number: write 1 to 15 digits, the calling code first, such as \"+62812\"",
            ),
        }
    }
}

fn price(amount: f64, field: &str, problems: &mut Problems) -> Money {
    let money = Money::of(amount).filter(|_| amount <= MOST);
    if money.is_none() {
        problems.add(field, format!("{amount} is no price: write a number from 0 to 1000000, such as 0.05"));
    }
    money.unwrap_or_default()
}

fn digits(prefix: &str) -> Option<u64> {
    let digits = prefix.strip_prefix('+').unwrap_or(prefix);
    let right = (1..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    digits.parse().ok().filter(|_| right)
}

fn is_empty(table: &PriceTable) -> bool {
    table.default.is_none() && table.countries.is_empty() && table.prefixes.is_empty()
}

/// The currency of a price list, and of each country the price of its dearest network: which of them a number is on is
/// not known.
fn listed(path: &Path) -> Result<(String, BTreeMap<Country, Money>), String> {
    let shown = path.display();
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut text));
    read.map_err(|error| format!("{shown} cannot be read: {error}"))?;
    if text.len() as u64 > MAX_FILE {
        return Err(format!("{shown} is longer than 16 MiB"));
    }
    let list = PriceList::read(&text).map_err(|error| format!("{shown} is {error}"))?;
    let currency = list.prices.first().map(|price| price.currency.clone()).unwrap_or_default();
    let mut countries = BTreeMap::<Country, Money>::new();
    for listed in list.prices {
        if listed.currency != currency {
            return Err(format!(
                "{shown} has prices in {currency} and in {}: save one subaccount's (subAccountId=…)",
                listed.currency
            ));
        }
        // 8x8 knows places that have no numbers of their own.
        let Ok(country) = listed.country.parse::<Country>() else { continue };
        let amount = Money::of(listed.amount).filter(|_| listed.amount <= MOST);
        let Some(amount) = amount else {
            return Err(format!("{shown}: {}: {} is no price of a message", listed.country, listed.amount));
        };
        let dearest = countries.entry(country).or_default();
        *dearest = amount.max(*dearest);
    }
    Ok((currency, countries))
}

#[cfg(test)]
#[path = "prices_tests.rs"]
mod tests;
