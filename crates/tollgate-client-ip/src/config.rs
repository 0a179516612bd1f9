use http::HeaderName;
use ipnet::IpNet;
use tollgate_core::Peer;

use crate::RuleError;
use crate::ranges::{RangeSet, parse_net};
use crate::walk::MAX_VISITED;

/// The token that stands for Unix socket peers in a rule's `peers`.
const UNIX: &str = "unix:";

/// How the client is found among what the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strategy {
    /// A list, read from the right: the first entry outside the trusted ranges is the client.
    ///
    /// The trusted ranges are the proxies further left; by default the rule's peers, see [`Rule::with_trusted`].
    Ranges,
    /// A list: the `n`-th entry from the right is the client.
    ///
    /// `n`, from 1 to 64, is how many trusted proxies append to the list: 1 is the last entry, written by the peer.
    /// A shorter list was made by someone who went round a proxy, and gives no client.
    Count(u8),
    /// The header holds one address, is there once, and every trusted peer overwrites what the client sent.
    Single,
    /// The peer is the client and no header is read: an exception in front of a broader rule.
    Peer,
}

/// Which peers are believed, which header they are believed about, and how it is read.
///
/// CIDRs are canonical (`::ffff:10.0.0.0/104` is `10.0.0.0/8`), a bare address is one host, and no address of one
/// family matches a CIDR of the other (`::/0` matches no IPv4 peer).
#[derive(Clone, Debug)]
pub struct Rule {
    peers: RangeSet,
    unix: bool,
    reading: Option<Reading>,
    warnings: Vec<String>,
    proxy: bool, // replaced
}

/// A header and how it is read; there is none where the peer itself is the client.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) header: HeaderName,
    pub(crate) method: Method,
}

/// [`Strategy`], with what it needs.
#[derive(Clone, Debug)]
pub(crate) enum Method {
    Ranges(RangeSet),
    /// From 1 to [`MAX_VISITED`].
    Count(usize),
    Single,
}

impl Rule {
    /// A rule for `peers`: CIDRs, bare addresses, and `unix:` for the peers of Unix sockets.
    ///
    /// With [`Strategy::Peer`] no header is read, and `header` may be empty.
    ///
    /// # Errors
    ///
    /// * `peers`: empty, or an entry is no CIDR, or has bits set after its prefix, or is `unix:` where the peer's
    ///   address is asked for;
    /// * `header`: no header name, or one whose format cannot be read yet (`Forwarded`, `CloudFront-Viewer-Address`);
    /// * `strategy`: [`Strategy::Count`] outside 1–64, or [`Strategy::Single`] of a header that is a list.
    pub fn new(
        peers: impl IntoIterator<Item = impl AsRef<str>>,
        header: &str,
        strategy: Strategy,
    ) -> Result<Self, RuleError> {
        let mut unix = false;
        let mut nets = Vec::new();
        for (index, text) in peers.into_iter().enumerate() {
            let text = text.as_ref();
            if text != UNIX {
                nets.push((index, net("peers", index, text)?));
            } else if strategy == Strategy::Peer {
                return Err(RuleError::new(
                    "peers",
                    text,
                    "has no address to take for the client; leave it out, or let a header name the client",
                )
                .at(index));
            } else {
                unix = true;
            }
        }
        if nets.is_empty() && !unix {
            return Err(RuleError::new(
                "peers",
                "",
                "empty; name the proxies that are believed, as CIDRs or \"unix:\"",
            ));
        }
        let peers = RangeSet::new(nets.iter().map(|&(_, net)| net));
        let reading = Reading::new(header, strategy, &peers)?;
        let warnings = match reading {
            Some(_) => broad("peers", &nets),
            None => Vec::new(),
        };
        Ok(Self { peers, unix, reading, warnings, proxy: false })
    }

