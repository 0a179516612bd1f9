use clap::Args;

use super::{ConfigFile, Failure, Outcome, bind, log, told_to_stop};
use crate::{Secrets, admin, app, serve};

/// Serve the gateway: a reverse proxy for the 8x8 API, with the four layers in its way
///
/// Point your app's 8x8 base URL at it. It serves Send SMS, Send SMS batch, the verification start, and passes on every
/// other 8x8 call that is known to send nothing. Logs go to standard error (RUST_LOG says how much).
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
        let app = app(&config, secrets).map_err(explain)?;
        let gateway = bind("listen.gateway", config.listen.gateway).await?;
        let page = bind("listen.admin", config.listen.admin).await?;
        tracing::info!(gateway = %gateway.local_addr()?, admin = %page.local_addr()?, "listening");
        tokio::select! {
            () = serve(gateway, app, &config, told_to_stop()) => Ok(()),
            ended = admin::serve(page) => Err(Failure::Machine(format!("the admin page ended: {ended:?}"))),
        }
    }
}
