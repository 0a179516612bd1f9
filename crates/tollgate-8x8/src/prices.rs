//! The price list of an account, as 8x8 gives it.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

/// What text messages cost that go out, by operator.
///
/// Source: <https://developer.8x8.com/connect/reference/get-price-list>
/// (`GET /api/v1/accounts/{accountId}/prices`).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PriceList {
    /// One for each network of each operator, of all subaccounts; at least one.
    pub prices: Vec<ListedPrice>,
}

/// What a message to one network costs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ListedPrice {
    /// The country: ISO 3166-1 alpha-2, two letters.
    pub country: String,
    /// The network's mobile country code and mobile network code, where they are told.
    pub network: Option<(String, String)>,
    /// How much, in the currency: finite, not negative.
    pub amount: f64,
    /// The currency: ISO 4217, three capital letters.
    pub currency: String,
}

impl PriceList {
    /// Reads an answer to `GET …/prices`. What messages that come in cost is passed over.
    ///
    /// # Errors
    ///
    /// It is no price list, a price in it is none, or there is none for a message that goes out.
    pub fn read(body: &[u8]) -> Result<Self, PriceListError> {
        let list: List = serde_json::from_slice(body)?;
        let mut countries = Vec::new();
        for account in list.sub_accounts {
            countries.extend(account.countries()?);
        }
        let mut prices = Vec::new();
        for country in countries {
            let code = country.alpha2_code;
            if !(code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic())) {
                return Err(PriceListError(format!("alpha2Code {:?} is not two letters", shown(&code))));
            }
            for operator in country.operators {
                let Price { amount, currency } = operator.price;
                if !(amount.is_finite() && amount >= 0.0) {
                    return Err(PriceListError(format!("{code}: the amount {amount} is no price")));
                }
                if !(currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase())) {
                    let currency = shown(&currency);
                    return Err(PriceListError(format!(
                        "{code}: the currency {currency:?} is not three capital letters"
                    )));
                }
                let listed = |network| ListedPrice {
                    country: code.to_ascii_uppercase(),
                    network,
                    amount,
                    currency: currency.clone(),
                };
                if operator.hni.is_empty() {
                    prices.push(listed(None));
                }
                prices.extend(operator.hni.into_iter().map(|hni| listed(Some((hni.mcc, hni.mnc)))));
            }
        }
        if prices.is_empty() {
            return Err(PriceListError("it has no price of a message that goes out".to_owned()));
        }
        Ok(Self { prices })
    }
}

fn shown(text: &str) -> String {
    text.chars().take(20).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    sub_accounts: Vec<SubAccount>,
}

#[derive(Deserialize)]
struct SubAccount {
    outbound: Option<Value>,
}

impl SubAccount {
    /// The examples have one object with countries, the schema has a list of them.
    fn countries(self) -> Result<Vec<Country>, serde_json::Error> {
        let several: Vec<Countries> = match self.outbound {
            None => Vec::new(),
            Some(list @ Value::Array(_)) => serde_json::from_value(list)?,
            Some(one) => vec![serde_json::from_value(one)?],
        };
        Ok(several.into_iter().flat_map(|one| one.countries).collect())
    }
}

#[derive(Deserialize)]
struct Countries {
    countries: Vec<Country>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Country {
    alpha2_code: String,
    operators: Vec<Operator>,
}

#[derive(Deserialize)]
struct Operator {
    #[serde(default)]
    hni: Vec<Hni>,
    price: Price,
}

#[derive(Deserialize)]
struct Hni {
    mcc: String,
    mnc: String,
}

#[derive(Deserialize)]
struct Price {
    amount: f64,
    currency: String,
}

/// No price list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceListError(String);

impl fmt::Display for PriceListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no price list of 8x8's: {}", self.0)
    }
}

impl std::error::Error for PriceListError {}

impl From<serde_json::Error> for PriceListError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTRY: &str = r#"{"alpha2Code":"SG","countryName":"Singapore","dialingPrefix":"+65","operators":[
        {"operatorName":"One","operatorId":525001,"hni":[{"mcc":"525","mnc":"01"},{"mcc":"525","mnc":"02"}],
         "price":{"amount":0.0099171,"currency":"SGD"}},
        {"operatorName":"Two","operatorId":525003,"price":{"amount":0.02,"currency":"SGD"}}]}"#;

    fn list(outbound: &str) -> Result<PriceList, PriceListError> {
        let text = format!(
            r#"{{"subAccounts":[{{"subAccountId":"none"}},{{"subAccountId":"a","outbound":{outbound},"inbound":{{"countries":[{{
            "alpha2Code":"SG","numberTypes":[{{"type":"tollFree","defaultPrice":{{"amount":9,"currency":"USD"}}}}]}}]}}}}]}}"#
        );
        PriceList::read(text.as_bytes())
    }

    #[test]
    fn every_network_has_its_price_in_the_examples_form_and_in_the_schemas() {
        let one = list(&format!(r#"{{"countries":[{COUNTRY}]}}"#)).unwrap();
        let networks: Vec<_> = one
            .prices
            .iter()
            .map(|price| (price.network.as_ref().map(|(mcc, mnc)| format!("{mcc}-{mnc}")), price.amount))
            .collect();
        assert_eq!(
            networks,
            [(Some("525-01".into()), 0.0099171), (Some("525-02".into()), 0.0099171), (None, 0.02)]
        );
        assert!(one.prices.iter().all(|price| price.country == "SG" && price.currency == "SGD"));
        assert_eq!(list(&format!(r#"[{{"countries":[{COUNTRY}]}}]"#)).unwrap(), one);
    }

    #[test]
    fn what_is_no_price_list_or_no_price_is_told() {
        let told = |from: &str, to: &str| {
            let text = format!(r#"{{"countries":[{}]}}"#, COUNTRY.replace(from, to));
            list(&text).unwrap_err().to_string()
        };
        assert!(told("\"SG\"", "\"Singapore\"").contains("alpha2Code \"Singapore\" is not two letters"));
        assert!(told("0.02", "-0.02").contains("SG: the amount -0.02 is no price"));
        assert!(told("\"SGD\"", "\"S$\"").contains("not three capital letters"));
        assert!(
            list(r#"{"countries":[]}"#)
                .unwrap_err()
                .to_string()
                .contains("no price of a message that goes out")
        );
        for wrong in [
            "",
            "[]",
            "{}",
            r#"{"code":1200,"message":"unauthorized"}"#,
            r#"{"subAccounts":[{"outbound":{"countries":[{"alpha2Code":"SG","operators":[{}]}]}}]}"#,
            r#"{"subAccounts":[{"outbound":{"countries":[{"alpha2Code":"SG","operators":[{"price":{"amount":"1","currency":"SGD"}}]}]}}]}"#,
        ] {
            let told = PriceList::read(wrong.as_bytes()).unwrap_err().to_string();
            assert!(told.starts_with("no price list of 8x8's: "), "{wrong}: {told}");
        }
    }
}
