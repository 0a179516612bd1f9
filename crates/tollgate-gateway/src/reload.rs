//! Lists of peers, read again while the gateway runs.

use tollgate::client_ip::{Resolver, RuleConfig, TrustedClientIpLayer};

use crate::config::Config;

/// Reads every `peers_file` again. One that cannot be right leaves the last good list in place, and is told.
pub(crate) fn reload(config: &Config, used: &TrustedClientIpLayer) {
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
