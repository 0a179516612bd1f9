//! Behind a real nginx: `./scripts/test` installs one; without it these tests say so and pass.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::*;

/// An nginx of the test's own, ended when dropped.
struct Nginx {
    child: Child,
    folder: PathBuf,
    addr: SocketAddr,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its worker when it is told to stop; killed, it would leave it behind.
        let _ =
            Command::new("nginx").args(self.arguments()).args(["-s", "stop"]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Nginx {
    /// In front of `gateway`, appending to `X-Forwarded-For` as its manual says. `None` where there is no nginx.
    async fn start(gateway: SocketAddr) -> Option<Self> {
        let installed = Command::new("nginx").arg("-v").stderr(Stdio::null()).status();
        if !installed.is_ok_and(|status| status.success()) {
            eprintln!("nginx is not installed: skipped");
            return None;
        }
        let addr = TcpListener::bind(local()).await.unwrap().local_addr().unwrap();
        let folder =
            std::env::temp_dir().join(format!("tollgate-nginx-{}-{}", std::process::id(), addr.port()));
        std::fs::create_dir_all(&folder).unwrap();
        let shown = folder.display();
        let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {shown}/{name};\n"))
            .concat();
        let config = format!(
            "daemon off; worker_processes 1; pid {shown}/pid; error_log {shown}/error.log;
             events {{ worker_connections 64; }}
             http {{
               access_log off; {paths}
               server {{
                 listen {addr};
                 location / {{
                   proxy_pass http://{gateway};
                   proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                 }}
               }}
             }}"
        );
        std::fs::write(folder.join("nginx.conf"), config).unwrap();
        let child = Command::new("nginx").args(arguments(&folder)).stderr(Stdio::null()).spawn().unwrap();
        let nginx = Self { child, folder, addr };
        for _ in 0..100 {
            if tokio::net::TcpStream::connect(addr).await.is_ok() {
                return Some(nginx);
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("nginx does not listen: {:?}", std::fs::read_to_string(nginx.folder.join("error.log")));
    }

    fn arguments(&self) -> [String; 4] {
        arguments(&self.folder)
    }
}

fn arguments(folder: &Path) -> [String; 4] {
    let shown = folder.display().to_string();
    let config = folder.join("nginx.conf").display().to_string();
    ["-p".into(), shown, "-c".into(), config]
}

#[tokio::test]
async fn nginx_says_who_connected_and_what_the_client_says_of_itself_changes_nothing() {
    // The client connects to nginx from 127.0.0.2: only nginx's own address is a trusted proxy's.
    let road = Road::with(&RULE.replace("127.0.0.0/8", "127.0.0.1/32")).await;
    let Some(nginx) = Nginx::start(road.gateway).await else {
        return;
    };
    let client =
        reqwest::Client::builder().local_address(std::net::IpAddr::from([127, 0, 0, 2])).build().unwrap();
    for (n, forged) in
        ["", "8.8.8.8", "8.8.8.8, 127.0.0.1", "\u{e9}\"garbage", "127.0.0.2, 127.0.0.1, 127.0.0.1"]
            .into_iter()
            .enumerate()
    {
        let mut request = client
            .post(format!("http://{}{SINGLE}", nginx.addr))
            .header("content-type", "application/json")
            .header("authorization", "Bearer key")
            .body(to(&format!("+659123{n}567")));
        if !forged.is_empty() {
            let bytes: Vec<u8> = forged.chars().map(|c| c as u8).collect();
            request = request.header("x-forwarded-for", bytes);
        }
        let answer = road.send(request).await;
        assert_eq!(answer.status, 200, "{forged}: {answer:?}");
        assert_eq!(road.received()[0]["clientIp"], "127.0.0.2", "{forged}");
    }
}
