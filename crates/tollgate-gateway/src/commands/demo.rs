use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use tollgate_sandbox::Sandbox;

use super::print::say;
use super::{Failure, Outcome, bind, log, told_to_stop, traffic};
use crate::config::Config;
use crate::{Gateway, Secrets, admin, serve};

/// The whole thing on one machine, with nothing to set up
///
/// A sandbox that behaves like 8x8, the gateway in front of it, and the admin page. Prints commands to try. Loopback is
/// the one trusted proxy, so that curl can play it with X-Forwarded-For; nothing is sent to anybody.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Where the gateway listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    gateway: SocketAddr,
    /// Where the sandbox listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9001")]
    sandbox: SocketAddr,
    /// Where the admin page is
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    admin: SocketAddr,
    /// Also make traffic: people who ask for codes, and now and then a fraudster
    #[arg(long)]
    traffic: bool,
    /// Print the addresses as JSON instead of the commands
    #[arg(long)]
    json: bool,
}

impl Demo {
    pub(super) async fn run(self) -> Outcome {
        log(false);
        let everybody = [self.gateway, self.sandbox, self.admin];
        if let Some(addr) = everybody.iter().find(|addr| !addr.ip().to_canonical().is_loopback()) {
            return Err(Failure::Input(format!(
                "the demo is for this machine only: {addr} is not a loopback address"
            )));
        }
        let sandbox_listener = bind("--sandbox", self.sandbox).await?;
        let gateway_listener = bind("--gateway", self.gateway).await?;
        let admin_listener = bind("--admin", self.admin).await?;
        let (sandbox, gateway) = (sandbox_listener.local_addr()?, gateway_listener.local_addr()?);
        let page = admin_listener.local_addr()?;

        let config = config(gateway, page, sandbox)?;
        admin::collect();
        let built = Gateway::new(&config, Secrets::default())?;
        let (resolver, limiter) = (built.client_ip.resolver().clone(), Arc::clone(&built.limiter));
        if self.json {
            say!(
                "{}",
                serde_json::json!({
                    "gateway": format!("http://{gateway}"),
                    "sandbox": format!("http://{sandbox}"),
                    "admin": format!("http://{page}"),
                })
            );
        } else {
            say!("{}", commands(gateway, sandbox, page).trim_end());
        }
        let traffic = async {
            if self.traffic {
                traffic::run(gateway).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = serve(gateway_listener, built, &config, told_to_stop()) => Ok(()),
            ended = Sandbox::new().serve(sandbox_listener) => Err(Failure::Machine(format!("the sandbox ended: {ended:?}"))),
            ended = admin::serve(admin_listener, resolver, limiter) => Err(Failure::Machine(format!("the admin page ended: {ended:?}"))),
            () = traffic => Ok(()),
        }
    }
}

fn config(gateway: SocketAddr, admin: SocketAddr, sandbox: SocketAddr) -> Result<Config, Failure> {
    let mut config = Config::parse(&format!(
        r#"
        [listen]
        gateway = "{gateway}"
        admin = "{admin}"
        [[client_ip.rule]]
        peers = ["127.0.0.0/8", "::1/128"]
        header = "X-Forwarded-For"
        strategy = "ranges"
        [[rate_limit]]
        name = "per-minute"
        requests = 10
        per = "60s"
        [[rate_limit]]
        name = "per-day"
        requests = 100
        per = "1d"
        [[rate_limit]]
        name = "checks-per-minute"
        match = "check"
        requests = 30
        per = "60s"
        [upstream]
        sms = "http://{sandbox}"
        verify = "http://{sandbox}"
        lookup = "http://{sandbox}"
        contacts = "http://{sandbox}"
        voice = "http://{sandbox}"
        "#
    ))?;
    config.injector.documentation = true;
    Ok(config)
}

/// What to try, ready to paste.
fn commands(gateway: SocketAddr, sandbox: SocketAddr, admin: SocketAddr) -> String {
    format!(
        r#"
Tollgate demo. The gateway is on http://{gateway}, in front of a sandbox that behaves like 8x8 on http://{sandbox}.
Admin page: http://{admin}/
Loopback is the one trusted proxy: in these commands curl plays it, with X-Forwarded-For. Ctrl-C ends the demo.

1. A person asks for a code. It is let through, and the sandbox shows the right clientIp, 203.0.113.7:

curl -s http://{gateway}/api/v2/subaccounts/demo/sessions -H 'Authorization: Bearer key' -H 'Content-Type: application/json' -H 'X-Forwarded-For: 203.0.113.7' -d '{{"destination":"+6591234567","brand":"Demo"}}'; echo; curl -s http://{sandbox}/_sandbox/requests | tail -c 80; echo

2. A fraudster forges X-Forwarded-For and clientIp. It changes nothing: the proxy appended who he is, 198.51.100.9:

curl -s http://{gateway}/api/v1/subaccounts/demo/messages -H 'Authorization: Bearer key' -H 'Content-Type: application/json' -H 'X-Forwarded-For: 8.8.8.8, 198.51.100.9' -d '{{"destination":"+6598765432","text":"hi","clientIp":"8.8.4.4","ClientIP":"8.8.4.4"}}'; echo; curl -s http://{sandbox}/_sandbox/requests | tail -c 80; echo

3. He pumps one number range, each time from another address. After a few it is stopped, with reasons:

for n in 10 11 12 13 14 15 16 17 18 19; do curl -s http://{gateway}/api/v1/subaccounts/demo/messages -H 'Authorization: Bearer key' -H 'Content-Type: application/json' -H "X-Forwarded-For: 198.51.100.$n" -d "{{\"destination\":\"+62812345678$n\",\"text\":\"hi\"}}"; echo; done

"#
    )
}
