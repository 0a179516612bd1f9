use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tollgate::client_ip::{Rule, RuleConfig, Strategy};
use tollgate::core::SystemClock;

use super::print::say;
use super::{ConfigFile, Failure, Outcome};
use crate::config::{Built, Config, Mode, Profile};

/// Validate a configuration and say what it means
///
/// Exit status 2 where something is wrong: each problem with its field, the value and the remedy.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The configuration; left out: the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the whole configuration with every default filled in
    #[arg(long)]
    print: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(self) -> Outcome {
        let checked = match &self.config {
            None => {
                let config = Config::default();
                config.build(SystemClock::shared()).map(|built| (config, built))
            }
            Some(path) => Config::load(path)
                .and_then(|config| config.build(SystemClock::shared()).map(|built| (config, built))),
        };
        let (config, built) = checked.map_err(|problems| {
            if self.json {
                let list: Vec<_> = problems
                    .0
                    .iter()
                    .map(|problem| json!({ "field": problem.field, "problem": problem.detail }))
                    .collect();
                say!("{}", json!({ "valid": false, "problems": list }));
            }
            match self.config {
                Some(ref path) => ConfigFile { path: path.clone() }.explain(&problems),
                None => problems.into(),
            }
        })?;
        let filled = filled(config, &built);
        match (self.json, self.print) {
            (true, _) => {
                say!("{}", json!({ "valid": true, "warnings": built.warnings, "config": filled }));
            }
            (false, true) => {
                let text =
                    toml::to_string_pretty(&filled).map_err(|error| Failure::Machine(error.to_string()))?;
                say!("{}", text.trim_end());
            }
            (false, false) => explain(&filled, &built),
        }
        Ok(())
    }
}

/// The configuration with what a preset stands for written out.
fn filled(mut config: Config, built: &Built) -> Config {
    config.pump_guard.filled_profiles(&built.profiles);
    config.pump_guard = config.pump_guard.filled(&built.policy);
    for limit in &mut config.rate_limit {
        limit.burst = limit.burst.or(Some(limit.requests));
    }
    config
}

