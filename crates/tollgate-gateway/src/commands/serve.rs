use clap::Args;
use tollgate::client_ip::TrustedClientIpLayer;

use super::{ConfigFile, Failure, Outcome, bind, log, told_to_stop};
use crate::reload::reload;
use crate::{Config, Gateway, Secrets, admin, serve};

/// Serve the gateway: a reverse proxy for the 8x8 API, with the four layers in its way
///
/// Point your app's 8x8 base URL at it. It serves Send SMS, Send SMS batch, the verification start, and passes on every
/// other 8x8 call that is known to send nothing. Logs go to standard error (RUST_LOG says how much).
///
/// SIGHUP reads the files named by peers_file again; one that cannot be right leaves the last good list in place.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    config: ConfigFile,
    /// Log JSON lines
    #[arg(long)]
    json: bool,
}

impl Serve {
    pub(super) async fn run(self) -> Outcome {
        log(self.json);
        let config = self.config.load()?;
        let explain = |problems| self.config.explain(&problems);
        let secrets = Secrets::of(&config, |name| std::env::var(name).ok()).map_err(explain)?;
        admin::collect();
        let built = Gateway::new(&config, secrets).map_err(explain)?;
        let client_ip = built.client_ip.clone();
        let gateway = bind("listen.gateway", config.listen.gateway).await?;
        let page = bind("listen.admin", config.listen.admin).await?;
        tracing::info!(gateway = %gateway.local_addr()?, admin = %page.local_addr()?, "listening");
        tokio::select! {
            () = serve(gateway, built, &config, told_to_stop()) => Ok(()),
            () = reload_when_told(&config, &client_ip) => Ok(()),
            ended = admin::serve(page, client_ip.resolver().clone()) => Err(Failure::Machine(format!("the admin page ended: {ended:?}"))),
        }
    }
}

/// At every SIGHUP; never ends.
async fn reload_when_told(config: &Config, client_ip: &TrustedClientIpLayer) {
    #[cfg(unix)]
    if let Ok(mut told) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) {
        while told.recv().await.is_some() {
            // A file may be on a disk that does not answer.
            let (config, client_ip) = (config.clone(), client_ip.clone());
            // Of its own, so that nothing waits for it at the end.
            std::thread::spawn(move || reload(&config, &client_ip));
        }
    }
    std::future::pending::<()>().await;
}
