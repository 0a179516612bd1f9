use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A Redis of the test's own: on a free port, with nothing kept, ended with the test.
pub(super) struct Redis {
    child: Child,
    pub(super) port: u16,
    dir: PathBuf,
}

impl Redis {
    pub(super) const PASSWORD: &str = "hunter2";

    /// `None`, with a note, where none is installed.
    pub(super) fn start() -> Option<Self> {
        if Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            eprintln!("redis-server is not here: not tested against it");
            return None;
        }
        let port = free_port();
        let dir = std::env::temp_dir().join(format!("tollgate-{}-redis-{port}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let redis = Self { child: spawn(port, &dir), port, dir };
        redis.wait();
        Some(redis)
    }

    pub(super) fn url(&self) -> String {
        format!("redis://:{}@127.0.0.1:{}", Self::PASSWORD, self.port)
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// On the same port, with nothing in it.
    pub(super) fn start_again(&mut self) {
        self.child = spawn(self.port, &self.dir);
        self.wait();
    }

    pub(super) fn signal(&self, signal: &str) {
        let told = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(told.unwrap().success());
    }

    pub(super) fn cli(&self, args: &[&str]) -> String {
        let mut command = Command::new("redis-cli");
        command.args(["-p", &self.port.to_string(), "--no-auth-warning", "-a", Self::PASSWORD]).args(args);
        String::from_utf8(command.stderr(Stdio::null()).output().unwrap().stdout).unwrap()
    }

    fn wait(&self) {
        let start = Instant::now();
        while self.cli(&["ping"]).trim() != "PONG" {
            assert!(start.elapsed() < Duration::from_secs(10), "redis-server does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn spawn(port: u16, dir: &PathBuf) -> Child {
    let mut command = Command::new("redis-server");
    command.current_dir(dir).args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--appendonly", "no", "--requirepass", Redis::PASSWORD]);
    command.stdout(Stdio::null()).spawn().unwrap()
}

pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