    // replaced
    /// A rule for peers that begin with a PROXY protocol header.
    ///
    /// # Errors
    ///
    /// `peers`, as in [`Rule::new`].
    pub fn proxy_protocol(peers: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, RuleError> {
        let mut rule = Self::new(peers, "x-unread", Strategy::Single)?;
        (rule.reading, rule.proxy) = (None, true);
        Ok(rule)
    }

    // replaced
    pub(crate) fn is_proxy_protocol(&self) -> bool {
        self.proxy
    }

    /// For [`Strategy::Ranges`]: the proxies further left, in place of the rule's peers. CIDRs and bare addresses.
    ///
    /// Where it is empty, every proxy but the peer is a client. The same is so by default of a rule whose only peer
    /// is `unix:`.
    ///
    /// # Errors
    ///
    /// `trusted`: the strategy is another one, or an entry is no CIDR, or has bits set after its prefix.
    pub fn with_trusted(
        mut self,
        trusted: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, RuleError> {
        let Some(Reading { method: Method::Ranges(ranges), .. }) = &mut self.reading else {
            return Err(RuleError::new(
                "trusted",
                "",
                "read by the strategy \"ranges\" only; leave it out, or change the strategy",
            ));
        };
        let mut nets = Vec::new();
        for (index, text) in trusted.into_iter().enumerate() {
            let text = text.as_ref();
            if text == UNIX {
                let remedy = "is never in a list of addresses; it belongs in peers";
                return Err(RuleError::new("trusted", text, remedy).at(index));
            }
            nets.push((index, net("trusted", index, text)?));
        }
        *ranges = RangeSet::new(nets.iter().map(|&(_, net)| net));
        self.warnings.extend(broad("trusted", &nets));
        Ok(self)
    }

    /// What may well be a mistake, one sentence each: ranges so broad that strangers are trusted.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    pub(crate) fn matches(&self, peer: Peer) -> bool {
        match peer.ip() {
            // What servers put where they know no address is in `0.0.0.0/0`, and still nobody.
            Some(addr) => !addr.is_unspecified() && self.peers.contains(addr),
            None => self.unix && peer == Peer::Unix,
        }
    }

    pub(crate) fn reading(&self) -> Option<&Reading> {
        self.reading.as_ref()
    }
}

impl Reading {
    fn new(header: &str, strategy: Strategy, peers: &RangeSet) -> Result<Option<Self>, RuleError> {
        if strategy == Strategy::Peer && header.is_empty() {
            return Ok(None);
        }
        let header = header_name(header)?;
        let method = match strategy {
            Strategy::Ranges => Method::Ranges(peers.clone()),
            Strategy::Count(n) if n == 0 || usize::from(n) > MAX_VISITED => {
                return Err(RuleError::new(
                    "strategy",
                    format!("count({n})"),
                    format!(
                        "is not within 1–{MAX_VISITED}; say how many trusted proxies append to {header}, 1 for the \
                         peer alone"
                    ),
                ));
            }
            Strategy::Count(n) => Method::Count(n.into()),
            Strategy::Single if header == "x-forwarded-for" => {
                return Err(RuleError::new(
                    "strategy",
                    "single",
                    "cannot read x-forwarded-for, a list that clients may begin; use \"ranges\" or \"count\"",
                ));
            }
            Strategy::Single => Method::Single,
            Strategy::Peer => return Ok(None),
        };
        Ok(Some(Self { header, method }))
    }
}

fn header_name(text: &str) -> Result<HeaderName, RuleError> {
    let refuse = |remedy| Err(RuleError::new("header", text, remedy));
    let Ok(name) = text.parse::<HeaderName>() else {
        return refuse("is not a header name; write one like \"X-Forwarded-For\"");
    };
    match name.as_str() {
        "forwarded" => refuse("is not supported yet; let the proxy write \"X-Forwarded-For\" and name that"),
        // `2001:db8::7:4653` is an address and a port there, and would be read as another address.
        "cloudfront-viewer-address" => refuse(
            "is not supported yet (its IPv6 addresses have a port but no brackets); name \"X-Forwarded-For\"",
        ),
        _ => Ok(name),
    }
}

fn net(field: &'static str, index: usize, text: &str) -> Result<IpNet, RuleError> {
    parse_net(text).map_err(|remedy| RuleError::new(field, text, remedy).at(index))
}

/// Nobody's proxies are a whole /8 of the IPv4 internet, or more than a registry's IPv6 block.
fn broad(field: &str, nets: &[(usize, IpNet)]) -> Vec<String> {
    nets.iter()
        .filter(|(_, net)| net.prefix_len() < if net.addr().is_ipv4() { 8 } else { 16 })
        .map(|(index, net)| {
            format!(
                "{field}[{index}]: \"{net}\" trusts addresses that cannot all be your proxies, and any host among \
                 them can name any client; name the proxies' own ranges"
            )
        })
        .collect()
}

#[cfg(test)]
mod tests;
