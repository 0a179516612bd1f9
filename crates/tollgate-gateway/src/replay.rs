//! Past traffic run through the guard: the same events give the same verdicts every time.
//!
//! * [`Log`] opens one log, [`Merge`] makes one of several.
//! * [`Replayer`] is the guard's engine with a log in front of it.
//! * [`decisions`] says what became of each send.

pub(crate) mod decisions;
mod log;
mod merge;
mod output;
mod replayer;

pub(crate) use self::{
    log::Log,
    merge::Merge,
    output::Output,
    replayer::Replayer,
};
