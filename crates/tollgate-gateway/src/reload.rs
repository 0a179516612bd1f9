//! Lists of peers, read again while the gateway runs.

use tollgate::client_ip::Resolver;

use crate::config::Config;

/// Reads every `peers_file` again. One that cannot be right leaves the last good list in place, and is told.
pub(crate) fn reload(config: &Config, resolver: &Resolver) {
    for (i, (rule, used)) in config.client_ip.rule.iter().zip(resolver.rules()).enumerate() {
        let cidrs = used.peers().len();
        match rule.reload(used) {
            Ok(true) => {
                let now = used.peers().len();
                tracing::info!("client_ip.rule[{i}].peers_file: {now} CIDRs in place of {cidrs}");
            }
            Ok(false) => {}
            Err(error) => {
                tracing::error!("client_ip.rule[{i}].{error}; the {cidrs} CIDRs there were are kept");
            }
        }
    }
}
