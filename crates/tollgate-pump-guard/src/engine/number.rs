use std::fmt;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType, Region};

use super::Country;

/// The longest destination that is looked at, in characters: E.164 has 15 digits, and people write brackets and spaces.
const LONGEST: usize = 32;

/// A valid phone number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// E.164 without the plus: at most 15 digits.
    digits: u64,
    country: Country,
    kind: NumberType,
    /// How many of the digits follow the calling code.
    national: u8,
}

/// What a number is for, as its country's numbering plan has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NumberType {
    /// Mobile, or not to be told from mobile.
    Mobile,
    /// A landline.
    FixedLine,
    /// Voice over IP.
    Voip,
    /// A personal number, routed anywhere.
    Personal,
    /// Free to call.
    TollFree,
    /// Dear to call.
    Premium,
    /// Shared cost.
    SharedCost,
    /// A company's universal access number.
    UniversalAccess,
    /// A pager.
    Pager,
    /// A mailbox.
    Voicemail,
    /// Satellite and other networks without a country (+870, +881, +882, +883, +979, …).
    NonGeographic,
    /// Valid, of no type the plan tells.
    Unknown,
}

/// What could be read of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reading {
    /// A valid number.
    Number(Number),
    /// No valid number.
    Unreadable(Unreadable),
    /// Not read any further: whatever it is, its country is not sent to.
    Barred(Country),
}

/// Why a destination is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unreadable {
    /// No digits.
    Empty,
    /// Longer than 32 characters.
    TooLong,
    /// A character other than digits, one leading `+`, spaces, brackets and dashes.
    Character,
    /// A country calling code nobody has.
    CallingCode,
    /// `country` is no ISO 3166-1 alpha-2 code of a country with phone numbers.
    Country,
    /// Valid as a national number of its `country`, and as another, international one.
    Ambiguous,
    /// Not a number that its country's plan has.
    Invalid,
}

impl Reading {
    /// Reads `destination` as 8x8 does: international with or without `+`, or national where `country` (ISO 3166-1
    /// alpha-2) is given; spaces, brackets and dashes are dropped. Nothing else is accepted: a character that one
    /// reader drops and another keeps would be two numbers.
    ///
    /// With a country and without a plus it may be either. Where both readings are valid numbers and differ, it is
    /// [`Unreadable::Ambiguous`]: which one 8x8 takes is not documented.
    ///
    /// The calling code is looked at before the rest is parsed: where `barred` holds for every country it could be,
    /// nothing more is read, so that nobody can make the phone metadata of all countries load.
    pub fn of(destination: &str, country: Option<&str>, barred: impl Fn(Country) -> bool) -> Self {
        let digits = match Digits::of(destination) {
            Ok(digits) => digits,
            Err(why) => return Self::Unreadable(why),
        };
        let region = match country.filter(|_| !digits.plus) {
            None => None,
            Some(country) => match country.parse::<Country>() {
                Ok(country) => Some(country),
                Err(_) => return Self::Unreadable(Unreadable::Country),
            },
        };
        match region {
            None => digits.international(&barred),
            Some(country) if barred(country) => Self::Barred(country),
            Some(country) => match (digits.parse(Some(country)), digits.international(&barred)) {
                (None, international) => international,
                (Some(national), Self::Unreadable(_)) => Self::Number(national),
                (Some(national), Self::Number(other)) if national == other => Self::Number(national),
                _ => Self::Unreadable(Unreadable::Ambiguous),
            },
        }
    }
}

/// A destination's digits, with nothing between them.
struct Digits {
    text: String,
    plus: bool,
}

impl Digits {
    fn of(destination: &str) -> Result<Self, Unreadable> {
        if destination.len() > LONGEST {
            return Err(Unreadable::TooLong);
        }
        let mut text = String::with_capacity(destination.len() + 1);
        let mut plus = false;
        for c in destination.chars() {
            match c {
                '0'..='9' => text.push(c),
                '+' if !plus && text.is_empty() => plus = true,
                ' ' | '(' | ')' | '-' => {}
                _ => return Err(Unreadable::Character),
            }
        }
        if text.is_empty() { Err(Unreadable::Empty) } else { Ok(Self { text, plus }) }
    }

