//! The command line: one file per command.

mod check;
mod demo;
mod inject;
mod print;
mod replay;
mod resolve;
mod sandbox;
mod serve;
mod simulate;
mod traffic;

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tokio::net::TcpListener;
use tollgate::pump_guard::Profiles;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, Problems};

/// The gateway in front of 8x8's SMS and Verification APIs, and the tools around it.
///
/// Who really asks, how often may they, and is this message going to a person or to a fraudster's number range?
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Serve(serve::Serve),
    Sandbox(sandbox::Sandbox),
    Resolve(resolve::Resolve),
    Inject(inject::Inject),
    Replay(replay::Replay),
    Simulate(simulate::Simulate),
    Check(check::Check),
}

/// Why a command did not do what it was asked to.
#[derive(Debug)]
enum Failure {
    /// What was given is wrong: exit status 2.
    Input(String),
    /// The machine did not play along: exit status 1.
    Machine(String),
}

type Outcome = Result<(), Failure>;

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Input(problems.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Machine(error.to_string())
    }
}

impl Cli {
    /// Runs the command to its end.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let outcome = match self.command {
            Command::Demo(demo) => in_runtime(demo.run()),
            Command::Serve(serve) => in_runtime(serve.run()),
            Command::Sandbox(sandbox) => in_runtime(sandbox.run()),
            Command::Resolve(resolve) => resolve.run(),
            Command::Inject(inject) => in_runtime(inject.run()),
            Command::Replay(replay) => replay.run(),
            Command::Simulate(simulate) => simulate.run(),
            Command::Check(check) => check.run(),
        };
        let (status, message) = match outcome {
            Ok(()) => return ExitCode::SUCCESS,
            Err(Failure::Input(message)) => (2, message),
            Err(Failure::Machine(message)) => (1, message),
        };
        for line in message.lines() {
            eprintln!("tollgate: {line}");
        }
        ExitCode::from(status)
    }
}

fn in_runtime(command: impl Future<Output = Outcome>) -> Outcome {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(command)
}

/// `--config FILE`
#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration. An empty file is valid and means the defaults; `tollgate check --print` shows them
    #[arg(long = "config", value_name = "FILE")]
    path: PathBuf,
}

impl ConfigFile {
    fn load(&self) -> Result<Config, Failure> {
        Config::load(&self.path).map_err(|problems| self.explain(&problems))
    }

    /// Names the file in front of every problem.
    fn explain(&self, problems: &Problems) -> Failure {
        let path = self.path.display();
        Failure::Input(problems.0.iter().map(|problem| format!("{path}: {problem}\n")).collect())
    }
}

/// `--config FILE`, of which only `[pump_guard]` is used.
#[derive(Debug, Args)]
struct PumpGuardFile {
    /// The configuration whose [pump_guard] is used; left out: the defaults
    #[arg(long = "config", value_name = "FILE")]
    path: Option<PathBuf>,
}

impl PumpGuardFile {
    fn load(&self) -> Result<Config, Failure> {
        match &self.path {
            Some(path) => ConfigFile { path: path.clone() }.load(),
            None => Ok(Config::default()),
        }
    }

    fn profiles_of(&self, config: &Config) -> Result<Profiles, Failure> {
        let mut problems = Problems::default();
        let (_, profiles) = config.pump_guard.profiles(&mut problems);
        match &self.path {
            _ if problems.0.is_empty() => Ok(profiles),
            Some(path) => Err(ConfigFile { path: path.clone() }.explain(&problems)),
            None => Err(problems.into()),
        }
    }
}

/// Logs go to standard error; `RUST_LOG` says how much (default `info`).
fn log(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    // A second logger in one process is no reason to stop.
    let _ = if json { builder.json().try_init() } else { builder.try_init() };
}

async fn bind(what: &str, addr: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(addr).await.map_err(|error| {
        Failure::Machine(format!("{what} cannot listen on {addr}: {error}. Choose another with {what}"))
    })
}

/// Until the process is told to stop: Ctrl-C, or SIGTERM.
async fn told_to_stop() {
    let interrupt = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
