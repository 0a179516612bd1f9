use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use clap::Args;
use tollgate::core::SystemClock;
use tollgate::pump_guard::{Observer, State};

use super::{ConfigFile, Failure, Outcome, bind, log, told_to_stop};
use crate::reload::{reload_limits, reload_peers};
use crate::store::{Keeper, Store};
use crate::traffic_log::{TrafficLog, secret_of_this_run};
use crate::{Gateway, Secrets, admin, serve};

/// Serve the gateway: a reverse proxy for the 8x8 API, with the four layers in its way
///
/// Point your app's 8x8 base URL at it. It serves Send SMS, Send SMS batch, the verification start, and passes on every
/// other 8x8 call that is known to send nothing. Logs go to standard error (RUST_LOG says how much).
///
/// SIGHUP reads the files named by peers_file again, and of the configuration [clients] and the quotas and modes of
/// [[rate_limit]]: nobody who is limited is forgotten. What cannot be right is told, and what was there stays.
///
/// With [state] path, what the guard remembers outlives a restart. With [state] redis, several gateways have one limit and
/// one guard; none waits for that server longer than 25 ms, and while it is away, each decides by itself. With [traffic_log] path, what it judges and learns is
/// written down for replay.
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
        // Before a file is opened, or made.
        let profiles = config.build(SystemClock::shared()).map_err(explain)?.profiles;
        let memory = config.pump_guard.memory.bytes();
        let (store, state) = match config.state.path.as_str() {
            "" => match secrets.guard() {
                Some(secret) => (None, State::with_secret(memory, secret)),
                None => (None, State::new(memory)),
            },
            path => {
                let now = SystemClock::shared().wall().duration_since(UNIX_EPOCH).unwrap_or_default();
                let (store, state) =
                    Store::open(path.as_ref(), memory, now, secrets.guard()).map_err(Failure::Input)?;
                (Some(store), state)
            }
        };
        let traffic_log = match config.traffic_log.path.as_str() {
            "" => None,
            _ => {
                let secret = match &store {
                    Some(store) => store.secret().to_bytes(),
                    None => secret_of_this_run()?,
                };
                Some(TrafficLog::start(&config.traffic_log, secret, profiles).map_err(Failure::Input)?)
            }
        };
        let observer = traffic_log.as_ref().map(|log| log.recorder() as Arc<dyn Observer>);
        let mut built = Gateway::with_state(&config, secrets, state, observer).map_err(explain)?;
        let sharing = built.sharing.take();
        if let Some(sharing) = &sharing {
            // What other gateways know by now. One that is away is not waited for longer.
            sharing.caught_up_within(Duration::from_secs(1)).await;
        }
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
        let keeper = store.map(|store| Keeper::start(store, built.guard.clone())).transpose()?;
        tracing::info!(gateway = %gateway.local_addr()?, admin = %page.local_addr()?, "listening");
        let ended = tokio::select! {
            () = serve(gateway, built, &config, told_to_stop()) => Ok(()),
            () = reloads.serve(reload) => Ok(()),
            ended = admin::serve(page, client_ip.resolver().clone(), limiter) => Err(Failure::Machine(format!("the admin page ended: {ended:?}"))),
        };
        if let Some(sharing) = sharing.and_then(Arc::into_inner) {
            sharing.finish(Duration::from_secs(1)).await;
        }
        if let Some(keeper) = keeper {
            keeper.stop().await;
        }
        if let Some(log) = traffic_log {
            log.stop().await;
        }
        ended
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
