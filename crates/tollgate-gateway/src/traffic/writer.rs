use std::io::{self, Write};
use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::event::PROFILE;
use super::{Event, Kind, LoggedOutcome};

/// Writes one event as one line: its time in UTC with milliseconds, and what it does not have left out.
///
/// # Errors
///
/// Those of `out`; and `InvalidInput` for a time after the year 9999.
pub(crate) fn write(out: &mut impl Write, event: &Event) -> io::Result<()> {
    let mut line = Line { at: at(event.at)?, ..Line::default() };
    match &event.kind {
        Kind::Send(send) => {
            line.event = "send";
            line.id = &send.id;
            line.client_ip = send.client_ip;
            line.destination = Some(&send.destination);
            line.country = send.country.as_deref();
            line.channel = Some(&send.channel);
            line.profile = Some(send.profile.as_str()).filter(|profile| *profile != PROFILE);
            line.session = send.session.as_deref();
            line.user = send.user.as_deref();
            line.user_agent = send.user_agent.as_deref();
            line.price = send.price;
            line.label = send.label.map(super::Label::as_str);
            line.number = send.number.as_deref();
            line.asn = send.asn;
            line.trap = send.trap;
        }
        Kind::Outcome { id, outcome } => {
            line.id = id;
            (line.event, line.state) = match outcome {
                LoggedOutcome::Verified => ("verified", None),
                LoggedOutcome::WrongCode => ("wrong_code", None),
                LoggedOutcome::Delivery(state) => ("delivery", Some(state)),
            };
        }
    }
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

fn at(at: Duration) -> io::Result<String> {
    let wrong =
        || io::Error::new(io::ErrorKind::InvalidInput, "a time after the year 9999 has no RFC 3339 form");
    let at = SignedDuration::try_from(at).map_err(|_| wrong())?;
    let at = Timestamp::from_duration(at).map_err(|_| wrong())?;
    Ok(format!("{at:.3}"))
}

#[derive(Default, Serialize)]
struct Line<'a> {
    at: String,
    event: &'static str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asn: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    trap: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a String>,
}
