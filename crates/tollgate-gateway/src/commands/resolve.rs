use std::io::{BufRead, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use tollgate::client_ip::{Config, Explanation, Resolver, RuleConfig, StrategyName};
use tollgate::core::{Peer, ProxySource, SystemClock};

use super::{ConfigFile, Failure, Outcome};

/// Say who asks: requests as JSON lines on standard input, client IPs as JSON lines on standard output
///
/// A line is {"peer":"10.0.0.1:4711","headers":[["X-Forwarded-For","203.0.113.7"]]}. peer may also be an address without
/// a port, or "unix:"; "proxied":"203.0.113.7:50000" says whom the connection's PROXY protocol header names. A header
/// value's characters are its bytes (latin-1). A line may carry a rule of its own, which holds for it alone, with the keys
/// of [[client_ip.rule]]: "rule":{"trusted":["10.0.0.0/8"],"header":"X-Forwarded-For","strategy":"ranges"}.
///
/// The answer is {"client_ip":"203.0.113.7",…} or {"error":"header_missing",…}, with the reasoning: one line for each, in
/// order. error is bad_input where the line is no request, bad_rule where its rule cannot be.
///
/// The rules are those of --config, or the one of the other flags, or none: then the peer is the client.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  echo '{\"peer\":\"10.0.0.1\",\"headers\":[[\"X-Forwarded-For\",\"8.8.8.8, 203.0.113.7\"]]}' |\n    \
    tollgate resolve --trusted 10.0.0.0/8 --header X-Forwarded-For --explain"
)]
pub(super) struct Resolve {
    /// The configuration whose [[client_ip.rule]] tables are used
    #[arg(long, value_name = "FILE", conflicts_with_all = ["trusted", "header", "strategy", "count"])]
    config: Option<PathBuf>,
    /// The peers that are believed and the proxies further left: CIDRs, addresses, "unix:"
    #[arg(long, value_name = "CIDR", num_args = 1.., value_delimiter = ',')]
    trusted: Vec<String>,
    /// The header they write: X-Forwarded-For, Forwarded, or another
    #[arg(long, value_name = "NAME", requires = "trusted")]
    header: Option<String>,
    /// How it is read; by default ranges, or count if --count is given
    #[arg(long, requires = "trusted")]
    strategy: Option<Strategy>,
    /// How many trusted proxies append to the header, 1 to 64; 1 takes the last entry
    #[arg(long, value_name = "N", requires = "trusted")]
    count: Option<u8>,
    /// Tell the whole chain: as text, or with --json within the answer
    #[arg(long)]
    explain: bool,
    /// Print JSON lines (the default, but with --explain)
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Strategy {
    /// The first address from the right that is no trusted proxy
    Ranges,
    /// The --count-th address from the right
    Count,
    /// The one address there is
    Single,
    /// The peer itself; no header is read
    Peer,
}

/// One line of the input.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    peer: Option<String>,
    #[serde(default)]
    proxied: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    rule: Option<Value>,
}

