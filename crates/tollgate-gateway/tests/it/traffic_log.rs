use std::io::Read;
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::state::Running;
use super::*;

/// A sandbox, a gateway in front of it, and the log it writes; all gone after the test.
struct Setup {
    sandbox: Running,
    config: TempFile,
    log: PathBuf,
}

impl Setup {
    fn new(name: &str, more: &str) -> Self {
        let sandbox = Running::start(&["sandbox", "--json", "--listen", "127.0.0.1:0"], "sandbox");
        let log = std::env::temp_dir().join(format!("tollgate-{}-{name}.jsonl", std::process::id()));
        let _ = std::fs::remove_file(&log);
        let text = format!(
            "[listen]\ngateway = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\
             [[client_ip.rule]]\npeers = [\"127.0.0.0/8\"]\nheader = \"X-Forwarded-For\"\nstrategy = \"ranges\"\n\
             [upstream]\nsms = \"http://{0}\"\nverify = \"http://{0}\"\n[traffic_log]\npath = \"{1}\"\n{more}",
            sandbox.addr,
            log.display()
        );
        Self { sandbox, config: TempFile::new(name, &text), log }
    }

    fn serve(&self) -> Running {
        Running::start(&["serve", "--json", "--config", self.config.path()], "gateway")
    }

    /// The log, once it has so many lines.
    fn lines(&self, at_least: usize) -> String {
        for _ in 0..200 {
            let log = std::fs::read_to_string(&self.log).unwrap();
            if log.lines().count() >= at_least {
                return log;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("fewer than {at_least} lines: {}", std::fs::read_to_string(&self.log).unwrap());
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.log);
    }
}

/// The answer's status and JSON body.
fn ask(addr: &str, request: &str, headers: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(addr).unwrap();
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: {addr}\r\nAuthorization: Bearer key\r\nX-Forwarded-For: 8.8.8.8\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n{headers}Connection: close\r\n\r\n{body}",
        body.len(),
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    // Where it is chunked, it is in the first chunk.
    let json =
        body.find(['{', '[']).zip(body.rfind(['}', ']'])).map_or("null", |(from, to)| &body[from..=to]);
    (status, serde_json::from_str(json).unwrap())
}

const SESSIONS: &str = "/api/v2/subaccounts/demo/sessions";

#[test]
fn what_the_gateway_logs_is_replayed_with_the_verdicts_it_gave() {
    let setup = Setup::new("traffic", "");
    let gateway = setup.serve();
    let (mut live, mut codes, mut checks) = (Vec::new(), Vec::new(), 0);
    // The last is no number; the one before comes too soon again, after a second press.
    let numbers: Vec<_> = (0..6).map(|n| format!("+6591{n}34567")).collect();
    let again = [numbers[5].clone(), numbers[5].clone(), "+99912".to_owned()];
    for (n, number) in numbers.iter().chain(&again).enumerate() {
        let trap = if n == 3 { "Tollgate-Trap: 1\r\n" } else { "" };
        let body = format!("{{\"destination\":\"{number}\"}}");
        let (status, answer) = ask(&gateway.addr, &format!("POST {SESSIONS}"), trap, &body);
        live.push(if status == 200 { "allow" } else { "block" });
        let Some(session) = answer["sessionId"].as_str().filter(|_| n < 3) else { continue };
        let (_, code) = ask(&setup.sandbox.addr, &format!("GET /_sandbox/sessions/{session}/code"), "", "");
        let code = code["code"].as_str().unwrap().to_owned();
        let wrong = code.chars().map(|digit| if digit == '0' { '1' } else { '0' }).collect::<String>();
        for code in [&wrong, &code] {
            ask(&gateway.addr, &format!("GET {SESSIONS}/{session}?code={code}"), "", "");
            checks += 1;
        }
        codes.push(format!("\"{code}\""));
    }
    assert_eq!(live, [["allow"; 7].as_slice(), &["block"; 2]].concat());
    let log = setup.lines(live.len() + checks);
    // With SIGKILL: it is written as it comes.
    drop(gateway);

    for secret in
        numbers.iter().map(|number| number.trim_start_matches('+')).chain(codes.iter().map(String::as_str))
    {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
    assert_eq!(log.matches("\"trap\":true").count(), 1, "{log}");
    assert_eq!(log.matches("\"event\":\"verified\"").count(), 3, "{log}");
    let seen = ask(&setup.sandbox.addr, "GET /_sandbox/requests", "", "").1.to_string();
    assert!(!seen.to_ascii_lowercase().contains("tollgate-trap"), "8x8 does not see it");

    let replayed = tollgate(
        &["replay", "--config", setup.config.path(), "--decisions", "-", setup.log.to_str().unwrap()],
        b"",
    );
    assert_eq!(replayed.status, 0, "{replayed:?}");
    let decisions: Vec<Value> =
        replayed.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let verdicts: Vec<_> = decisions.iter().map(|decision| decision["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, live, "{log}");
    assert_eq!(decisions[3]["reasons"][0], "honeytoken", "{replayed:?}");
    assert_eq!(decisions[6]["repeat"], true, "{replayed:?}");
}

#[cfg(unix)]
#[test]
fn a_log_that_others_may_read_ends_the_start_and_is_left_alone() {
    use std::os::unix::fs::PermissionsExt;

    let setup = Setup::new("readable", "");
    std::fs::write(&setup.log, "a letter").unwrap();
    std::fs::set_permissions(&setup.log, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = tollgate(&["serve", "--config", setup.config.path()], b"");
    assert_eq!(ran.status, 2, "{}", ran.err);
    assert!(ran.err.contains("traffic_log.path") && ran.err.contains("chmod 600"), "{}", ran.err);
    assert_eq!(std::fs::read_to_string(&setup.log).unwrap(), "a letter");
    // Only serving opens it.
    assert_eq!(tollgate(&["check", "--config", setup.config.path()], b"").status, 0);
}
