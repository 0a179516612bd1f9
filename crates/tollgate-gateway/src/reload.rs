//! What is read again while the gateway runs: lists of peers, quotas, and the lists of clients.

use std::path::Path;

use tollgate::client_ip::{Resolver, RuleConfig, TrustedClientIpLayer};
use tollgate::core::SystemClock;
use tollgate::rate_limit::Limiter;
use tollgate::rate_limit::store::Store;

use crate::config::Config;

/// Reads the quotas, the modes and the lists of clients again. What cannot be right leaves everything as it is, and is
/// told.
pub(crate) fn reload_limits<S: Store>(path: &Path, limiter: &Limiter<S>) {
    let loaded = Config::load(path).and_then(|config| config.build(SystemClock::shared()).map(|_| config));
    let config = match loaded {
        Ok(config) => config,
        Err(problems) => {
            tracing::error!("{}: {problems}; limits are left as they are", path.display());
            return;
        }
    };
    if let Err(error) = config.clients.set(limiter) {
        tracing::error!("clients: {error}; what comes behind it in the list is left as it was");
    }
    for written in &config.rate_limit {
        let name = &written.name;
        let limit = match limiter.limit(name) {
            Ok(limit) => limit,
            Err(_) if written.mode == crate::config::Mode::Off => continue,
            Err(error) => {
                tracing::error!("rate_limit: {error}. A limit that is new takes a restart");
                continue;
            }
        };
        let (quota, mode) = (written.quota(), written.mode.of_limit());
        if limit.quota() != quota {
            let old = limit.quota();
            match limit.set_quota(quota) {
                Ok(()) => tracing::info!("rate_limit {name:?}: {quota} in place of {old}"),
                Err(error) => tracing::error!("rate_limit {name:?}: {error}; {old} is kept"),
            }
        }
        if limit.mode() != mode {
            tracing::info!("rate_limit {name:?}: {mode:?} in place of {:?}", limit.mode());
            limit.set_mode(mode);
        }
    }
    for limit in limiter.limits() {
        if !config.rate_limit.iter().any(|written| written.name == limit.name()) {
            tracing::warn!("rate_limit: {:?} is no longer there, and holds until a restart", limit.name());
        }
    }
}

/// Reads every `peers_file` again. One that cannot be right leaves the last good list in place, and is told.
pub(crate) fn reload_peers(config: &Config, used: &TrustedClientIpLayer) {
    rules("rule", &config.client_ip.rule, used.resolver());
    if let Some(dry_run) = used.dry_run() {
        rules("dry_run", &config.client_ip.dry_run, dry_run);
    }
}

fn rules(list: &str, written: &[RuleConfig], used: &Resolver) {
    for (i, (rule, used)) in written.iter().zip(used.rules()).enumerate() {
        let cidrs = used.peers().len();
        match rule.reload(used) {
            Ok(true) => {
                let now = used.peers().len();
                tracing::info!("client_ip.{list}[{i}].peers_file: {now} CIDRs in place of {cidrs}");
                if now * 2 < cidrs {
                    tracing::warn!(
                        "client_ip.{list}[{i}].peers_file: less than half of what it was; is it whole?"
                    );
                }
            }
            Ok(false) => {}
            Err(error) => {
                tracing::error!("client_ip.{list}[{i}].{error}; the {cidrs} CIDRs there were are kept");
            }
        }
    }
}
