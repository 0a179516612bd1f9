//! Lists of peers, read again while the gateway runs.

use tollgate::client_ip::Resolver;

use crate::config::Config;

/// Reads every `peers_file` again. One that cannot be right leaves the last good list in place, and is told.
pub(crate) fn reload(config: &Config, resolver: &Resolver) {
    for (i, (rule, used)) in config.client_ip.rule.iter().zip(resolver.rules()).enumerate() {
        match rule.reload(used) {
            Ok(true) => {
                tracing::info!("client_ip.rule[{i}].peers_file: read again, {} CIDRs", used.peers().len())
            }
            Ok(false) => {}
            Err(error) => tracing::error!("client_ip.rule[{i}].{error}; the last good list is kept"),
        }
    }
}
