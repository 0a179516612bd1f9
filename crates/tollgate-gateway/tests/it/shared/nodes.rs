use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::super::TempFile;
use super::super::state::{Running, value};
use super::awake::Awake;

pub(super) const SECRET: &str = "0123456789abcdef-of-all-nodes";

/// Gateways that share a server, and the sandbox behind them. All are ended with the test.
pub(super) struct Nodes {
    pub(super) nodes: Vec<Running>,
    pub(super) sandbox: Running,
    pub(super) config: TempFile,
}

impl Nodes {
    /// So many, with one limit of so many dispatches a day.
    pub(super) fn start(name: &str, url: &str, nodes: usize, requests: usize) -> Self {
        Self::start_with(name, nodes, |sandbox| configuration(url, sandbox, nodes, requests))
    }

    /// The same with another configuration, of the sandbox's address.
    pub(super) fn start_with(name: &str, nodes: usize, configuration: impl Fn(&str) -> String) -> Self {
        let sandbox = Running::start(&["sandbox", "--json", "--listen", "127.0.0.1:0"], "sandbox");
        let text = configuration(&sandbox.addr);
        let config = TempFile::new(name, &text);
        let node = |_| {
            let arguments = ["serve", "--json", "--config", config.path()];
            Running::start_with(&arguments, &[("TOLLGATE_TEST_SECRET", SECRET)], "gateway")
        };
        Self { nodes: (0..nodes).map(node).collect(), sandbox, config }
    }

    pub(super) fn callers(&self) -> Vec<Caller> {
        self.nodes.iter().map(|node| Caller::of(&node.addr)).collect()
    }

    /// Waits until all ask the server.
    pub(super) fn are_up(&self) {
        let start = Instant::now();
        while !self.nodes.iter().all(|node| metrics(node).contains("tollgate_redis_up{of=\"limits\"} 1\n")) {
            assert!(start.elapsed() < Duration::from_secs(10), "the server is not asked");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How many messages got to 8x8's place.
    pub(super) fn sent(&self) -> usize {
        get(&self.sandbox.addr, "/_sandbox/requests").matches("\"method\":\"POST\"").count()
    }
}

pub(super) fn configuration(url: &str, sandbox: &str, nodes: usize, requests: usize) -> String {
    format!(
        "[listen]\ngateway = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\
         [[client_ip.rule]]\npeers = [\"127.0.0.0/8\"]\nheader = \"X-Forwarded-For\"\n\
         [[rate_limit]]\nname = \"a\"\nrequests = {requests}\nper = \"1d\"\n\
         [pump_guard]\nmode = \"off\"\n[upstream]\nsms = \"http://{sandbox}\"\n\
         [state]\nredis = \"{url}\"\nnodes = {nodes}\nsecret_env = \"TOLLGATE_TEST_SECRET\"\n"
    )
}

pub(super) fn metrics(node: &Running) -> String {
    get(&value(&node.told, "admin"), "/metrics")
}

fn get(addr: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A connection to a gateway.
pub(super) struct Caller {
    stream: BufReader<TcpStream>,
}

impl Caller {
    pub(super) fn of(addr: &str) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// Sends a message for this client: the answer's status, and how long it took.
    pub(super) fn send(&mut self, client: &str) -> (u16, Duration) {
        let start = Awake::now();
        let body = "{\"destination\":\"+6591234567\",\"text\":\"hi\"}";
        let (status, _) = self.ask(client, "POST /api/v1/subaccounts/demo/messages", body);
        (status, start.elapsed())
    }

    /// The answer to this, asked for by this client.
    pub(super) fn ask(&mut self, client: &str, what: &str, body: &str) -> (u16, String) {
        let request = format!(
            "{what} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer key\r\n\
             X-Forwarded-For: {client}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest.split(' ').next().unwrap().parse().unwrap();
            } else if let Some(rest) = line.strip_prefix("content-length: ") {
                length = rest.parse().unwrap();
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        (status, String::from_utf8(body).unwrap())
    }

    /// Whether it passes; nothing but the limit may stop it.
    pub(super) fn passes(&mut self, client: &str) -> bool {
        let (status, _) = self.send(client);
        assert!(matches!(status, 200 | 429), "{status}");
        status == 200
    }
}
