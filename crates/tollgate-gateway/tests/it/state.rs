use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::*;

/// A process of the test's own, killed when dropped, and the first address it told.
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) addr: String,
    /// What it wrote up to then.
    pub(super) told: String,
    /// What it wrote after that.
    pub(super) lines: Receiver<String>,
}

impl Running {
    /// Reads its output to the first line with this key, whose value is an address.
    pub(super) fn start(arguments: &[&str], key: &str) -> Self {
        Self::start_with(arguments, &[], key)
    }

    /// The same with these environment variables.
    pub(super) fn start_with(arguments: &[&str], env: &[(&str, &str)], key: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(arguments)
            .env_remove("RUST_LOG")
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (sent, lines) = std::sync::mpsc::channel();
        for pipe in [Box::new(out) as Box<dyn Read + Send>, Box::new(err)] {
            let sent = sent.clone();
            std::thread::spawn(move || {
                BufReader::new(pipe).lines().map_while(Result::ok).for_each(|line| {
                    let _ = sent.send(line);
                });
            });
        }
        let mut told = String::new();
        while !told.contains(&format!("\"{key}\":")) {
            told += &lines.recv_timeout(Duration::from_secs(20)).expect("it tells its address");
            told.push('\n');
        }
        Self { child, addr: value(&told, key), told, lines }
    }

    fn send(&self, destination: &str) -> String {
        let body = format!("{{\"destination\":\"{destination}\",\"text\":\"hi\"}}");
        let mut stream = TcpStream::connect(&self.addr).unwrap();
        write!(
            stream,
            "POST /api/v1/subaccounts/demo/messages HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer key\r\n\
             X-Forwarded-For: 8.8.8.8\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            self.addr,
            body.len(),
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// The address under this key.
pub(super) fn value(line: &str, key: &str) -> String {
    let (_, rest) = line.split_once(&format!("\"{key}\":\"")).expect("an address");
    rest.split('"').next().unwrap().trim_start_matches("http://").to_owned()
}

impl Drop for Running {
    /// By SIGKILL.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A configuration with a state path of the test's own; both are gone after it.
struct Kept {
    config: TempFile,
    database: PathBuf,
}

impl Kept {
    fn new(name: &str, sandbox: &str) -> Self {
        let database = std::env::temp_dir().join(format!("tollgate-{}-{name}.db", std::process::id()));
        let _ = std::fs::remove_file(&database);
        let text = format!(
            "[listen]\ngateway = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\
             [[client_ip.rule]]\npeers = [\"127.0.0.0/8\"]\nheader = \"X-Forwarded-For\"\nstrategy = \"ranges\"\n\
             [upstream]\nsms = \"http://{sandbox}\"\n[state]\npath = \"{}\"\n",
            database.display()
        );
        Self { config: TempFile::new(name, &text), database }
    }

    fn serve(&self) -> Running {
        Running::start(&["serve", "--json", "--config", self.config.path()], "gateway")
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.database);
    }
}

#[test]
fn a_number_rests_on_after_the_gateway_was_killed() {
    let sandbox = Running::start(&["sandbox", "--json", "--listen", "127.0.0.1:0"], "sandbox");
    let kept = Kept::new("killed", &sandbox.addr);
    let gateway = kept.serve();
    for n in 0..6 {
        let answer = gateway.send(&format!("+6591{n}34567"));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    std::thread::sleep(Duration::from_secs(6));
    drop(gateway);

    let gateway = kept.serve();
    for n in 0..6 {
        let answer = gateway.send(&format!("+6591{n}34567"));
        assert!(answer.contains("number_cooldown"), "{answer}");
    }
    let answer = gateway.send("+6598765432");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[cfg(unix)]
#[test]
fn what_was_sent_just_before_the_end_is_written_at_the_end() {
    let sandbox = Running::start(&["sandbox", "--json", "--listen", "127.0.0.1:0"], "sandbox");
    let kept = Kept::new("ended", &sandbox.addr);
    let mut gateway = kept.serve();
    gateway.send("+6591234567");
    let told = Command::new("kill").args(["-TERM", &gateway.child.id().to_string()]).status();
    assert!(told.unwrap().success() && gateway.child.wait().unwrap().success());
    let gateway = kept.serve();
    std::thread::sleep(Duration::from_secs(11));
    let answer = gateway.send("+6591234567");
    assert!(answer.contains("number_cooldown"), "{answer}");
}

#[test]
fn killed_again_and_again_it_starts_again() {
    let sandbox = Running::start(&["sandbox", "--json", "--listen", "127.0.0.1:0"], "sandbox");
    let kept = Kept::new("again", &sandbox.addr);
    for n in 0..12_u64 {
        let gateway = kept.serve();
        gateway.send(&format!("+65{}", 91_000_000 + n * 99_991));
        // Around a write, at another moment of it each time.
        std::thread::sleep(Duration::from_millis(if n % 3 == 0 { 1_995 + n } else { 7 * n }));
    }
}

fn refused(config: &TempFile) -> Ran {
    tollgate(&["serve", "--config", config.path()], b"")
}

#[test]
fn one_file_is_for_one_gateway_and_what_is_no_database_is_left() {
    let kept = Kept::new("two", "127.0.0.1:9");
    let gateway = kept.serve();
    let second = refused(&kept.config);
    assert_eq!(second.status, 2, "{}", second.err);
    assert!(second.err.contains("in use by another gateway"), "{}", second.err);
    drop(gateway);

    std::fs::write(&kept.database, "a letter").unwrap();
    let foreign = refused(&kept.config);
    assert_eq!(foreign.status, 2, "{}", foreign.err);
    assert!(foreign.err.contains("two.db") && foreign.err.contains("Name another file"), "{}", foreign.err);
    assert_eq!(std::fs::read(&kept.database).unwrap(), b"a letter");

    // Only serving opens it.
    let checked = tollgate(&["check", "--config", kept.config.path()], b"");
    assert_eq!(checked.status, 0, "{}", checked.err);
    std::fs::remove_file(&kept.database).unwrap();
    let checked = tollgate(&["check", "--config", kept.config.path()], b"");
    assert!(checked.status == 0 && !Path::new(&kept.database).exists(), "{}", checked.err);
}

#[test]
fn a_damaged_file_is_read_or_told_and_never_a_panic() {
    let sandbox = Running::start(&["sandbox", "--json", "--listen", "127.0.0.1:0"], "sandbox");
    let kept = Kept::new("flipped", &sandbox.addr);
    let gateway = kept.serve();
    for n in 0..9 {
        gateway.send(&format!("+6591{n}34567"));
    }
    std::thread::sleep(Duration::from_secs(3));
    drop(gateway);
    let whole = std::fs::read(&kept.database).unwrap();
    let mut random = 7_u64;
    let mut dice = |sides: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap() % sides
    };
    for round in 0..20 {
        let mut bytes = whole.clone();
        for _ in 0..=round {
            let at = if round % 2 == 0 { dice(8192.min(whole.len())) } else { dice(whole.len()) };
            bytes[at] ^= 1 << dice(8);
        }
        std::fs::write(&kept.database, &bytes).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(["serve", "--config", kept.config.path()])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(400));
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!told.contains("panicked"), "{told}");
        // Killed, or ended with what is wrong.
        assert!(matches!(output.status.code(), None | Some(2)), "{:?}: {told}", output.status);
    }
}
