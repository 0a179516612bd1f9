use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use rlibphonenumber::{PHONE_NUMBER_UTIL, Region};

use super::policy::Mode;
use super::record::Record;
use super::{Number, Reading, Reason, Signal};

/// A country by its ISO 3166-1 alpha-2 code, or `001` for networks that belong to none (satellite).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 3]);

impl Country {
    pub(super) fn from_region(region: Region) -> Self {
        let code = region.as_region_str();
        let mut bytes = [0; 3];
        for (to, from) in bytes.iter_mut().zip(code.as_str().bytes()) {
            *to = from;
        }
        Self(bytes)
    }

    /// The code: two capital letters, or `001`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|&byte| byte == 0).unwrap_or(3);
        self.0.get(..end).and_then(|code| std::str::from_utf8(code).ok()).unwrap_or_default()
    }
}

impl Country {
    /// A small number of its own, from 1 on.
    pub(super) fn index(self) -> u16 {
        match self.0 {
            [a @ b'A'..=b'Z', b @ b'A'..=b'Z', _] => u16::from(a - b'A') * 26 + u16::from(b - b'A') + 1,
            _ => WORLD,
        }
    }

    /// Whether its numbers begin with the same calling code. One that has none shares every one.
    pub(super) fn shares_calling_code(self, other: Self) -> bool {
        let code = |country: Self| {
            let region = Region::from_code(country.as_str()).ok()?;
            PHONE_NUMBER_UTIL.get_country_code_for_region(region).filter(|code| *code != 0)
        };
        self == other || code(self).zip(code(other)).is_none_or(|(one, two)| one == two)
    }

    /// Whether published lists agree that fraudsters own numbers there (three or more of Vonage's, login.gov's, Okta's
    /// and Authgear's). It scales only what strangers are granted in a country in which nobody has verified yet.
    pub(super) fn is_risky(self) -> bool {
        const RISKY: [&str; 11] = ["AZ", "BD", "DZ", "IL", "LK", "NG", "OM", "PK", "PS", "TJ", "TN"];
        RISKY.contains(&self.as_str())
    }
}

/// The index of networks that belong to no country; no other is greater.
pub(super) const WORLD: u16 = 26 * 26 + 1;

impl Record for Country {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let code = <[u8; 3]>::take(from)?;
        matches!(code, [b'A'..=b'Z', b'A'..=b'Z', 0] | [b'0', b'0', b'1']).then_some(Self(code))
    }
}

/// Two letters of a country that has phone numbers, in any letter case.
impl FromStr for Country {
    type Err = CountryError;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        let region = Region::from_code(code).ok().filter(|region| {
            PHONE_NUMBER_UTIL.get_country_code_for_region(*region).is_some_and(|code| code != 0)
        });
        region.map(Self::from_region).ok_or_else(|| CountryError { code: code.chars().take(8).collect() })
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not a country with phone numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountryError {
    code: String,
}

impl fmt::Display for CountryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not an ISO 3166-1 alpha-2 code of a country with phone numbers, such as \"SG\"",
            self.code
        )
    }
}

impl std::error::Error for CountryError {}

/// Which countries are sent to. A country on several lists: deny goes before allow, allow before monitor.
#[derive(Clone, Debug, Default)]
pub struct CountryPolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
    /// Where not empty: these and no others.
    pub allow: BTreeSet<Country>,
    /// Never these.
    pub deny: BTreeSet<Country>,
    /// These are noted.
    pub monitor: BTreeSet<Country>,
}

impl CountryPolicy {
    fn bars(&self, country: Country) -> bool {
        self.deny.contains(&country) || !self.allow.is_empty() && !self.allow.contains(&country)
    }

    /// Whether nothing of this country goes out, so that its numbers need not be read.
    pub(super) fn bars_unread(&self, country: Country) -> bool {
        self.mode == Mode::Enforce && self.bars(country)
    }

    pub(super) fn judge(&self, reading: &Reading) -> Option<Reason> {
        let country = match reading {
            Reading::Number(number) => number.country(),
            Reading::Barred(country) => *country,
            // Where only some countries are sent to, it has to be told which one it is.
            Reading::Unreadable(_) if !self.allow.is_empty() || !self.deny.is_empty() => {
                let evidence = "no country can be told of a number that is not valid".to_owned();
                return self.mode.reason(Signal::CountryPolicy, 90, evidence, None);
            }
            Reading::Unreadable(_) => return None,
        };
        let (score, evidence) = if self.deny.contains(&country) {
            (100, format!("{country} is denied"))
        } else if self.bars(country) {
            (100, format!("{country} is not among the {} allowed countries", self.allow.len()))
        } else if self.monitor.contains(&country) {
            (0, format!("{country} is monitored"))
        } else {
            return None;
        };
        let range = match reading {
            Reading::Number(number) => in_range(number),
            _ => String::new(),
        };
        self.mode.reason(Signal::CountryPolicy, score, format!("{evidence}{range}"), None)
    }
}

fn in_range(number: &Number) -> String {
    format!(" ({number})")
}
