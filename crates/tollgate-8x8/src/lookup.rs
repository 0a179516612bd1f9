//! Number Lookup: what 8x8 knows of a number.

use std::fmt;

use http::Uri;
use serde_json::Value;

use crate::{Product, Region, SubAccount};

/// How much 8x8 is asked for.
///
/// Source: <https://developer.8x8.com/connect/reference/phone-number-lookup>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LookupKind {
    /// Its type and country. Free.
    #[default]
    Format,
    /// Also its operator, and whether it was ported. Paid for, and opened by 8x8 on request.
    Operator,
    /// Also whether it roams and is on. The same.
    Live,
}

impl LookupKind {
    /// The kind's name, as 8x8 spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Operator => "operator",
            Self::Live => "live",
        }
    }

    /// Where this is asked of a number, given as the digits of E.164. A GET without a body.
    ///
    /// # Errors
    ///
    /// None that a sub-account's name and a number can make.
    pub fn uri(self, region: Region, sub_account: &SubAccount, digits: u64) -> Result<Uri, http::Error> {
        let kind = self.as_str();
        Uri::builder()
            .scheme("https")
            .authority(Product::Lookup.host(region))
            .path_and_query(format!("/api/v1/subaccounts/{sub_account}/phones/{digits}?type={kind}"))
            .build()
    }
}

/// What a number is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "8x8's own words")]
pub enum PhoneType {
    Uan,
    FixedLine,
    Mobile,
    FixedLineOrMobile,
    TollFree,
    PremiumRate,
    SharedCost,
    VoIp,
    PersonalNumber,
    Pager,
    Voicemail,
    Unknown,
}

impl PhoneType {
    const ALL: [(&str, Self); 12] = [
        ("UAN", Self::Uan),
        ("FixedLine", Self::FixedLine),
        ("Mobile", Self::Mobile),
        ("FixedLineOrMobile", Self::FixedLineOrMobile),
        ("TollFree", Self::TollFree),
        ("PremiumRate", Self::PremiumRate),
        ("SharedCost", Self::SharedCost),
        ("VoIP", Self::VoIp),
        ("PersonalNumber", Self::PersonalNumber),
        ("Pager", Self::Pager),
        ("Voicemail", Self::Voicemail),
        ("Unknown", Self::Unknown),
    ];

    fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, kind)| kind)
    }
}

/// What keeps a SIM from receiving anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SimFault {
    /// It is not in any network (8x8's 6001).
    Offline,
    /// It was deactivated (8x8's 6003).
    Deactivated,
}

/// An operator, as far as 8x8 says which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LookupOperator {
    /// Its name, at most 64 bytes of it.
    pub name: Option<String>,
    /// Mobile country code.
    pub mcc: Option<u16>,
    /// Mobile network code.
    pub mnc: Option<u16>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
}

/// What 8x8 says of a number, as far as it does. Read leniently: no member is required.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LookupAnswer {
    /// What it is for; `None` too for a type that is not known here.
    pub phone_type: Option<PhoneType>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Whose it is now.
    pub operator: Option<LookupOperator>,
    /// Whether it went from one operator to another.
    pub ported: Option<bool>,
    /// Whether it is in another's network.
    pub roaming: Option<bool>,
    /// Whether the handset is on.
    pub presence: Option<bool>,
    /// The operator's word that its SIM receives nothing.
    pub sim: Option<SimFault>,
    /// 8x8's lookup came to nothing, but for what is said above: its code, where there is one.
    pub failed: Option<Failed>,
}

/// A lookup that came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    /// 8x8's code: 2004 (its provider was too slow), 2007 (not enough balance), ….
    pub code: Option<i64>,
}

/// For a log: `8x8's code 2007`.
impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "8x8's code {code}"),
            None => f.write_str("no code of 8x8's"),
        }
    }
}

impl LookupAnswer {
    /// Reads the body of a 200, which a failed lookup has too, about the number with these digits. `None` where it is not
    /// understood, or is about another number.
    #[must_use]
    pub fn read(body: &[u8], digits: u64) -> Option<Self> {
        let answer: Value = serde_json::from_slice(body).ok()?;
        let answer = answer.as_object()?;
        if let Some(number) = answer.get("phoneNumber").filter(|number| !number.is_null()) {
            let number = number.as_str()?;
            if number.strip_prefix('+').unwrap_or(number).parse() != Ok(digits) {
                return None;
            }
        }
        let status = answer.get("status")?.as_object()?;
        let code = status.get("errorCode").and_then(Value::as_i64);
        let (sim, failed) = match (status.get("state")?.as_str()?.to_ascii_lowercase().as_str(), code) {
            ("ok", _) => (None, None),
            (_, Some(6001)) => (Some(SimFault::Offline), None),
            (_, Some(6003)) => (Some(SimFault::Deactivated), None),
            _ => (None, Some(Failed { code })),
        };
        let bool = |name| answer.get(name).and_then(Value::as_bool);
        Some(Self {
            phone_type: answer.get("phoneType").and_then(Value::as_str).and_then(PhoneType::named),
            country: country(answer.get("country")),
            operator: answer.get("currentOperator").and_then(operator),
            ported: bool("ported"),
            roaming: bool("roaming"),
            presence: bool("presence"),
            sim,
            failed,
        })
    }
}

