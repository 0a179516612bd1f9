use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tollgate::pump_guard;

/// An amount of memory as it is written: `"32MiB"`, `"1GiB"`. 1 MiB to 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory(u64);

const UNITS: [(&str, u64); 2] = [("GiB", 1 << 30), ("MiB", 1 << 20)];

const LEAST: u64 = 1 << 20;
const MOST: u64 = 4 << 30;

impl Memory {
    /// The same in bytes.
    #[must_use]
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// The guard's own default.
impl Default for Memory {
    fn default() -> Self {
        Self(pump_guard::PumpGuard::MEMORY as u64)
    }
}

impl FromStr for Memory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || {
            format!("{text:?} is not an amount of memory from 1 MiB to 4 GiB: write \"32MiB\" or \"1GiB\"")
        };
        let end = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(error)?;
        let (number, unit) = text.split_at_checked(end).ok_or_else(error)?;
        let number: u64 = number.parse().map_err(|_| error())?;
        let (_, each) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(error)?;
        let bytes = number.checked_mul(*each).filter(|bytes| (LEAST..=MOST).contains(bytes));
        bytes.map(Self).ok_or_else(error)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [(gib, many), (mib, one)] = UNITS;
        if self.0.is_multiple_of(many) {
            write!(f, "{}{gib}", self.0 / many)
        } else {
            write!(f, "{}{mib}", self.0 / one)
        }
    }
}

impl<'de> Deserialize<'de> for Memory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Memory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn memory_is_read_and_written_back() {
        for (text, bytes, written) in [
            ("1MiB", 1 << 20, "1MiB"),
            ("32MiB", 32 << 20, "32MiB"),
            ("1024MiB", 1 << 30, "1GiB"),
            ("1536MiB", 1536 << 20, "1536MiB"),
            ("4GiB", 4 << 30, "4GiB"),
        ] {
            let memory: Memory = text.parse().unwrap();
            assert_eq!((memory.0, memory.to_string().as_str()), (bytes, written));
        }
        assert_eq!(Memory::default().to_string(), "32MiB");
        for wrong in [
            "",
            "32",
            "MiB",
            "0MiB",
            "512KiB",
            "5GiB",
            "4097MiB",
            "32MB",
            "32mib",
            "32 MiB",
            "-1GiB",
            "99999999999999GiB",
        ] {
            assert!(wrong.parse::<Memory>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_with_it_is_told_with_its_field_and_a_remedy() {
        let told = Config::parse("[pump_guard]\nmemory = \"5GiB\"").unwrap_err().to_string();
        for part in ["memory", "\"5GiB\"", "1 MiB to 4 GiB", "write \"32MiB\""] {
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn a_profile_has_no_memory_of_its_own() {
        let text = "[pump_guard.profile.alerts]\nlike = \"otp\"\nmemory = \"1MiB\"";
        let built = Config::parse(text).unwrap().build(tollgate::core::SystemClock::shared());
        assert!(built.unwrap_err().to_string().contains("pump_guard.profile.alerts.memory"));
    }
}
