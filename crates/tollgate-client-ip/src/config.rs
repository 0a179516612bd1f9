//! The layer as data: what a configuration file says about it.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::preset::cidrs;
use crate::ranges::Ranges;
use crate::{Format, Preset, Resolver, Rule, RuleError, Strategy, TrustedClientIpLayer};

/// A [`TrustedClientIpLayer`] as it is written in a configuration. Every key may be left out; nothing means that the peer
/// is the client.
///
/// ```
/// let config: tollgate_client_ip::Config = serde_json::from_str(
///     r#"{"rule": [{"preset": "cloudflare"}, {"trusted": ["10.0.0.0/33"], "header": "X-Forwarded-For"}]}"#,
/// )?;
/// let error = config.layer().unwrap_err();
/// assert_eq!(error.to_string(), "rule[1].trusted[0]: \"10.0.0.0/33\" is not a CIDR (prefix 0–32)");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What becomes of a request whose client is undetermined. Default `refuse`.
    pub undetermined: Undetermined,
    /// Whether the header that was read is replaced by the client alone. Default: no.
    pub rewrite_header: bool,
    /// The first whose peers match applies.
    pub rule: Vec<RuleConfig>,
    /// Rules to be tried beside these, to count where they answer differently. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dry_run: Vec<RuleConfig>,
}

/// What becomes of a request whose client is undetermined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Undetermined {
    /// It is refused.
    #[default]
    Refuse,
    /// It goes on as nobody's: [`TrustedClientIpLayer::pass_without`].
    PassWithout,
    /// The peer is taken for the client: [`TrustedClientIpLayer::insecure_use_peer`].
    InsecureUsePeer,
}

/// A [`Rule`] as it is written in a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleConfig {
    /// A known provider or proxy, which says header, format and strategy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// The proxies that connect here: CIDRs, addresses, `unix:`. Default: `trusted`, else the preset's published list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peers: Option<Vec<String>>,
    /// A file of them, one a line, `#` begins a comment; it can be read again at run time, see [`reload`](Self::reload).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peers_file: Option<PathBuf>,
    /// For `ranges`: the proxies further left. Default: the peers. Where nothing says who the peers are, they are these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted: Option<Vec<String>>,
    /// The header they write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// How its addresses are written. Default: as the header's name says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// How it is read. Default `ranges`, or `count` where there is a count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<StrategyName>,
    /// For `count`: how many trusted proxies append to the header; 1 takes the last entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u8>,
    /// A header that proves that the peer is yours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<RequiredConfig>,
}

/// A [`Strategy`] by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StrategyName {
    /// The first address from the right that is no trusted proxy.
    Ranges,
    /// The `count`-th address from the right.
    Count,
    /// The one address there is.
    Single,
    /// The peer itself; no header is read.
    Peer,
    /// Whom the PROXY protocol header of the connection names.
    ProxyProtocol,
}

/// The proof that a peer is yours: see [`Rule::with_required_header`].
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RequiredConfig {
    /// The header. Default: the preset's, where it has one (`X-Azure-FDID`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// Its value, where that is no secret. It is written out as `(not shown)` all the same.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "hide")]
    pub value: Option<String>,
    /// The environment variable that holds its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_env: Option<String>,
}

impl Config {
    /// The layer.
    ///
    /// # Errors
    ///
    /// All that is wrong in the rules.
    pub fn layer(&self) -> Result<TrustedClientIpLayer, ConfigError> {
        let mut problems = Vec::new();
        let mut resolver = |list, rules: &[RuleConfig]| {
            rules.iter().enumerate().fold(Resolver::new(), |resolver, (i, rule)| match rule.rule() {
                Ok(rule) => resolver.with_rule(rule),
                Err(error) => {
                    problems.push((format!("{list}[{i}]"), error));
                    resolver
                }
            })
        };
        let (used, tried) = (resolver("rule", &self.rule), resolver("dry_run", &self.dry_run));
        if !problems.is_empty() {
            return Err(ConfigError { problems });
        }
        let mut layer = TrustedClientIpLayer::new(used);
        layer = match self.undetermined {
            Undetermined::Refuse => layer,
            Undetermined::PassWithout => layer.pass_without(),
            Undetermined::InsecureUsePeer => layer.insecure_use_peer(),
        };
        if self.rewrite_header {
            layer = layer.with_rewritten_header();
        }
        Ok(if self.dry_run.is_empty() { layer } else { layer.with_dry_run(tried) })
    }
}

