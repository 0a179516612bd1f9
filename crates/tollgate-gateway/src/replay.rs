//! Past traffic run through the guard: the same events give the same verdicts every time.

mod replayer;

pub(crate) use replayer::Replayer;
