use std::io::{BufRead, Write};
use std::net::{IpAddr, SocketAddr};

use clap::Args;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use tollgate::client_ip::{Outcome as Resolved, Resolver};
use tollgate::core::{Peer, SystemClock};

use super::{ConfigFile, Outcome};

/// Say who asks: requests as JSON lines on standard input, client IPs as JSON lines on standard output
///
/// A line is `{"peer":"10.0.0.1:4711","headers":[["X-Forwarded-For","203.0.113.7"]]}`; peer may also be an address
/// without a port, or "unix:". The answer is `{"client_ip":"203.0.113.7",…}` or `{"error":"header_missing",…}`, with the
/// reasoning: one line for each, in order. A header value's characters are its bytes (latin-1).
#[derive(Debug, Args)]
pub(super) struct Resolve {
    #[command(flatten)]
    config: ConfigFile,
    /// Accepted for consistency: the output always is JSON lines
    #[arg(long)]
    json: bool,
}

/// One line of the input.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    peer: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
}

impl Resolve {
    pub(super) fn run(self) -> Outcome {
        let _ = self.json;
        let config = self.config.load()?;
        let built = config.build(SystemClock::shared()).map_err(|problems| self.config.explain(&problems))?;
        let mut out = std::io::stdout().lock();
        for line in std::io::stdin().lock().split(b'\n') {
            let line = line?;
            if line.trim_ascii().is_empty() {
                continue;
            }
            let answer = match read(&line) {
                Ok((peer, headers)) => resolve(&built.resolver, peer, &headers),
                Err(why) => json!({ "error": "bad_input", "explanation": why }),
            };
            writeln!(out, "{answer}")?;
            out.flush()?;
        }
        Ok(())
    }
}

fn read(line: &[u8]) -> Result<(Option<Peer>, HeaderMap), String> {
    let line: Line = serde_json::from_slice(line).map_err(|error| format!("not a request: {error}"))?;
    let peer = match line.peer.as_deref() {
        None => None,
        Some("unix:") => Some(Peer::Unix),
        Some(text) => {
            let addr = text.parse().or_else(|_| text.parse().map(|ip: IpAddr| SocketAddr::new(ip, 0)));
            Some(Peer::Tcp(
                addr.map_err(|_| format!("peer {text:?} is not \"ip:port\", an address or \"unix:\""))?,
            ))
        }
    };
    let mut headers = HeaderMap::new();
    for (name, value) in &line.headers {
        let header =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} is no header name"))?;
        let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
        let value = bytes.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok());
        headers.append(
            header,
            value.ok_or_else(|| format!("the value of {name} is no header value (latin-1)"))?,
        );
    }
    Ok((peer, headers))
}

fn resolve(resolver: &Resolver, peer: Option<Peer>, headers: &HeaderMap) -> Value {
    let resolution = resolver.resolve(peer, headers);
    let peer = peer.map_or("no peer".to_owned(), |peer| format!("peer {peer}"));
    let rule = match resolution.rule() {
        Some(rule) => format!("{peer} matches rule {rule}"),
        None => format!("{peer} matches no rule"),
    };
    let mut answer = match resolution.outcome() {
        Resolved::Client(client) => json!({
            "client_ip": client.to_string(),
            "explanation": format!(
                "{rule}; {} trusted entries from the right were passed over; the next is the client",
                resolution.hops_skipped()
            ),
        }),
        Resolved::DirectPeer(client) => json!({
            "client_ip": client.to_string(),
            "explanation": format!("{rule}; the peer is the client, no header is read"),
        }),
        Resolved::Undetermined(reason) => json!({
            "error": reason.as_str(),
            "explanation": format!("{rule}; {reason}"),
        }),
        _ => json!({ "error": "unknown" }),
    };
    answer["rule"] = resolution.rule().into();
    answer["hops_skipped"] = resolution.hops_skipped().into();
    answer["spoof_suspected"] = resolution.spoof_suspected().into();
    answer
}