    fn international(&self, barred: &impl Fn(Country) -> bool) -> Reading {
        // Calling codes are prefix-free, so the first that exists is the one.
        let code = (1..=3).find_map(|length| {
            let code = self.text.get(..length)?;
            let regions = PHONE_NUMBER_UTIL.get_regions_for_country_calling_code(code.parse().ok()?)?;
            (!code.starts_with('0')).then_some(regions)
        });
        let Some(mut regions) = code else {
            return Reading::Unreadable(Unreadable::CallingCode);
        };
        let Some(first) = regions.next() else {
            return Reading::Unreadable(Unreadable::CallingCode);
        };
        let first = Country::from_region(first);
        if barred(first) && regions.all(|region| barred(Country::from_region(region))) {
            return Reading::Barred(first);
        }
        match self.parse(None) {
            Some(number) => Reading::Number(number),
            None => Reading::Unreadable(Unreadable::Invalid),
        }
    }

    /// As a national number of `country`, or as an international one.
    fn parse(&self, country: Option<Country>) -> Option<Number> {
        let region = match country {
            Some(country) => Some(Region::from_code(country.as_str()).ok()?),
            None => None,
        };
        let parsed = match region {
            Some(_) => PHONE_NUMBER_UTIL.parse(&self.text, region),
            None => PHONE_NUMBER_UTIL.parse(format!("+{}", self.text), None),
        };
        Number::valid(&parsed.ok()?)
    }
}

impl Number {
    fn valid(parsed: &PhoneNumber) -> Option<Self> {
        let region = PHONE_NUMBER_UTIL.get_region_for_number(parsed)?;
        if !PHONE_NUMBER_UTIL.is_valid_number_for_region(parsed, region) {
            return None;
        }
        let e164 = PHONE_NUMBER_UTIL.format(parsed, PhoneNumberFormat::E164);
        let country = Country::from_region(region);
        let kind = match PHONE_NUMBER_UTIL.get_number_type(parsed) {
            _ if region == Region::World => NumberType::NonGeographic,
            PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile => NumberType::Mobile,
            PhoneNumberType::FixedLine => NumberType::FixedLine,
            PhoneNumberType::VoIP => NumberType::Voip,
            PhoneNumberType::PersonalNumber => NumberType::Personal,
            PhoneNumberType::TollFree => NumberType::TollFree,
            PhoneNumberType::PremiumRate => NumberType::Premium,
            PhoneNumberType::SharedCost => NumberType::SharedCost,
            PhoneNumberType::UAN => NumberType::UniversalAccess,
            PhoneNumberType::Pager => NumberType::Pager,
            PhoneNumberType::VoiceMail => NumberType::Voicemail,
            PhoneNumberType::Unknown => NumberType::Unknown,
        };
        let digits = e164.strip_prefix('+')?;
        let calling_code = parsed.country_code.to_string().len();
        let national = u8::try_from(digits.len().checked_sub(calling_code)?).ok()?;
        Some(Self { digits: digits.parse().ok()?, country, kind, national })
    }

    /// The country whose plan it is of.
    #[must_use]
    pub fn country(&self) -> Country {
        self.country
    }

    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> NumberType {
        self.kind
    }

    /// The whole number, as the digits of E.164: for hashing, and for asking about it. Never for a log.
    #[must_use]
    pub fn digits(&self) -> u64 {
        self.digits
    }

    /// All but the last `cut` digits: the number range it lies in (3 for 1k, 4 for 10k, …).
    pub(super) fn range(&self, cut: u32) -> u64 {
        self.digits / 10_u64.pow(cut)
    }

    /// How many digits follow the calling code: ranges that cut as many are no part of the country.
    pub(super) fn national(&self) -> u32 {
        self.national.into()
    }
}

/// The 1k range it lies in, such as `+62812345xxx`: as much of a number as a log may hold.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}xxx", self.range(3))
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number({self} {} {:?})", self.country, self.kind)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "no digits",
            Self::TooLong => "longer than 32 characters",
            Self::Character => {
                "a character other than digits, one leading +, spaces, brackets and dashes: write it as +6591234567"
            }
            Self::CallingCode => "no country has this calling code: write + and the calling code, without 00 or 011 in front",
            Self::Country => "\"country\" is not a country with phone numbers: write two letters, such as SG",
            Self::Ambiguous => {
                "a number of its country, and without the country another one: write it with + and the calling code"
            }
            Self::Invalid => "not a valid number of its country's numbering plan",
        })
    }
}

