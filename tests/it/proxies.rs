//! Behind real proxies: `./scripts/test` installs them; without one its tests say so and pass.
//!
//! The client connects to the proxy from 127.0.0.2, and only the proxy's own address, 127.0.0.1, is trusted.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::*;

/// What a client may say of itself, in each header that some rule reads.
const FORGED: [&str; 5] =
    ["", "8.8.8.8", "8.8.8.8, 127.0.0.1", "\u{e9}\"garbage", "127.0.0.2, 127.0.0.1, 127.0.0.1"];

/// A proxy of the test's own in front of a gateway, ended when dropped.
struct Proxy {
    child: Child,
    /// How to tell it to end, where killing would leave a worker behind.
    end: Option<Command>,
    folder: PathBuf,
    addr: SocketAddr,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        match &mut self.end {
            Some(end) => drop(end.stderr(Stdio::null()).status()),
            None => drop(self.child.kill()),
        }
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A port and a folder for a proxy; `None` where it is not installed.
async fn place(program: &str, version: &str) -> Option<(SocketAddr, PathBuf)> {
    let installed = Command::new(program).arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !installed.is_ok_and(|status| status.success()) {
        eprintln!("{program} is not installed: skipped");
        return None;
    }
    let addr = TcpListener::bind(local()).await.unwrap().local_addr().unwrap();
    let name = format!("tollgate-{program}-{}-{}", std::process::id(), addr.port());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    Some((addr, folder))
}

impl Proxy {
    async fn start(mut command: Command, end: Option<Command>, folder: PathBuf, addr: SocketAddr) -> Self {
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let proxy = Self { child, end, folder, addr };
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(addr).await.is_ok() {
                return proxy;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{command:?} does not listen: {:?}", std::fs::read_to_string(proxy.folder.join("log")));
    }

    /// nginx, with these lines in its `location`.
    async fn nginx(gateway: SocketAddr, lines: &str) -> Option<Self> {
        let (addr, folder) = place("nginx", "-v").await?;
        let shown = folder.display();
        let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {shown}/{name};\n"))
            .concat();
        let config = format!(
            "daemon off; worker_processes 1; pid {shown}/pid; error_log stderr;
             events {{ worker_connections 64; }}
             http {{
               access_log off; {paths}
               server {{
                 listen {addr};
                 location / {{ proxy_pass http://{gateway}; {lines} }}
               }}
             }}"
        );
        let command = |folder: &Path| {
            let mut command = Command::new("nginx");
            command.arg("-p").arg(folder).arg("-c").arg(folder.join("config"));
            command
        };
        std::fs::write(folder.join("config"), config).unwrap();
        let mut end = command(&folder);
        end.args(["-s", "stop"]);
        Some(Self::start(command(&folder), Some(end), folder, addr).await)
    }

    /// HAProxy, with these options for its server and these lines in its backend.
    async fn haproxy(gateway: SocketAddr, options: &str, lines: &str) -> Option<Self> {
        let (addr, folder) = place("haproxy", "-v").await?;
        let config = format!(
            "defaults\n  mode http\n  timeout connect 5s\n  timeout client 10s\n  timeout server 10s\n\
             frontend front\n  bind {addr}\n  default_backend back\n\
             backend back\n  {lines}\n  server tollgate {gateway} {options}\n"
        );
        std::fs::write(folder.join("config"), config).unwrap();
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(folder.join("config"));
        Some(Self::start(command, None, folder, addr).await)
    }

    /// Caddy, as its manual says.
    async fn caddy(gateway: SocketAddr) -> Option<Self> {
        let (addr, folder) = place("caddy", "version").await?;
        let config = format!(
            "{{\n admin off\n}}\nhttp://:{} {{\n bind 127.0.0.1\n reverse_proxy {gateway}\n}}\n",
            addr.port()
        );
        std::fs::write(folder.join("Caddyfile"), config).unwrap();
        let mut command = Command::new("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(folder.join("Caddyfile"));
        command.env("HOME", &folder).env("XDG_DATA_HOME", &folder).env("XDG_CONFIG_HOME", &folder);
        Some(Self::start(command, None, folder, addr).await)
    }
}

/// With a rule that trusts 127.0.0.1 alone.
async fn road(rule: &str) -> Road {
    let rule = format!("[[client_ip.rule]]\n{rule}\n[injector]\nunusable_address = \"pass\"\n");
    Road::with(&rule.replace("LOCAL", "[\"127.0.0.1/32\"]")).await
}

/// Whatever the client says in `header`, 8x8 is told where it connected from.
async fn asks(road: &Road, proxy: &Proxy, header: &str) {
    let client =
        reqwest::Client::builder().local_address(std::net::IpAddr::from([127, 0, 0, 2])).build().unwrap();
    for (n, forged) in FORGED.into_iter().enumerate() {
        let mut request = client
            .post(format!("http://{}{SINGLE}", proxy.addr))
            .header("content-type", "application/json")
            .header("authorization", "Bearer key")
            .body(to(&format!("+659123{n}567")));
        if !forged.is_empty() {
            let bytes: Vec<u8> = forged.chars().map(|c| c as u8).collect();
            let alias = header.replace('-', "_");
            request = request.header(alias, "8.8.4.4").header(header, bytes);
        }
        let answer = road.send(request).await;
        assert_eq!(answer.status, 200, "{forged}: {answer:?}");
        assert_eq!(road.received()[0]["clientIp"], "127.0.0.2", "{forged}");
    }
}

#[tokio::test]
async fn nginx_that_appends_to_x_forwarded_for() {
    let road = road("peers = LOCAL\nheader = \"X-Forwarded-For\"").await;
    let lines = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;";
    let Some(nginx) = Proxy::nginx(road.gateway, lines).await else { return };
    asks(&road, &nginx, "x-forwarded-for").await;
}

#[tokio::test]
async fn nginx_that_sets_x_real_ip_as_ingress_nginx_does() {
    let road = road("preset = \"ingress-nginx\"\npeers = LOCAL").await;
    let Some(nginx) = Proxy::nginx(road.gateway, "proxy_set_header X-Real-IP $remote_addr;").await else {
        return;
    };
    asks(&road, &nginx, "x-real-ip").await;
}

#[tokio::test]
async fn nginx_that_writes_forwarded() {
    let road = road("peers = LOCAL\nheader = \"Forwarded\"").await;
    let lines = "proxy_set_header Forwarded \"for=$remote_addr;proto=$scheme\";";
    let Some(nginx) = Proxy::nginx(road.gateway, lines).await else { return };
    asks(&road, &nginx, "forwarded").await;
}

#[tokio::test]
async fn haproxy_that_sends_the_proxy_protocol_in_both_versions() {
    for options in ["send-proxy-v2", "send-proxy", "send-proxy-v2 check check-send-proxy inter 100ms"] {
        let road = road("peers = LOCAL\nstrategy = \"proxy_protocol\"").await;
        let Some(haproxy) = Proxy::haproxy(road.gateway, options, "").await else { return };
        asks(&road, &haproxy, "x-forwarded-for").await;
    }
}

#[tokio::test]
async fn haproxy_that_adds_a_line_of_x_forwarded_for() {
    let road = road("preset = \"haproxy\"\npeers = LOCAL").await;
    let Some(haproxy) = Proxy::haproxy(road.gateway, "", "option forwardfor").await else { return };
    asks(&road, &haproxy, "x-forwarded-for").await;
}

#[tokio::test]
async fn haproxy_that_sends_the_proxy_protocol_over_http_2() {
    let road = road("peers = LOCAL\nstrategy = \"proxy_protocol\"").await;
    let Some(haproxy) = Proxy::haproxy(road.gateway, "send-proxy-v2 proto h2", "").await else { return };
    asks(&road, &haproxy, "x-forwarded-for").await;
}

#[tokio::test]
async fn caddy_as_its_manual_says() {
    let road = road("peers = LOCAL\nheader = \"X-Forwarded-For\"").await;
    let Some(caddy) = Proxy::caddy(road.gateway).await else { return };
    asks(&road, &caddy, "x-forwarded-for").await;
}

#[tokio::test]
async fn a_client_that_writes_a_proxy_protocol_header_itself_is_refused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let road = road("peers = [\"127.0.0.9\"]\nstrategy = \"proxy_protocol\"").await;
    let mut stream = tokio::net::TcpStream::connect(road.gateway).await.unwrap();
    let request = format!("PROXY TCP4 8.8.8.8 127.0.0.1 1 2\r\nPOST {SINGLE} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(road.received().is_empty());
}
