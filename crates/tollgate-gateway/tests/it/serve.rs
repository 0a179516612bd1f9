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

#[cfg(unix)]
#[test]
fn quotas_and_lists_are_read_again_at_sighup_and_what_is_wrong_is_told_and_left() {
    let limits = |rest: &str| format!("[listen]\ngateway = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n{rest}");
    let limit = |requests: u32, mode: &str| {
        format!("[[rate_limit]]\nname = \"a\"\nrequests = {requests}\nper = \"1m\"\nmode = \"{mode}\"\n")
    };
    let config = TempFile::new("limits", &limits(&limit(5, "enforce")));
    let mut serve = Serve::start(&config);
    let reload = |text: &str| {
        std::fs::write(config.path(), limits(text)).unwrap();
        serve.signal("-HUP");
    };
    reload(&format!("[clients]\ndeny = [\"203.0.113.0/24\"]\n{}", limit(2, "monitor")));
    serve.logs("2 requests a 60 s in place of 5 requests a 60 s");
    serve.logs("Monitor in place of Enforce");
    reload(&limit(0, "enforce"));
    serve.logs("nothing would ever pass; give at least 1; limits are left as they are");
    reload("[[rate_limit]]\nname = \"b\"\nrequests = 1\nper = \"1m\"\n");
    serve.logs("A limit that is new takes a restart");
    serve.logs("holds until a restart");
    reload("[[rate_limit]]\nname = \"a\"\nrequets = 1\n");
    serve.logs("limits are left as they are");
    reload("[clients]\ndeny = [\"0.0.0.0/0\"]\n");
    serve.logs("is a great part of the internet");
    serve.signal("-TERM");
    assert!(serve.child.wait().unwrap().success());
}
