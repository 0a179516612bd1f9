//! Past traffic run through the guard: the same events give the same verdicts every time.
//!
//! * [`Log`] opens one log, of whatever form it is ([`import`]); [`Merge`] makes one of several.
//! * [`Replayer`] is the guard's engine with a log in front of it.
//! * [`decisions`] says what became of each send, [`Tally`] counts it into a [`Report`], of which
//!   [`html`] makes a page.

pub(crate) mod decisions;
pub(crate) mod html;
mod import;
mod log;
mod merge;
mod output;
mod progress;
mod replayer;
mod report;
mod tally;

pub(crate) use self::{
    import::{Column, Format, Import, column},
    log::{Extent, Log},
    merge::Merge,
    output::Output,
    progress::Progress,
    replayer::{Replayed, Replayer},
    report::{Report, percent},
    tally::Tally,
};
