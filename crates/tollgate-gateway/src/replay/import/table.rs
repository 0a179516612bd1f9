use std::io::BufRead;
use std::net::IpAddr;
use std::time::Duration;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::columns::{Columns, Field};
use super::{Import, value};
use crate::traffic::{BadLine, Event, Kind, LoggedOutcome, Send};

/// How long after its send a delivery receipt without a time is taken to have come.
const RECEIPT: Duration = Duration::from_secs(30);

type Row = Result<Event, BadLine>;

/// The events of a CSV file, by time: what became of a message stands in its row, and comes later than the next ones. A
/// row that cannot be read comes first.
pub(super) fn read(mut bytes: impl BufRead, how: &Import) -> Result<Vec<Row>, String> {
    let delimiter = delimiter(bytes.fill_buf().unwrap_or_default());
    let mut rows =
        ReaderBuilder::new().delimiter(delimiter).flexible(true).trim(Trim::Headers).from_reader(bytes);
    let headers = rows.headers().map_err(|error| format!("the header cannot be read: {error}"))?.clone();
    let headers: Vec<&str> = headers.iter().map(|header| header.trim_start_matches('\u{feff}')).collect();
    let columns = Columns::find(&headers, how)?;
    let (mut bad, mut events) = (Vec::new(), Vec::new());
    let mut row = StringRecord::new();
    loop {
        let line = rows.position().line();
        match rows.read_record(&mut row) {
            Ok(false) => break,
            Ok(true) => {
                let line = row.position().map_or(line, csv::Position::line);
                match push(&mut events, &columns, how, &row, line) {
                    Ok(()) => {}
                    Err(why) => bad.push(Err(BadLine { line, why })),
                }
            }
            Err(error) => {
                bad.push(Err(BadLine { line, why: error.to_string() }));
                if error.is_io_error() {
                    break;
                }
            }
        }
    }
    // Stable: a send stays before what became of it.
    events.sort_by_key(|event: &Event| event.at);
    Ok(bad.into_iter().chain(events.into_iter().map(Ok)).collect())
}

/// A row's send, and what became of it.
fn push(
    events: &mut Vec<Event>,
    columns: &Columns,
    how: &Import,
    row: &StringRecord,
    line: u64,
) -> Result<(), String> {
    let text = |field| columns.value(row, field);
    let owned = |field| text(field).map(str::to_owned);
    let at = value::time(text(Field::At).ok_or("at: empty")?).map_err(|why| format!("at: {why}"))?;
    let id = owned(Field::Id).unwrap_or_else(|| format!("line {line}"));
    let destination = text(Field::Destination).ok_or("destination: empty")?;
    let send = Send {
        id: id.clone(),
        destination: value::destination(destination, columns.of_8x8)
            .map_err(|why| format!("destination: {why}"))?,
        client_ip: read_as::<IpAddr>("client_ip", text(Field::ClientIp), value::address)?,
        country: owned(Field::Country),
        channel: owned(Field::Channel).unwrap_or_else(|| "sms".to_owned()).to_ascii_lowercase(),
        profile: owned(Field::Profile).unwrap_or_else(|| "otp".to_owned()),
        price: read_as("price", text(Field::Price), value::price)?,
        label: read_as("label", text(Field::Label), value::label)?,
        ..Send::default()
    };
    let verified = read_as("verified_at", text(Field::VerifiedAt), value::time)?;
    let told = read_as("status_at", text(Field::StatusAt), value::time)?.unwrap_or(at + RECEIPT);
    let receipt = text(Field::Status).and_then(value::status);
    events.push(how.judged(Event { at, kind: Kind::Send(send) })?);
    let mut became = |at: Duration, outcome| {
        events.push(Event { at, kind: Kind::Outcome { id: id.clone(), outcome } });
    };
    if let Some(state) = receipt {
        became(told.max(at), LoggedOutcome::Delivery(state.to_owned()));
    }
    if let Some(verified) = verified {
        became(verified.max(at), LoggedOutcome::Verified);
    }
    Ok(())
}

fn read_as<T>(
    field: &str,
    text: Option<&str>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, String> {
    text.map(read).transpose().map_err(|why| format!("{field}: {why}"))
}

/// Comma, semicolon or tab: what the header has most of.
fn delimiter(start: &[u8]) -> u8 {
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| line.iter().filter(|byte| **byte == delimiter).count();
    // The last of equals wins.
    [b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}