impl RuleConfig {
    /// The rule.
    ///
    /// # Errors
    ///
    /// The field that is wrong, its value, and what would be right.
    pub fn rule(&self) -> Result<Rule, RuleError> {
        let mut rule = match (self.preset, self.named_peers()?) {
            (Some(preset), peers) => self.of_preset(preset, peers)?,
            (None, peers) => {
                let header = self.header.as_deref().unwrap_or_default();
                let strategy = self.strategy()?;
                if header.is_empty() && !matches!(strategy, Strategy::Peer | Strategy::ProxyProtocol) {
                    let remedy = "missing: name the header that the peers write, such as \"X-Forwarded-For\"";
                    return Err(RuleError::new("header", "", remedy));
                }
                Rule::new(peers.unwrap_or_default(), header, strategy)
                    .map_err(|error| if self.peers.is_none() { error.of_trusted() } else { error })?
            }
        };
        if let Some(path) = &self.peers_file {
            rule.peers().date(read(path)?.1);
        }
        if let Some(trusted) = self.further_left() {
            rule = rule.with_trusted(trusted)?;
        }
        if let Some(format) = self.format {
            rule = rule.with_format(format)?;
        }
        self.with_proof(rule)
    }

    /// Reads [`peers_file`](Self::peers_file) again and puts what it says in place of the rule's peers. `false` if there is
    /// no such file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or what it says cannot be right; then nothing is changed.
    pub fn reload(&self, rule: &Rule) -> Result<bool, RuleError> {
        let Some(path) = &self.peers_file else { return Ok(false) };
        let (list, as_of) = read(path)?;
        rule.peers().replace(cidrs(&list), as_of).map_err(RuleError::of_file).map(|()| true)
    }

    /// Who the peers are, where that is said.
    fn named_peers(&self) -> Result<Option<Vec<String>>, RuleError> {
        match (&self.peers, &self.peers_file) {
            (Some(_), Some(_)) => {
                Err(RuleError::new("peers_file", "", "given beside peers: write one of them"))
            }
            (None, Some(path)) => {
                let (list, as_of) = read(path)?;
                // Whatever would be refused later, when it is read again, is refused now.
                let scratch = Ranges::of(&[], None);
                scratch.replace(cidrs(&list), as_of).map_err(RuleError::of_file)?;
                Ok(Some(cidrs(&list).map(str::to_owned).collect()))
            }
            (Some(peers), None) => Ok(Some(peers.clone())),
            (None, None) => Ok(self.trusted.clone()),
        }
    }

    /// The proxies further left, where they are said apart.
    fn further_left(&self) -> Option<&Vec<String>> {
        self.trusted.as_ref().filter(|_| self.peers.is_some() || self.peers_file.is_some())
    }

    fn of_preset(&self, preset: Preset, peers: Option<Vec<String>>) -> Result<Rule, RuleError> {
        let given = [
            ("header", self.header.is_some()),
            ("format", self.format.is_some()),
            ("strategy", self.strategy.is_some()),
            ("count", self.count.is_some()),
        ];
        if let Some((field, _)) = given.into_iter().find(|&(_, given)| given) {
            let remedy = "said by the preset already: leave it out, or write the rule without the preset";
            return Err(RuleError::new(field, "", remedy));
        }
        if let (Some(header), None) = (preset.required_header(), &self.required) {
            let remedy = format!(
                "missing: {} proves nothing without your own {header}; write required = {{ value = \"…\" }}",
                preset.as_str()
            );
            return Err(RuleError::new("required", "", remedy));
        }
        if self.trusted.is_some() && self.further_left().is_none() && preset.ranges_url().is_some() {
            let remedy =
                "could mean the published peers or others beside them: write peers instead, or as well";
            return Err(RuleError::new("trusted", "", remedy));
        }
        match peers {
            Some(peers) => preset.unproved_rule_for(peers),
            None => preset.published_rule(),
        }
    }