fn explain(config: &Config, built: &Built) {
    say!("The configuration is valid. It means:\n");
    say!("listen      gateway on {}, admin page on {}", config.listen.gateway, config.listen.admin);
    if config.client_ip.rule.is_empty() {
        say!("client IP   whoever connects");
    }
    for (i, (rule, checked)) in
        config.client_ip.rule.iter().zip(built.client_ip.resolver().rules()).enumerate()
    {
        say!("client IP   rule {i}: {}", describe(rule, checked));
    }
    if !config.client_ip.dry_run.is_empty() {
        say!("            and {} rules of a dry run, which only count", config.client_ip.dry_run.len());
    }
    for (clients, what) in
        [(&config.clients.allow, "are never limited"), (&config.clients.deny, "are always refused")]
    {
        if !clients.is_empty() {
            say!("clients     {} {what}", clients.join(", "));
        }
    }
    for limit in &config.rate_limit {
        let what = match limit.matches {
            crate::config::Match::Dispatch => "dispatches",
            crate::config::Match::Check => "code checks",
            crate::config::Match::All => "requests",
        };
        let mode = mode(limit.mode);
        say!(
            "rate limit  {}: {} {what} in {} for each client IP, {} at once{mode}",
            limit.name,
            limit.requests,
            limit.per,
            limit.burst.unwrap_or(limit.requests),
        );
    }
    if let Some(server) = &built.redis {
        let away = match config.state.nodes {
            1 => "here".to_owned(),
            nodes => format!("each of {nodes} gateways has its part of a quota"),
        };
        say!("            counted on {server}; while it is away, {away}");
    }
    let (guard, policy) = (&config.pump_guard, &built.policy);
    say!(
        "pump guard  {:?}{}: strangers that do not verify: {}, {}, {}, {} and {} of one 1k, 10k, 100k, 1M and 10M range to begin \
         with, {} of a client; {} messages a day to one number, {} to one that was never verified",
        guard.preset,
        mode(guard.mode),
        policy.conversion.per_1k,
        policy.conversion.per_10k,
        policy.conversion.per_100k,
        policy.conversion.per_1m,
        policy.conversion.per_10m,
        policy.clients.strangers,
        policy.cooldown.per_day,
        policy.cooldown.unverified_per_day,
    );
    if let Some(prices) = &policy.prices {
        let (spend, currency) = (&policy.spend, &prices.currency);
        let cap = match spend.per_day {
            cap if cap.is_zero() => "no cap of a day".to_owned(),
            cap => format!("{cap} {currency} for everything of a profile within 24 hours"),
        };
        say!(
            "            money: strangers that do not verify may cost {} {currency} an hour in a range and {} in a \
             country; {cap}{}",
            spend.per_range,
            spend.per_country,
            mode(guard.spend_velocity.mode),
        );
    }
    say!(
        "            what is doubtful is {}",
        match policy.shift_to.as_slice() {
            [] => "challenged: [pump_guard.shift] names no channel that pays no fraudster".to_owned(),
            channels => {
                let names: Vec<_> = channels.iter().map(|to| to.channel().as_str()).collect();
                format!("sent over {} instead", names.join(" or "))
            }
        }
    );
    let lookup = &guard.number_lookup;
    if lookup.mode != Mode::Off {
        say!(
            "            8x8 is asked for doubtful numbers ({:?}), at most {} a minute{}",
            lookup.kind,
            lookup.per_minute,
            mode(lookup.mode)
        );
    }
    for (verb, countries) in [
        ("sends only to", &guard.allow_countries),
        ("never sends to", &guard.deny_countries),
        ("notes", &guard.monitor_countries),
    ] {
        if !countries.is_empty() {
            say!("            {verb} {}", countries.join(", "));
        }
    }
    for (name, profile) in &guard.profile {
        say!("            profile {name}: {}", dispatches(profile));
    }
    say!(
        "injector    clientIp {}; unusable addresses: {:?}",
        match config.injector.batch {
            crate::config::Batch::Top => "at the top level",
            crate::config::Batch::Each => "at the top level and in each message of a batch",
        },
        config.injector.unusable_address
    );
    for (product, base) in built.bases.iter() {
        say!("upstream    {product:?}: {base}");
    }
    say!(
        "            {}, answers within {}",
        if config.upstream.api_key_env.is_empty() {
            "with the caller's Authorization".to_owned()
        } else {
            format!("with the API key in ${}", config.upstream.api_key_env)
        },
        config.upstream.timeout
    );
    if !built.warnings.is_empty() {
        say!("\nWorth knowing:");
        for warning in &built.warnings {
            say!("- {warning}");
        }
    }
}

fn dispatches(profile: &Profile) -> String {
    let listed =
        |names: &[String], every: &str| if names.is_empty() { every.to_owned() } else { names.join(", ") };
    if profile.subaccounts.is_empty() && profile.endpoints.is_empty() {
        return "no dispatches but those that say so, or are its by default".to_owned();
    }
    format!(
        "dispatches of {} to {}",
        listed(&profile.subaccounts, "every subaccount"),
        listed(&profile.endpoints, "every endpoint")
    )
}

fn describe(config: &RuleConfig, rule: &Rule) -> String {
    let peers = match (&config.peers, &config.peers_file, &config.trusted) {
        (Some(peers), ..) | (None, None, Some(peers)) => peers.join(", "),
        (None, Some(path), _) => format!("the {} CIDRs of {}", rule.peers().len(), path.display()),
        (None, None, None) => format!("{} published CIDRs", rule.peers().len()),
    };
    let read = match (rule.header(), rule.strategy()) {
        (Some(header), Strategy::Ranges) => {
            format!("{header}, the first address from the right that is no proxy")
        }
        (Some(header), Strategy::Count(n)) => format!("{header}, address {n} from the right"),
        (Some(header), _) => format!("{header}, the one address in it"),
        (None, Strategy::ProxyProtocol) => {
            "the PROXY protocol header, in which connections must begin".to_owned()
        }
        (None, _) => "no header: the peer is the client".to_owned(),
    };
    let proof = config.required.as_ref().map_or("", |_| ", with the required proof");
    format!("from {peers}{proof}: {read}")
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "",
        Mode::Monitor => " (monitored only)",
        Mode::Off => " (off)",
    }
}
