use std::collections::BTreeMap;

use super::policy::PolicyError;
use super::{Channel, Country, Money, Number};

/// What messages cost.
///
/// A message counts once, however many parts it has.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Prices {
    /// The currency of every amount: it is shown with them and nothing else.
    pub currency: String,
    /// Of a text message.
    pub sms: PriceTable,
    /// Of a voice call; what it does not say is a text message's.
    pub call: PriceTable,
    /// Of a message over WhatsApp, wherever it goes.
    pub whatsapp: Money,
    /// The same of Viber.
    pub viber: Money,
}

/// The prices of one channel. A prefix goes before a country, and a longer prefix before a shorter one.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PriceTable {
    /// Where neither prefix nor country says another.
    pub default: Option<Money>,
    /// By country.
    pub countries: BTreeMap<Country, Money>,
    /// By the first digits of a number in E.164 without the plus, 1 to 15 of them.
    pub prefixes: BTreeMap<u64, Money>,
}

impl Prices {
    /// None yet, in this currency.
    #[must_use]
    pub fn new(currency: impl Into<String>) -> Self {
        Self { currency: currency.into(), ..Self::default() }
    }

    /// What a message to `number` costs. Where nothing is said, a call costs what a text message does, and that nothing.
    #[must_use]
    pub fn of(&self, channel: Channel, number: &Number) -> Money {
        match channel {
            Channel::Sms => self.sms.of(number).unwrap_or_default(),
            // It is no way around what a text message costs.
            Channel::Call => self.call.of(number).or_else(|| self.sms.of(number)).unwrap_or_default(),
            Channel::WhatsApp => self.whatsapp,
            Channel::Viber => self.viber,
            Channel::Sma => Money::ZERO,
        }
    }

    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        let code = &self.currency;
        if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Ok(());
        }
        let value = format!("{:?}", code.chars().take(20).collect::<String>());
        let remedy = "no currency: write its three capital letters, such as \"EUR\"";
        Err(PolicyError { field: "prices.currency", value, remedy })
    }
}

impl PriceTable {
    fn of(&self, number: &Number) -> Option<Money> {
        self.of_prefix(number.digits())
            .or_else(|| self.countries.get(&number.country()).copied())
            .or(self.default)
    }

    fn of_prefix(&self, digits: u64) -> Option<Money> {
        if self.prefixes.is_empty() {
            return None;
        }
        // No calling code begins with a zero, so a prefix is one number and no other.
        let mut longest_first =
            std::iter::successors(Some(digits), |rest| Some(rest / 10)).take_while(|rest| *rest > 0);
        longest_first.find_map(|prefix| self.prefixes.get(&prefix).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Reading;

    fn number(text: &str) -> Number {
        match Reading::of(text, None, |_| false) {
            Reading::Number(number) => number,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn money(amount: f64) -> Money {
        Money::of(amount).unwrap()
    }

    #[test]
    fn the_longest_prefix_goes_before_the_country_and_that_before_the_default() {
        let mut prices = Prices::new("EUR");
        let jersey = number("+447797123456");
        assert_eq!(prices.of(Channel::Sms, &jersey), Money::ZERO);
        prices.sms.default = Some(money(0.05));
        assert_eq!(prices.of(Channel::Sms, &jersey), money(0.05));
        prices.sms.countries.insert("JE".parse().unwrap(), money(0.06));
        assert_eq!(prices.of(Channel::Sms, &jersey), money(0.06));
        prices.sms.prefixes.extend([(44, money(0.04)), (447_797, money(0.09)), (447_798, money(0.01))]);
        assert_eq!(prices.of(Channel::Sms, &jersey), money(0.09));
        assert_eq!(prices.of(Channel::Sms, &number("+447911123456")), money(0.04));
        assert_eq!(prices.of(Channel::Sms, &number("+6591234567")), money(0.05));
    }

    #[test]
    fn a_call_is_never_cheaper_for_having_no_price_and_other_channels_have_their_own() {
        let mut prices = Prices::new("EUR");
        let number = number("+6591234567");
        prices.sms.default = Some(money(0.05));
        prices.whatsapp = money(0.01);
        assert_eq!(prices.of(Channel::Call, &number), money(0.05));
        prices.call.default = Some(money(0.2));
        assert_eq!(prices.of(Channel::Call, &number), money(0.2));
        assert_eq!(prices.of(Channel::WhatsApp, &number), money(0.01));
        assert_eq!(prices.of(Channel::Viber, &number), Money::ZERO);
    }

    #[test]
    fn a_currency_is_three_capital_letters() {
        assert!(Prices::new("SGD").validate().is_ok());
        for wrong in ["", "eur", "EURO", "E\u{20ac}R"] {
            assert_eq!(Prices::new(wrong).validate().unwrap_err().field, "prices.currency", "{wrong}");
        }
    }
}
