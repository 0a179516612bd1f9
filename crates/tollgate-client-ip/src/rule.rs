use http::{HeaderName, HeaderValue};
use ipnet::IpNet;
use tollgate_core::cidr::{parse_cidr, read_as};

use crate::RuleError;
use crate::addr::Addr;
use crate::format::Format;
use crate::managed::is_alias;
use crate::ranges::{Ranges, is_broad};
use crate::required::Required;
use crate::source::{Grammar, Method, Reading, Source, header_name};

/// The token that stands for Unix socket peers in a rule's `peers`.
pub(crate) const UNIX: &str = "unix:";

/// How the client is found among what a trusted peer says.
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
    /// The peer's connections begin with a PROXY protocol header, and whom it names is the peer for the rules behind
    /// this one, else the client.
    ProxyProtocol,
}

/// Which peers are believed, which header they are believed about, and how it is read.
///
/// CIDRs are canonical (`::ffff:10.0.0.0/104` is `10.0.0.0/8`), a bare address is one host, and no address of one
/// family matches a CIDR of the other (`::/0` matches no IPv4 peer).
///
/// A clone shares its ranges with the original.
#[derive(Clone, Debug)]
pub struct Rule {
    peers: Ranges,
    unix: bool,
    source: Source,
    required: Option<Required>,
    warnings: Vec<String>,
}