    fn strategy(&self) -> Result<Strategy, RuleError> {
        let wrong = |remedy| Err(RuleError::new("count", "", remedy));
        match (self.strategy, self.count) {
            (Some(StrategyName::Count) | None, Some(count)) => Ok(Strategy::Count(count)),
            (Some(StrategyName::Count), None) => {
                wrong("missing: how many trusted proxies append to the header; 1 takes the last entry")
            }
            (Some(_), Some(_)) => wrong("has no effect: write strategy = \"count\""),
            (Some(StrategyName::Ranges) | None, None) => Ok(Strategy::Ranges),
            (Some(StrategyName::Single), None) => Ok(Strategy::Single),
            (Some(StrategyName::Peer), None) => Ok(Strategy::Peer),
            (Some(StrategyName::ProxyProtocol), None) => Ok(Strategy::ProxyProtocol),
        }
    }

    fn with_proof(&self, rule: Rule) -> Result<Rule, RuleError> {
        let Some(RequiredConfig { header, value, value_env }) = &self.required else { return Ok(rule) };
        if value.as_deref() == Some(NOT_SHOWN) {
            let remedy = "is what is printed in place of the value: write the value itself";
            return Err(RuleError::new("required", NOT_SHOWN, remedy));
        }
        let value = match (value, value_env) {
            (Some(value), None) => value.clone(),
            (None, Some(name)) => std::env::var(name).map_err(|_| {
                RuleError::new("required", name.as_str(), "is no environment variable that is set; set it")
            })?,
            _ => return Err(RuleError::new("required", "", "needs value or value_env, and not both")),
        };
        match (header, self.preset) {
            (Some(header), Some(preset))
                if preset.required_header().is_some_and(|own| own.eq_ignore_ascii_case(header)) =>
            {
                preset.prove(rule, &value)
            }
            (Some(header), _) => rule.with_required_header(header, &value),
            (None, Some(preset)) => preset.prove(rule, &value),
            (None, None) => {
                Err(RuleError::new("required", "", "needs the header's name: write header = \"…\""))
            }
        }
    }
}

/// The longest file of peers, in bytes: the largest provider's list has a tenth of it.
const LONGEST_FILE: u64 = 4 << 20;

/// A list and the day it was written.
fn read(path: &Path) -> Result<(String, SystemTime), RuleError> {
    let shown = path.display().to_string();
    // A pipe would be waited for, perhaps for ever.
    if std::fs::metadata(path).is_ok_and(|file| !file.is_file() || file.len() > LONGEST_FILE) {
        return Err(RuleError::new("peers_file", shown, "is no file of at most 4 MiB; name one"));
    }
    let failed =
        |error: std::io::Error| RuleError::new("peers_file", &*shown, format!("cannot be read: {error}"));
    let list = std::fs::read_to_string(path).map_err(failed)?;
    let written = std::fs::metadata(path).and_then(|metadata| metadata.modified()).map_err(failed)?;
    Ok((list.trim_start_matches('\u{feff}').to_owned(), written))
}

/// Without the value, which may be a secret.
impl fmt::Debug for RequiredConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequiredConfig").field("header", &self.header).finish_non_exhaustive()
    }
}

/// What is written in place of a secret.
const NOT_SHOWN: &str = "(not shown)";

fn hide<S: serde::Serializer>(_: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(NOT_SHOWN)
}

/// All that is wrong in a [`Config`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<(String, RuleError)>,
}

impl ConfigError {
    /// What is wrong, each with its rule: `rule[0]`, `dry_run[2]`.
    pub fn problems(&self) -> impl Iterator<Item = (&str, &RuleError)> {
        self.problems.iter().map(|(rule, error)| (rule.as_str(), error))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (rule, error)) in self.problems.iter().enumerate() {
            write!(f, "{}{rule}.{error}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl Error for ConfigError {}

#[cfg(test)]
mod tests;