fn operator(value: &Value) -> Option<LookupOperator> {
    let operator = value.as_object()?;
    // Examples spell codes as text; a number means the same.
    let code = |name| match operator.get(name)? {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => u16::try_from(number.as_u64()?).ok(),
        _ => None,
    };
    let mut name = operator.get("operatorName").and_then(Value::as_str).map(str::to_owned);
    if let Some(name) = &mut name {
        let end = (0..=64).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
        name.truncate(end);
    }
    let (mcc, mnc) = (code("mcc").filter(|mcc| *mcc < 1000), code("mnc").filter(|mnc| *mnc < 1000));
    Some(LookupOperator { name, mcc, mnc, country: country(operator.get("country")) })
}

fn country(value: Option<&Value>) -> Option<String> {
    let code = value?.as_str()?;
    let is_one = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_one.then(|| code.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: u64 = 6_591_234_567;

    fn read(body: &str) -> Option<LookupAnswer> {
        LookupAnswer::read(body.as_bytes(), DIGITS)
    }

    #[test]
    fn a_number_is_asked_for_by_its_digits() {
        let sub_account = "my-sub_1.&".parse().unwrap();
        let uri = LookupKind::Live.uri(Region::Europe, &sub_account, DIGITS).unwrap();
        assert_eq!(
            uri.to_string(),
            "https://lookup.8x8.uk/api/v1/subaccounts/my-sub_1.&/phones/6591234567?type=live"
        );
    }

    #[test]
    fn what_could_change_the_path_is_no_sub_account() {
        for name in ["", "ab", "a/b", "..", "a%2fb", "a?b", "a b", "a#b", "äöü", &"x".repeat(51)] {
            assert!(name.parse::<SubAccount>().is_err(), "{name}");
        }
    }

    #[test]
    fn an_answer_is_read_whole() {
        let answer = read(
            r#"{"requestId":"x","phoneNumber":"+6591234567","phoneNumberNational":"91234567","phoneType":"Mobile",
            "country":"SG","roaming":false,"presence":true,"ported":null,"status":{"state":"ok","timestamp":"x"},
            "currentOperator":{"operatorName":"Singtel","mcc":"525","mnc":"01","country":"SG"},"originalOperator":null}"#,
        )
        .unwrap();
        let operator = LookupOperator {
            name: Some("Singtel".into()),
            mcc: Some(525),
            mnc: Some(1),
            country: Some("SG".into()),
        };
        assert_eq!(
            answer,
            LookupAnswer {
                phone_type: Some(PhoneType::Mobile),
                country: Some("SG".into()),
                operator: Some(operator),
                roaming: Some(false),
                presence: Some(true),
                ..LookupAnswer::default()
            }
        );
    }

    #[test]
    fn a_failure_comes_as_a_200_and_says_what_it_still_knows() {
        let answer = |code: &str| {
            read(&format!(r#"{{"phoneType":"VoIP","status":{{"state":"error","errorCode":{code}}}}}"#))
                .unwrap()
        };
        assert_eq!((answer("6001").sim, answer("6001").failed), (Some(SimFault::Offline), None));
        assert_eq!((answer("6003").sim, answer("6003").failed), (Some(SimFault::Deactivated), None));
        for code in ["2000", "2007", "6000", "6002", "6004", "6005", "-1", "null", "\"6003\""] {
            let answer = answer(code);
            assert!(answer.failed.is_some() && answer.sim.is_none(), "{code}");
            assert_eq!(answer.phone_type, Some(PhoneType::VoIp));
        }
    }

    #[test]
    fn an_answer_about_another_number_says_nothing() {
        for number in ["\"+6591234568\"", "\"\"", "\"+\"", "6591234567", "[]", "\"+6591234567;x\""] {
            assert_eq!(
                read(&format!(r#"{{"phoneNumber":{number},"status":{{"state":"ok"}}}}"#)),
                None,
                "{number}"
            );
        }
    }

    #[test]
    fn what_is_no_answer_is_none_and_odd_members_are_not_known() {
        let deep = "[".repeat(100_000);
        for body in ["", "{}", "[]", "null", "<html>", r#"{"status":"ok"}"#, r#"{"status":{}}"#, &deep] {
            assert_eq!(read(body), None);
        }
        let long = "é".repeat(100);
        let odd = format!(
            r#"{{"phoneType":7,"country":"Singapore","ported":"yes","status":{{"state":"OK"}},
            "currentOperator":{{"operatorName":"{long}","mcc":99999,"mnc":-1,"country":"../"}}}}"#
        );
        let answer = read(&odd).unwrap();
        let operator = LookupOperator { name: Some("é".repeat(32)), ..LookupOperator::default() };
        assert_eq!(answer, LookupAnswer { operator: Some(operator), ..LookupAnswer::default() });
    }
}
