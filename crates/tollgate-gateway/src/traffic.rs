//! The traffic log: what was sent, and what became of it, as JSON lines, oldest first.
//!
//! * [`Reader`] reads it, line by line, in fixed memory; a line that cannot be read is a [`BadLine`], never the end.
//! * [`write()`] writes it.

mod event;
mod parse;
mod reader;
mod writer;

pub(crate) use self::{
    event::{Event, Kind, Label, LoggedOutcome, NOT_SENT, Send},
    reader::{BadLine, Reader},
    writer::write,
};

#[cfg(test)]
mod tests;