/// Loads what the first number needs (20 to 30 ms), so that no request waits for it.
pub(crate) fn warm_up() {
    let _ = Reading::of("+6591234567", None, |_| false);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(destination: &str, country: Option<&str>) -> Reading {
        Reading::of(destination, country, |_| false)
    }

    fn e164(destination: &str, country: Option<&str>) -> Option<u64> {
        match read(destination, country) {
            Reading::Number(number) => Some(number.digits()),
            _ => None,
        }
    }

    #[test]
    fn every_way_of_writing_a_number_is_that_number() {
        for (destination, country) in [
            ("+6591234567", None),
            ("6591234567", None),
            ("+65 (9123)-4567", None),
            ("91234567", Some("SG")),
            ("9123 4567", Some("sg")),
            ("6591234567", Some("SG")),
            ("+6591234567", Some("US")),
        ] {
            assert_eq!(e164(destination, country), Some(6_591_234_567), "{destination} {country:?}");
        }
        assert_eq!(e164("07911 123456", Some("GB")), Some(447_911_123_456));
        // Italian landlines keep their zero.
        assert_eq!(e164("+39 06 698 12345", None), Some(390_669_812_345));
    }

    #[test]
    fn what_two_readers_could_read_differently_is_unreadable() {
        for destination in [
            "",
            "+",
            "()",
            "++6591234567",
            "6591234567+",
            "+65 9123 4567 ext 1",
            "+65.9123.4567",
            "+６５91234567",
            "tel:+6591234567",
            "+1-800-FLOWERS",
            "+6591234567;ext=1",
            "+65\u{a0}91234567",
            "+65\t91234567",
            "abc",
            "+6591234567,+6591234568",
            "＋6591234567",
            "+659123456700000000000000000000000",
        ] {
            assert!(matches!(read(destination, None), Reading::Unreadable(_)), "{destination:?}");
        }
        assert_eq!(read("+0123456789", None), Reading::Unreadable(Unreadable::CallingCode));
        assert_eq!(read("+999123456", None), Reading::Unreadable(Unreadable::CallingCode));
        assert_eq!(read("+659123456", None), Reading::Unreadable(Unreadable::Invalid));
        assert_eq!(read("91234567", Some("ZZ")), Reading::Unreadable(Unreadable::Country));
        assert_eq!(read("91234567", Some("Singapore")), Reading::Unreadable(Unreadable::Country));
    }

    #[test]
    fn a_number_that_is_two_is_neither() {
        for (destination, country) in [("79364697482", "LU"), ("9118123420", "IN"), ("4929326858", "DE")] {
            let reading = read(destination, Some(country));
            let plain = e164(&format!("+{destination}"), None);
            if plain.is_some() {
                assert_eq!(reading, Reading::Unreadable(Unreadable::Ambiguous), "{destination} {country}");
            }
        }
        assert_eq!(read("79364697482", Some("LU")), Reading::Unreadable(Unreadable::Ambiguous));
    }

    #[test]
    fn types_and_countries_are_those_of_the_plan() {
        let kind = |destination| match read(destination, None) {
            Reading::Number(number) => (number.kind(), number.country().as_str().to_owned()),
            other => panic!("{destination}: {other:?}"),
        };
        assert_eq!(kind("+6281234567890"), (NumberType::Mobile, "ID".into()));
        assert_eq!(kind("+12025550123"), (NumberType::Mobile, "US".into()));
        assert_eq!(kind("+18765551234"), (NumberType::Mobile, "JM".into()));
        assert_eq!(kind("+19002345678"), (NumberType::Premium, "US".into()));
        assert_eq!(kind("+491801234567").0, NumberType::SharedCost);
        assert_eq!(kind("+18002345678").0, NumberType::TollFree);
        assert_eq!(kind("+442079460000").0, NumberType::FixedLine);
        assert_eq!(kind("+881612345678"), (NumberType::NonGeographic, "001".into()));
        assert_eq!(kind("+870773111632"), (NumberType::NonGeographic, "001".into()));
    }

    #[test]
    fn a_barred_country_is_not_read_any_further_and_a_shared_code_only_when_all_are() {
        let barred =
            |codes: &'static [&'static str]| move |country: Country| codes.contains(&country.as_str());
        assert!(matches!(Reading::of("+62nonsense", None, barred(&["ID"])), Reading::Unreadable(_)));
        assert!(matches!(Reading::of("+621", None, barred(&["ID"])), Reading::Barred(_)));
        assert!(matches!(Reading::of("81234567890", Some("ID"), barred(&["ID"])), Reading::Barred(_)));
        assert!(matches!(Reading::of("+77012345678", None, barred(&["RU"])), Reading::Number(_)));
        assert!(matches!(Reading::of("+77012345678", None, barred(&["RU", "KZ"])), Reading::Barred(_)));
    }

    #[test]
    fn a_number_is_never_printed_whole() {
        let Reading::Number(number) = read("+6591234567", None) else { panic!() };
        assert_eq!(number.to_string(), "+6591234xxx");
        assert!(!format!("{number:?}").contains("4567"));
    }
}
