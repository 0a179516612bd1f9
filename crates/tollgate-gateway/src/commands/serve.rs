use std::sync::Arc;

use clap::Args;

use super::{ConfigFile, Failure, Outcome, bind, log, told_to_stop};
use crate::reload::{reload_limits, reload_peers};
use crate::{Gateway, Secrets, admin, serve};

/// Serve the gateway: a reverse proxy for the 8x8 API, with the four layers in its way
///
/// Point your app's 8x8 base URL at it. It serves Send SMS, Send SMS batch, the verification start, and passes on every
/// other 8x8 call that is known to send nothing. Logs go to standard error (RUST_LOG says how much).
///
/// SIGHUP reads the files named by peers_file again, and of the configuration [clients] and the quotas and modes of
/// [[rate_limit]]: nobody who is limited is forgotten. What cannot be right is told, and what was there stays.
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
        let reloads = Reloads::listen()?;
        let built = Gateway::new(&config, secrets).map_err(explain)?;
        let (client_ip, limiter) = (built.client_ip.clone(), Arc::clone(&built.limiter));
        let reload = {
            let (path, config) = (self.config.path.clone(), config.clone());
            let (client_ip, limiter) = (client_ip.clone(), Arc::clone(&limiter));
            move || {
                reload_peers(&config, &client_ip);
                reload_limits(&path, &limiter);
            }
        };
        let gateway = bind("listen.gateway", config.listen.gateway).await?;
        let page = bind("listen.admin", config.listen.admin).await?;
        tracing::info!(gateway = %gateway.local_addr()?, admin = %page.local_addr()?, "listening");
        tokio::select! {
            () = serve(gateway, built, &config, told_to_stop()) => Ok(()),
            () = reloads.serve(reload) => Ok(()),
            ended = admin::serve(page, client_ip.resolver().clone(), limiter) => Err(Failure::Machine(format!("the admin page ended: {ended:?}"))),
        }
    }
}

/// What SIGHUP is for, from the moment it is made: a signal that comes early must not end the process.
struct Reloads {
    #[cfg(unix)]
    told: tokio::signal::unix::Signal,
}

impl Reloads {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            told: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?,
        })
    }

    /// Reloads at every signal, one time after the other; never ends.
    async fn serve(self, reload: impl Fn() + Send + 'static) {
        // A file may be on a disk that does not answer. The thread is of its own, so that nothing waits for it at the end.
        let (ask, asked) = std::sync::mpsc::channel();
        std::thread::spawn(move || asked.iter().for_each(|()| reload()));
        #[cfg(unix)]
        {
            let mut told = self.told;
            while told.recv().await.is_some() {
                let _ = ask.send(());
            }
        }
        drop(ask);
        std::future::pending::<()>().await;
    }
}
