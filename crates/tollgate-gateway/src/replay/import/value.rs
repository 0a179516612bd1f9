//! What stands in a cell.

use std::net::IpAddr;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::traffic::Label;

/// With its offset, or in UTC; or seconds or milliseconds since 1970.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!(
            "{text:?} is no time that can only be read in one way: write \"2026-03-01T09:00:00Z\", \"2026-03-01 09:00:00\" \
             (UTC), or seconds since 1970"
        )
    };
    if let Ok(number) = text.parse::<u64>() {
        // Seconds do not come that far before the year 5138.
        let millis = if number < 100_000_000_000 { number.checked_mul(1000) } else { Some(number) };
        return millis.map(Duration::from_millis).ok_or_else(wrong);
    }
    let text = text.strip_suffix("UTC").unwrap_or(text).trim_end();
    let at = match text.parse::<Timestamp>() {
        Ok(at) => at,
        Err(_) => {
            let civil: DateTime = text.parse().map_err(|_| wrong())?;
            TimeZone::UTC.to_timestamp(civil).map_err(|_| wrong())?
        }
    };
    let since: SignedDuration = at.as_duration();
    Duration::try_from(since).map_err(|_| wrong())
}

/// Digits in whichever way they are written; masked ones are no number. The text itself is not repeated.
pub(super) fn destination(text: &str, of_8x8: bool) -> Result<String, String> {
    if text.contains(['*', 'x', 'X', '#']) {
        return Err(
            "the phone number is masked: ask 8x8's support for an export in which it is not".to_owned()
        );
    }
    if text.contains(['E', 'e']) {
        return Err("the phone number is a spreadsheet's 6.28E+12: export the column as text".to_owned());
    }
    // All of 8x8's are international.
    let bare = of_8x8 && text.starts_with(|c: char| c.is_ascii_digit());
    Ok(if bare { format!("+{text}") } else { text.to_owned() })
}

pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    let address = text.parse::<IpAddr>().map(|ip| ip.to_canonical());
    address.map_err(|_| format!("{text:?} is no address, such as 203.0.113.7"))
}

/// A number, maybe with a currency before or after it.
pub(super) fn price(text: &str) -> Result<f64, String> {
    let number = text.trim_matches(|c: char| !c.is_ascii_digit() && c != '.' && c != '-');
    let price = number.parse::<f64>().ok().filter(|price| price.is_finite() && *price >= 0.0);
    price.ok_or_else(|| format!("{text:?} is no price: write a number from 0 on, such as 0.05"))
}

pub(super) fn label(text: &str) -> Result<Label, String> {
    match text.to_ascii_lowercase().as_str() {
        "legit" => Ok(Label::Legit),
        "fraud" => Ok(Label::Fraud),
        _ => Err(format!("{text:?} is none: write legit or fraud, or leave it out")),
    }
}

/// As a delivery receipt has it; none while the message is under way.
pub(super) fn status(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    let is = |starts: &[&str]| starts.iter().any(|start| text.starts_with(start));
    if is(&["undeliver", "fail", "expire", "error"]) {
        Some("undelivered")
    } else if is(&["deliver", "read"]) {
        Some("delivered")
    } else if is(&["reject"]) {
        Some("rejected")
    } else {
        None
    }
}