impl Rule {
    /// A rule for `peers`: CIDRs, bare addresses, and `unix:` for the peers of Unix sockets.
    ///
    /// With [`Strategy::Peer`] and [`Strategy::ProxyProtocol`] no header is read, and `header` may be empty.
    /// `CloudFront-Viewer-Address` is read as [`Format::AddressPort`], any other header as [`Format::Address`].
    ///
    /// # Errors
    ///
    /// * `peers`: empty, or an entry is no CIDR, or is `unix:` where the peer's
    ///   address is asked for;
    /// * `header`: no header name;
    /// * `strategy`: [`Strategy::Count`] outside 1–64, or [`Strategy::Single`] of a header that is a list.
    pub fn new(
        peers: impl IntoIterator<Item = impl AsRef<str>>,
        header: &str,
        strategy: Strategy,
    ) -> Result<Self, RuleError> {
        let mut unix = false;
        let (mut nets, mut warnings) = (Vec::new(), Vec::new());
        for (index, text) in peers.into_iter().enumerate() {
            let text = text.as_ref();
            if text != UNIX {
                nets.push(net("peers", index, text, &mut warnings)?);
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
        let peers = Ranges::of(&nets, None);
        let source = Source::new(header, strategy, &peers)?;
        // Of peers that are believed about nothing there cannot be too many.
        if !matches!(source, Source::Peer) {
            warnings.extend(broad("peers", &nets, &peers));
        }
        Ok(Self { peers, unix, source, required: None, warnings })
    }

    /// A rule for peers whose connections begin with a PROXY protocol header, as those of HAProxy's `send-proxy` and
    /// `send-proxy-v2` and of an AWS NLB do. Short for [`Strategy::ProxyProtocol`].
    ///
    /// # Errors
    ///
    /// `peers`, as with [`new`](Self::new).
    pub fn proxy_protocol(peers: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, RuleError> {
        Self::new(peers, "", Strategy::ProxyProtocol)
    }

    /// For [`Strategy::Ranges`]: the proxies further left, in place of the rule's peers. CIDRs and bare addresses.
    ///
    /// Where it is empty, every proxy but the peer is a client. The same is so by default of a rule whose only peer
    /// is `unix:`.
    ///
    /// # Errors
    ///
    /// `trusted`: the strategy is another one, or an entry is no CIDR.
    pub fn with_trusted(
        mut self,
        trusted: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, RuleError> {
        let Source::Header(Reading { method: Method::Ranges(further_left), .. }) = &mut self.source else {
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
            nets.push(net("trusted", index, text, &mut self.warnings)?);
        }
        *further_left = Ranges::of(&nets, None);
        self.warnings.extend(broad("trusted", &nets, further_left));
        Ok(self)
    }

    /// How the header's addresses are written.
    ///
    /// # Errors
    ///
    /// `format`: the rule reads `Forwarded`, or no header, or [`Format::Address`] is asked of
    /// `CloudFront-Viewer-Address`.
    pub fn with_format(mut self, format: Format) -> Result<Self, RuleError> {
        let refuse = |remedy| Err(RuleError::new("format", "", remedy));
        match &mut self.source {
            Source::Header(Reading {
                grammar: Grammar::One(known) | Grammar::Entries(known),
                header,
                ..
            }) => {
                if format == Format::Address && Grammar::of(header) == Grammar::Entries(Format::AddressPort) {
                    return refuse(
                        "CloudFront-Viewer-Address has ports: write \"address_port\", or leave it out",
                    );
                }
                *known = format;
                Ok(self)
            }
            Source::Header(_) => refuse("Forwarded has a format of its own; leave it out"),
            Source::Peer | Source::ProxyProtocol => refuse("no header is read; leave it out"),
        }
    }

    /// Believes only peers that send this header once, with this value: the proof that a proxy of a provider's ranges
    /// is yours, and not another customer's. Azure Front Door's `X-Azure-FDID`, or a secret that your CDN adds.
    ///
    /// The header is taken from every request before it goes on. The value is compared in constant time.
    ///
    /// # Errors
    ///
    /// `required`: no header name, the value is empty or cannot stand in a header, the header is the one that is read,
    /// or no header is read.
    pub fn with_required_header(mut self, header: &str, value: &str) -> Result<Self, RuleError> {
        let refuse = |value: &str, remedy| Err(RuleError::new("required", value, remedy));
        let Source::Header(reading) = &self.source else {
            return refuse(header, "has no effect where no header is read; leave it out");
        };
        let Some(name) = header_name(header) else {
            return refuse(
                header,
                "is not the name of a header that could prove anything; write one like \"X-Azure-FDID\"",
            );
        };
        if is_alias(name, reading.header) {
            return refuse(header, "is the header that is read; name the one that proves whose proxy it is");
        }
        // The value may be a secret, and stays out of the error.
        match HeaderValue::from_str(value.trim_matches([' ', '\t'])) {
            Ok(value) if !value.is_empty() => self.required = Some(Required::new(name, &value)),
            _ => return refuse("", "the value is empty, or cannot stand in a header"),
        }
        Ok(self)
    }

    /// The peers, to be replaced at run time.
    #[must_use]
    pub fn peers(&self) -> &Ranges {
        &self.peers
    }

    /// For [`Strategy::Ranges`]: the proxies further left, to be replaced at run time. Without
    /// [`with_trusted`](Self::with_trusted) they are the [`peers`](Self::peers).
    #[must_use]
    pub fn trusted(&self) -> Option<&Ranges> {
        match &self.source {
            Source::Header(Reading { method: Method::Ranges(ranges), .. }) => Some(ranges),
            _ => None,
        }
    }

    /// The header the rule reads; none where it reads no header.
    #[must_use]
    pub fn header(&self) -> Option<&'static HeaderName> {
        self.reading().map(|reading| reading.header)
    }

    /// How it finds the client.
    #[must_use]
    pub fn strategy(&self) -> Strategy {
        match &self.source {
            Source::Peer => Strategy::Peer,
            Source::ProxyProtocol => Strategy::ProxyProtocol,
            Source::Header(reading) => match &reading.method {
                Method::Ranges(_) => Strategy::Ranges,
                // From a `Count`, so that it fits.
                Method::Count(n) => Strategy::Count(u8::try_from(*n).unwrap_or(u8::MAX)),
                Method::Single => Strategy::Single,
            },
        }
    }

    /// What may well be a mistake, one sentence each: ranges so broad that strangers are trusted, bits behind a prefix.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    /// Whether a peer of this address is one of its; none is a Unix socket.
    pub(crate) fn matches(&self, addr: Option<Addr>) -> bool {
        match addr {
            Some(addr) => self.peers.load().set.contains_bits(addr.bits()),
            None => self.unix,
        }
    }

    /// Whether every peer of the other is one of its.
    pub(crate) fn takes_all_of(&self, other: &Self) -> bool {
        (self.unix || !other.unix) && self.peers.load().set.contains_all(&other.peers.load().set)
    }

    pub(crate) fn is_proxy_protocol(&self) -> bool {
        matches!(self.source, Source::ProxyProtocol)
    }

    pub(crate) fn reading(&self) -> Option<&Reading> {
        match &self.source {
            Source::Header(reading) => Some(reading),
            Source::Peer | Source::ProxyProtocol => None,
        }
    }

    pub(crate) fn required(&self) -> Option<&Required> {
        self.required.as_ref()
    }
}

fn net(
    field: &'static str,
    index: usize,
    text: &str,
    warnings: &mut Vec<String>,
) -> Result<IpNet, RuleError> {
    let net = parse_cidr(text).map_err(|remedy| RuleError::new(field, text, remedy).at(index))?;
    if let Some(reading) = read_as(text, &net) {
        warnings.push(format!("{field}[{index}]: \"{text}\" {reading}"));
    }
    Ok(net)
}

/// That strangers are trusted: by one range, or by all of them together.
fn broad(field: &str, nets: &[IpNet], ranges: &Ranges) -> Vec<String> {
    let many = "addresses that cannot all be your proxies, and any host among them can name any client; name the \
                proxies' own ranges";
    let told = nets.iter().filter(|net| is_broad(net));
    let told: Vec<_> = told.map(|net| format!("{field}: \"{net}\" trusts {many}")).collect();
    if told.is_empty() && ranges.load().is_a_great_part_of_the_internet() {
        return vec![format!("{field}: trust a sixteenth of all IPv4 addresses or more, {many}")];
    }
    told
}

#[cfg(test)]
mod tests;
