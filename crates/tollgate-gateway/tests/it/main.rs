//! The `tollgate` command, run as its users run it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod check;
mod demo;
mod inject;
mod replay;
mod resolve;
mod serve;
mod shared;
mod simulate;
mod state;
mod traffic_log;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What a command answered.
#[derive(Debug)]
struct Ran {
    status: i32,
    out: String,
    err: String,
}

fn tollgate(arguments: &[&str], input: &[u8]) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments may be gone before it read anything.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { status: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// A file that is gone with the test.
struct TempFile(PathBuf);

impl TempFile {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tollgate-{}-{name}.toml", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn every_command_documents_itself() {
    let all = tollgate(&["--help"], b"");
    for command in ["demo", "serve", "sandbox", "resolve", "inject", "replay", "check"] {
        assert!(all.out.contains(command), "{}", all.out);
        let one = tollgate(&[command, "--help"], b"");
        assert!(one.status == 0 && one.out.contains("Usage:") && one.out.len() > 300, "{}", one.out);
    }
}
