//! The traffic log: what was sent, and what became of it, as JSON lines, oldest first.
//!
//! * [`Reader`] reads it, line by line, in fixed memory; a line that cannot be read is a [`BadLine`], never the end.
//! * [`write()`] writes it.

#![allow(dead_code, reason = "the commands that read and write it use a part each")]

mod event;
mod parse;
mod reader;
mod writer;

#[allow(unused_imports, reason = "the commands that read and write it use a part each")]
pub(crate) use self::{
    event::{Event, Kind, Label, LoggedOutcome, Send},
    reader::{BadLine, Reader},
    writer::write,
};

#[cfg(test)]
mod tests;
