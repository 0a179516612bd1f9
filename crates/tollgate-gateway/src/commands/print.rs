//! Standard output, of which whoever reads it may have had enough: `tollgate check | head -1`.

use std::fmt::Arguments;
use std::io::Write;

/// Writes it. Where nobody reads any more, or nothing can be written, the command has nothing left to do.
pub(super) fn write(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    if out.write_fmt(text).and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}

/// `println!` that does not panic.
macro_rules! say {
    () => { $crate::commands::print::write(format_args!("\n")) };
    ($($text:tt)*) => { $crate::commands::print::write(format_args!("{}\n", format_args!($($text)*))) };
}

pub(super) use say;
