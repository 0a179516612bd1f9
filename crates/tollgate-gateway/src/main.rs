//! The `tollgate` command.

use std::process::ExitCode;

use clap::Parser;
use tollgate_gateway::commands::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
