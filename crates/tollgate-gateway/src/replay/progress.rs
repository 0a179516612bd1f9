use std::io::{self, IsTerminal, Write};

/// How far a replay is: one line on standard error that is written over, where somebody looks at it.
#[derive(Debug)]
pub(crate) struct Progress {
    shown: bool,
    events: u64,
}

/// How many events go by between two looks.
const EVERY: u64 = 1 << 13;

impl Progress {
    /// Shows nothing where `quiet`, or where standard error is no terminal.
    pub(crate) fn new(quiet: bool) -> Self {
        Self { shown: !quiet && io::stderr().is_terminal(), events: 0 }
    }

    /// Another event; `part` of the logs is read, from 0 to 1, where their length is known.
    pub(crate) fn event(&mut self, part: impl FnOnce() -> Option<f64>) {
        self.events += 1;
        if !self.shown || !self.events.is_multiple_of(EVERY) {
            return;
        }
        let line = match part() {
            Some(part) => {
                let full = (part.clamp(0.0, 1.0) * 30.0) as usize;
                format!("[{:<30}] {:>3.0} %", "=".repeat(full), part * 100.0)
            }
            None => String::new(),
        };
        // A progress bar that cannot be drawn is no reason to stop.
        let _ = write!(io::stderr(), "\r{line} {} events ", self.events);
    }

    /// Makes place for other lines.
    pub(crate) fn clear(&self) {
        if self.shown && self.events >= EVERY {
            let _ = write!(io::stderr(), "\r{:70}\r", "");
        }
    }
}
