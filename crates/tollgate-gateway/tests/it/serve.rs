use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::mpsc;
use std::time::Duration;

use super::*;

/// A gateway of the test's own, told to end when dropped.
struct Serve {
    child: Child,
    log: mpsc::Receiver<String>,
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serve {
    fn start(config: &TempFile) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(["serve", "--json", "--config", config.path()])
            .env_remove("RUST_LOG")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (lines, log) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
        });
        let serve = Self { child, log };
        serve.logs("listening");
        serve
    }

    /// Reads the log to a line with this in it.
    fn logs(&self, part: &str) {
        let next = || self.log.recv_timeout(Duration::from_secs(20));
        while !next().unwrap_or_else(|_| panic!("{part:?} is not logged")).contains(part) {}
    }

    fn signal(&self, name: &str) {
        let told = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(told.unwrap().success());
    }
}

#[cfg(unix)]
#[test]
fn a_list_of_peers_is_read_again_at_sighup_and_a_bad_one_is_told_and_left() {
    let peers = TempFile::new("peers", "192.0.2.0/24\n192.0.2.1\n192.0.2.2\n");
    let config = TempFile::new(
        "serve",
        &format!(
            "[listen]\ngateway = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\
             [[client_ip.rule]]\npeers_file = \"{}\"\nheader = \"X-Forwarded-For\"\n",
            peers.path()
        ),
    );
    let mut serve = Serve::start(&config);
    std::fs::write(peers.path(), "198.51.100.0/24\n").unwrap();
    serve.signal("-HUP");
    serve.logs("1 CIDRs in place of 3");
    serve.logs("is it whole?");
    std::fs::write(peers.path(), "198.51.100.0/24\n0.0.0.0/0\n").unwrap();
    serve.signal("-HUP");
    serve.logs("the 1 CIDRs there were are kept");
    // A pipe that nobody writes to keeps nobody waiting, not even the end.
    std::fs::remove_file(peers.path()).unwrap();
    assert!(Command::new("mkfifo").arg(peers.path()).status().unwrap().success());
    serve.signal("-HUP");
    serve.logs("the 1 CIDRs there were are kept");
    serve.signal("-TERM");
    assert!(serve.child.wait().unwrap().success());
}
