use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A duration as it is written: `"500ms"`, `"90s"`, `"5m"`, `"12h"`, `"1d"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl Span {
    /// So many seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error =
            || format!("{text:?} is not a duration: write \"500ms\", \"90s\", \"5m\", \"12h\" or \"1d\"");
        let end = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(error)?;
        let (number, unit) = text.split_at_checked(end).ok_or_else(error)?;
        let number: u64 = number.parse().map_err(|_| error())?;
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(error)?;
        number.checked_mul(*millis).map(|millis| Self(Duration::from_millis(millis))).ok_or_else(error)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let whole = UNITS.iter().find(|(_, unit)| millis != 0 && millis.is_multiple_of(u128::from(*unit)));
        match whole {
            // A minute reads better as 60s, a day as 1d.
            Some((_, unit)) if *unit <= 60_000 && *unit > 1 => write!(f, "{}s", millis / 1000),
            Some((name, unit)) => write!(f, "{}{name}", millis / u128::from(*unit)),
            None => f.write_str("0s"),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_back() {
        for (text, seconds, written) in [
            ("90s", 90, "90s"),
            ("5m", 300, "300s"),
            ("1d", 86_400, "1d"),
            ("12h", 43_200, "12h"),
            ("0s", 0, "0s"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!((span, span.to_string().as_str()), (Span::from_secs(seconds), written));
        }
        assert_eq!("1500ms".parse::<Span>().unwrap().to_string(), "1500ms");
        for wrong in
            ["", "90", "s", "-1s", "1.5s", "1 s", "1w", "1S", "99999999999999999999s", "300000000000000000d"]
        {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
}
