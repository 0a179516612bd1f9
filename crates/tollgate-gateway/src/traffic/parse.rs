use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::event::{CHANNEL, PROFILE};
use super::{Event, Kind, Label, LoggedOutcome, Send};

/// A line, before it is looked at: whatever stands in a field can then be named with it.
#[derive(Deserialize)]
struct Raw {
    at: Option<Value>,
    event: Option<Value>,
    id: Option<Value>,
    client_ip: Option<Value>,
    destination: Option<Value>,
    country: Option<Value>,
    channel: Option<Value>,
    profile: Option<Value>,
    session: Option<Value>,
    user: Option<Value>,
    user_agent: Option<Value>,
    price: Option<Value>,
    label: Option<Value>,
    number: Option<Value>,
    asn: Option<Value>,
    trap: Option<Value>,
    state: Option<Value>,
}

/// The event of a line, or what is wrong with it: the field, its value, and what would be right.
pub(super) fn event(line: &[u8]) -> Result<Event, String> {
    let text = std::str::from_utf8(line).map_err(|error| {
        format!("byte {} is not UTF-8: write the log as JSON lines in UTF-8", error.valid_up_to() + 1)
    })?;
    if !text.starts_with('{') {
        return Err(r#"not a JSON object: write {"at":…,"event":…,"id":…} on one line"#.to_owned());
    }
    let raw: Raw = serde_json::from_str(text).map_err(|error| {
        let why = error.to_string();
        // There is one line only.
        let why = why.replace(" at line 1 column ", " at byte ");
        format!("not a JSON object that can be read: {why}")
    })?;
    let at = at(raw.at)?;
    let id = needed("id", raw.id, "the send's own name, such as \"s1\"")?;
    let kind = needed("event", raw.event, EVENTS)?;
    let outcome = match kind.as_str() {
        "send" => {
            let send = Send {
                id,
                client_ip: address(raw.client_ip)?,
                destination: destination(raw.destination)?,
                country: text_of("country", raw.country)?,
                channel: text_of("channel", raw.channel)?.unwrap_or_else(|| CHANNEL.to_owned()),
                profile: text_of("profile", raw.profile)?.unwrap_or_else(|| PROFILE.to_owned()),
                session: text_of("session", raw.session)?,
                user: text_of("user", raw.user)?,
                user_agent: text_of("user_agent", raw.user_agent)?,
                price: price(raw.price)?,
                label: label(raw.label)?,
                number: text_of("number", raw.number)?,
                asn: asn(raw.asn)?,
                trap: trap(raw.trap)?,
            };
            return Ok(Event { at, kind: Kind::Send(send) });
        }
        "verified" => LoggedOutcome::Verified,
        "wrong_code" => LoggedOutcome::WrongCode,
        "delivery" => {
            LoggedOutcome::Delivery(needed("state", raw.state, "\"delivered\" or \"undelivered\"")?)
        }
        other => return Err(format!("event: {:?} is none: write {EVENTS}", cut(other))),
    };
    Ok(Event { at, kind: Kind::Outcome { id, outcome } })
}

const EVENTS: &str = "\"send\", \"verified\", \"wrong_code\" or \"delivery\"";

fn at(value: Option<Value>) -> Result<Duration, String> {
    const RIGHT: &str = "RFC 3339 such as \"2026-03-01T09:00:00.123Z\"";
    let text = needed("at", value, RIGHT)?;
    let at: Timestamp = text
        .parse()
        .map_err(|_| format!("at: {:?} is no time with its offset: write {RIGHT}", cut(&text)))?;
    Duration::try_from(at.as_duration())
        .map_err(|_| format!("at: {:?} is before 1970: write {RIGHT}", cut(&text)))
}

fn address(value: Option<Value>) -> Result<Option<IpAddr>, String> {
    let Some(text) = text_of("client_ip", value)? else { return Ok(None) };
    match text.parse::<IpAddr>() {
        Ok(ip) => Ok(Some(ip.to_canonical())),
        Err(_) => {
            Err(format!("client_ip: {:?} is no address: write \"203.0.113.7\", or leave it out", cut(&text)))
        }
    }
}

fn destination(value: Option<Value>) -> Result<String, String> {
    const RIGHT: &str = "the phone number as a string, such as \"+6591234567\"";
    match value {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        None => Err(format!("destination: missing: write {RIGHT}")),
        // It may be a phone number all the same: it is not shown.
        Some(_) => Err(format!("destination: not a string with a number in it: write {RIGHT}")),
    }
}

fn price(value: Option<Value>) -> Result<Option<f64>, String> {
    let Some(value) = value else { return Ok(None) };
    match value.as_f64().filter(|price| price.is_finite() && *price >= 0.0) {
        Some(price) => Ok(Some(price)),
        None => Err(format!("price: {} is none: write a number from 0 on, such as 0.05", shown(&value))),
    }
}

fn label(value: Option<Value>) -> Result<Option<Label>, String> {
    match text_of("label", value)?.as_deref() {
        None => Ok(None),
        Some("legit") => Ok(Some(Label::Legit)),
        Some("fraud") => Ok(Some(Label::Fraud)),
        Some(other) => {
            Err(format!("label: {:?} is none: write \"legit\" or \"fraud\", or leave it out", cut(other)))
        }
    }
}

fn asn(value: Option<Value>) -> Result<Option<u32>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_u64().and_then(|asn| u32::try_from(asn).ok()).map(Some).ok_or_else(|| {
            format!(
                "asn: {} is no number of a network: write one such as 64500, or leave it out",
                shown(&value)
            )
        }),
    }
}

fn trap(value: Option<Value>) -> Result<bool, String> {
    match value {
        None => Ok(false),
        Some(Value::Bool(trap)) => Ok(trap),
        Some(other) => Err(format!("trap: {} is neither: write true, or leave it out", shown(&other))),
    }
}

fn needed(field: &str, value: Option<Value>, right: &str) -> Result<String, String> {
    match value {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        None => Err(format!("{field}: missing: write {right}")),
        Some(other) => Err(format!("{field}: {} is not it: write {right}", shown(&other))),
    }
}

fn text_of(field: &str, value: Option<Value>) -> Result<Option<String>, String> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => {
            Err(format!("{field}: {} is not a string: put it in quotes, or leave it out", shown(&other)))
        }
    }
}

fn shown(value: &Value) -> String {
    cut(&value.to_string())
}

/// As much of a value as a message wants to hold.
fn cut(text: &str) -> String {
    const MOST: usize = 40;
    let mut cut: String = text.chars().take(MOST).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}
