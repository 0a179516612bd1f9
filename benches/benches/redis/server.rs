use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::IntoConnectionInfo;
use redis::io::tcp::TcpSettings;

/// A server of our own, that keeps nothing.
pub(crate) struct Server {
    child: Child,
    port: u16,
}

impl Server {
    pub(crate) fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        Some(Self { child: command.stdout(Stdio::null()).spawn().ok()?, port })
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn client(&self) -> redis::aio::MultiplexedConnection {
        let info = self.url().into_connection_info().unwrap();
        let client =
            redis::Client::open(info.set_tcp_settings(TcpSettings::default().set_nodelay(true))).unwrap();
        loop {
            match client.get_multiplexed_async_connection().await {
                Ok(connection) => return connection,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// How many scripts were called so far.
    pub(crate) async fn calls(&self) -> u64 {
        let mut client = self.client().await;
        let stats: String = redis::cmd("INFO").arg("commandstats").query_async(&mut client).await.unwrap();
        let line = stats.lines().find(|line| line.starts_with("cmdstat_evalsha:"));
        line.and_then(|line| line.split(['=', ',']).nth(1)?.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
