//! Servers of our own: on a free port, with nothing kept, ended with the test.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The programs that a test is run against: each that is installed.
pub(crate) fn programs() -> Vec<&'static str> {
    let there = ["redis-server", "valkey-server"].into_iter().filter(|program| {
        let is_there = Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok();
        if !is_there {
            eprintln!("{program} is not here: not tested against it");
        }
        is_there
    });
    there.collect()
}

/// The first of them.
pub(crate) fn program() -> Option<&'static str> {
    programs().first().copied()
}

pub(crate) struct TestServer {
    program: &'static str,
    child: Child,
    pub(crate) port: u16,
    dir: PathBuf,
    args: Vec<String>,
}

impl TestServer {
    pub(crate) fn start(program: &'static str, args: &[&str]) -> Self {
        let port = free_port();
        let dir = std::env::temp_dir().join(format!("tollgate-redis-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let child = spawn(program, port, &dir, &args);
        let server = Self { program, child, port, dir, args };
        server.wait();
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The same port, and nothing in it.
    pub(crate) fn start_again(&mut self) {
        self.child = spawn(self.program, self.port, &self.dir, &self.args);
        self.wait();
    }

    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// A command by the server's own tool.
    pub(crate) fn cli(&self, args: &[&str]) -> String {
        cli(self.program, self.port, args)
    }

    /// How many scripts were called.
    pub(crate) fn calls(&self) -> u64 {
        let stats = self.cli(&["info", "commandstats"]);
        let of = |name: &str| {
            let line = stats.lines().find(|line| line.starts_with(&format!("cmdstat_{name}:calls=")));
            line.and_then(|line| line.split(['=', ',']).nth(1)?.parse::<u64>().ok()).unwrap_or(0)
        };
        of("evalsha") + of("eval")
    }

    fn wait(&self) {
        let start = Instant::now();
        while self.cli(&["ping"]).trim() != "PONG" {
            assert!(start.elapsed() < Duration::from_secs(10), "{} does not start", self.program);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

pub(crate) fn cli(program: &str, port: u16, args: &[&str]) -> String {
    let tool = program.replace("server", "cli");
    let output = Command::new(tool).args(["-p", &port.to_string()]).args(args).stderr(Stdio::null()).output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

fn spawn(program: &str, port: u16, dir: &PathBuf, args: &[String]) -> Child {
    let mut command = Command::new(program);
    command.current_dir(dir).args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--appendonly", "no"]).args(args).stdout(Stdio::null()).spawn().unwrap()
}

pub(crate) fn free_port() -> u16 {
    // A Cluster's bus is 10000 above.
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if port < 55_000 {
            return port;
        }
    }
}
