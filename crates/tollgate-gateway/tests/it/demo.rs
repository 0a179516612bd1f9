use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout};

use super::*;

/// A demo on free ports, ended when dropped.
struct Demo {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let any = "127.0.0.1:0";
        let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(["demo", "--gateway", any, "--sandbox", any, "--admin", any])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `None` where there is no curl to paste into.
fn paste(command: &str) -> Option<String> {
    let curl = Command::new("curl").arg("--version").stdout(Stdio::null()).status();
    if !curl.is_ok_and(|status| status.success()) {
        eprintln!("curl is not installed: skipped");
        return None;
    }
    let output = Command::new("sh").args(["-c", command]).output().unwrap();
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_three_commands_it_prints_work_as_pasted() {
    let mut demo = Demo::start(&[]);
    let mut commands = Vec::new();
    while commands.len() < 3 {
        let line = demo.line();
        assert!(!line.is_empty(), "the demo ended");
        if line.starts_with("curl") || line.starts_with("for") {
            commands.push(line);
        }
    }
    let Some(person) = paste(&commands[0]) else { return };
    assert!(
        person.contains("\"status\":\"WAITING\"") && person.contains("\"clientIp\":\"203.0.113.7\""),
        "{person}"
    );
    let forged = paste(&commands[1]).unwrap();
    assert!(forged.contains("\"clientIp\":\"198.51.100.9\"") && !forged.contains("8.8."), "{forged}");
    let pumped = paste(&commands[2]).unwrap();
    assert_eq!(pumped.matches("QUEUED").count(), 7, "{pumped}");
    assert_eq!(
        pumped.matches("strangers of the 1k range +6281234567xxx within the hour").count(),
        3,
        "{pumped}"
    );
    assert_eq!(pumped.matches("\"score\":80").count(), 1, "{pumped}");
}

#[test]
fn its_addresses_are_told_as_json_and_the_admin_page_is_there() {
    let mut demo = Demo::start(&["--json", "--traffic"]);
    let told: serde_json::Value = serde_json::from_str(&demo.line()).unwrap();
    let admin = told["admin"].as_str().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let Some(page) = paste(&format!("curl -s {admin}/ {admin}/healthz {admin}/metrics")) else {
        return;
    };
    assert!(page.contains("<title>Tollgate</title>") && page.contains("ok\n"), "{page}");
    assert!(page.contains("tollgate_injector_total{result=\"written\""), "{page}");
}

#[test]
fn it_is_for_this_machine_only_and_says_which_port_is_taken() {
    let ran = tollgate(&["demo", "--gateway", "0.0.0.0:0"], b"");
    assert!(ran.status == 2 && ran.err.contains("0.0.0.0:0 is not a loopback address"), "{ran:?}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let ran = tollgate(&["demo", "--sandbox", &addr], b"");
    assert!(ran.status == 1 && ran.err.contains(&format!("--sandbox cannot listen on {addr}")), "{ran:?}");
}