/// Why a line has no answer: a code and an explanation.
type Wrong = (&'static str, String);

impl Resolve {
    pub(super) fn run(self) -> Outcome {
        let resolver = self.resolver()?;
        let mut out = std::io::stdout().lock();
        for line in std::io::stdin().lock().split(b'\n') {
            let line = line?;
            let answer = answer(&resolver, &line);
            if self.explain && !self.json {
                match answer {
                    Ok(told) => writeln!(out, "{told}")?,
                    Err((code, why)) => writeln!(out, "error     {code}\nbecause   {why}\n")?,
                }
            } else {
                writeln!(out, "{}", self.told(answer))?;
            }
            out.flush()?;
        }
        Ok(())
    }

    fn resolver(&self) -> Result<Resolver, Failure> {
        if let Some(path) = &self.config {
            let file = ConfigFile { path: path.clone() };
            let built = file.load()?.build(SystemClock::shared());
            return Ok(built.map_err(|problems| file.explain(&problems))?.client_ip.resolver().clone());
        }
        if self.trusted.is_empty() {
            return Ok(Resolver::new());
        }
        let rule = RuleConfig {
            trusted: Some(self.trusted.clone()),
            header: self.header.clone(),
            strategy: self.strategy.map(|strategy| match strategy {
                Strategy::Ranges => StrategyName::Ranges,
                Strategy::Count => StrategyName::Count,
                Strategy::Single => StrategyName::Single,
                Strategy::Peer => StrategyName::Peer,
            }),
            count: self.count,
            ..RuleConfig::default()
        };
        let rule = rule.rule().map_err(|error| Failure::Input(format!("--{error}")))?;
        for warning in rule.warnings() {
            // One flag says both.
            eprintln!("tollgate: --{}", warning.replacen("peers", "trusted", 1));
        }
        Ok(Resolver::new().with_rule(rule))
    }

    fn told(&self, answer: Result<Explanation, Wrong>) -> Value {
        let told = match answer {
            Ok(told) => told,
            Err((code, why)) => return json!({ "error": code, "explanation": why }),
        };
        let mut answer = match told.client_ip {
            Some(client) => json!({ "client_ip": client }),
            None => json!({ "error": told.error }),
        };
        answer["explanation"] = told.why.as_str().into();
        answer["outcome"] = told.outcome.into();
        answer["rule"] = told.rule.into();
        answer["hops_skipped"] = told.hops_skipped.into();
        answer["spoof_suspected"] = told.spoof_suspected.into();
        if self.explain {
            answer["chain"] = json!(told.chain);
        }
        answer
    }
}

fn answer(resolver: &Resolver, line: &[u8]) -> Result<Explanation, Wrong> {
    let bad = |why| ("bad_input", why);
    let line: Line =
        serde_json::from_slice(line).map_err(|error| bad(format!("the line is no request: {error}")))?;
    let (peer, headers) = (line.peer().map_err(bad)?, line.headers().map_err(bad)?);
    let own = line.rule.map(own_resolver).transpose()?;
    let resolution = own.as_ref().unwrap_or(resolver).resolve(peer, &headers);
    Ok(resolution.explain(&headers))
}

fn own_resolver(rule: Value) -> Result<Resolver, Wrong> {
    let rule: RuleConfig =
        serde_json::from_value(rule).map_err(|error| ("bad_rule", format!("rule: {error}")))?;
    // Lines may come from anybody: they do not say what is read of this machine.
    if rule.peers_file.is_some()
        || rule.required.as_ref().is_some_and(|required| required.value_env.is_some())
    {
        return Err((
            "bad_rule",
            "a line's rule has no peers_file and no value_env: write them out".to_owned(),
        ));
    }
    let config = Config { rule: vec![rule], ..Config::default() };
    let layer = config.layer().map_err(|error| ("bad_rule", error.to_string()))?;
    Ok(layer.resolver().clone())
}

impl Line {
    fn peer(&self) -> Result<Option<Peer>, String> {
        let socket = match self.peer.as_deref() {
            None => None,
            Some("unix:") => Some(Peer::Unix),
            Some(text) => Some(Peer::Tcp(address("peer", text)?)),
        };
        let Some(source) = &self.proxied else { return Ok(socket) };
        let by = match socket {
            Some(Peer::Tcp(addr)) => Some(addr),
            Some(_) => None,
            None => return Err("proxied needs a peer".to_owned()),
        };
        Ok(Some(Peer::Proxied { source: ProxySource::Client(address("proxied", source)?), by }))
    }

    fn headers(&self) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let header =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is no header name"))?;
            let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
            let value = bytes.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok());
            let value = value.ok_or_else(|| format!("the value of {name} is no header value (latin-1)"))?;
            headers.try_append(header, value).map_err(|_| "too many headers".to_owned())?;
        }
        Ok(headers)
    }
}

/// With or without a port; an IPv6 zone is the peer's own affair.
fn address(what: &str, text: &str) -> Result<SocketAddr, String> {
    let zone = text.find('%').map(|start| {
        let end = text[start..].find(']').map_or(text.len(), |length| start + length);
        start..end
    });
    let mut unzoned = text.to_owned();
    if let Some(zone) = zone.filter(|_| text.contains(':')) {
        unzoned.replace_range(zone, "");
    }
    let bare = unzoned.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&unzoned);
    let addr = unzoned.parse().or_else(|_| bare.parse().map(|ip: IpAddr| SocketAddr::new(ip, 0)));
    addr.map_err(|_| format!("{what} {text:?} is not \"ip:port\", an address or \"unix:\""))
}
