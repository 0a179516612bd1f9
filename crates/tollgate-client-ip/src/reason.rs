use std::fmt;

use http::HeaderName;

use crate::walk::MAX_VISITED;

/// How much of what a header held is shown, in bytes before escaping.
const EVIDENCE: usize = 40;

/// Why the chain does not say who asks. It is displayed as a sentence, with the remedy; by `{:#}` without what headers
/// held and which header is the proof, for strangers.
///
/// An `index` counts the list's non-empty entries from the right; 0 is the last.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The trusted peer sent no such header, or an empty list.
    #[non_exhaustive]
    HeaderMissing {
        /// What the rule reads.
        header: &'static HeaderName,
    },
    /// An entry that had to be read is no address of a host.
    #[non_exhaustive]
    MalformedEntry {
        /// What the rule reads.
        header: &'static HeaderName,
        /// From the right.
        index: usize,
        /// The entry.
        text: Evidence,
    },
    /// An entry that had to be read hides its address: `unknown` or `_name` (RFC 7239 §6.3).
    #[non_exhaustive]
    Obfuscated {
        /// What the rule reads.
        header: &'static HeaderName,
        /// From the right.
        index: usize,
        /// The entry.
        text: Evidence,
    },
    /// An entry that had to be read is `0.0.0.0` or `::`.
    #[non_exhaustive]
    Unspecified {
        /// What the rule reads.
        header: &'static HeaderName,
        /// From the right.
        index: usize,
        /// The entry.
        text: Evidence,
    },
    /// Every entry is a trusted proxy.
    #[non_exhaustive]
    AllTrusted {
        /// What the rule reads.
        header: &'static HeaderName,
        /// How many entries there are.
        entries: usize,
    },
    /// Fewer entries than proxies that append one: somebody went round a proxy.
    #[non_exhaustive]
    ChainTooShort {
        /// What the rule reads.
        header: &'static HeaderName,
        /// How many entries there are.
        entries: usize,
        /// How many the rule counts on.
        count: usize,
    },
    /// No client among the last 64 elements.
    #[non_exhaustive]
    TooManyEntries {
        /// What the rule reads.
        header: &'static HeaderName,
    },
    /// A header of one address came more than once.
    #[non_exhaustive]
    RepeatedHeader {
        /// What the rule reads.
        header: &'static HeaderName,
    },
    /// A `Forwarded` line that had to be read is not what RFC 7239 §4 says such a line is.
    #[non_exhaustive]
    ForwardedSyntax {
        /// Which line, from the last; 0 is the last.
        line: usize,
        /// Where in the line, in bytes from its start.
        at: usize,
        /// What stands there.
        text: Evidence,
    },
    /// The header that proves whose proxy the peer is, is missing, repeated or wrong.
    #[non_exhaustive]
    RequiredHeader {
        /// The header that the rule requires.
        header: &'static HeaderName,
    },
    /// The rule expects the peer's connections to begin with a PROXY protocol header, and the server read none.
    ProxyHeaderMissing,
    /// The connection began with a PROXY protocol header, and no rule believes its peer about that.
    ProxyHeaderUnexpected,
    /// The PROXY protocol header of a peer that is believed does not say whose connection it is, or names an address that
    /// no host has.
    ProxySourceUnknown,
    /// The server did not say who is connected, or said `0.0.0.0` or `::`.
    NoPeer,
    /// The peer is a Unix socket, which has no address, and no rule matches it.
    UnixPeer,
}

impl Reason {
    /// The reason's name in snake case, as in metrics and logs.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::HeaderMissing { .. } => "header_missing",
            Self::MalformedEntry { .. } => "malformed_entry",
            Self::Obfuscated { .. } => "obfuscated",
            Self::Unspecified { .. } => "unspecified",
            Self::AllTrusted { .. } => "all_trusted",
            Self::ChainTooShort { .. } => "chain_too_short",
            Self::TooManyEntries { .. } => "too_many_entries",
            Self::RepeatedHeader { .. } => "repeated_header",
            Self::ForwardedSyntax { .. } => "forwarded_syntax",
            Self::RequiredHeader { .. } => "required_header",
            Self::ProxyHeaderMissing => "proxy_header_missing",
            Self::ProxyHeaderUnexpected => "proxy_header_unexpected",
            Self::ProxySourceUnknown => "proxy_source_unknown",
            Self::NoPeer => "no_peer",
            Self::UnixPeer => "unix_peer",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let for_strangers = f.alternate();
        let entry = |f: &mut fmt::Formatter<'_>, header: &HeaderName, index: usize, text: &Evidence| {
            write!(f, "{header}, entry {index} from the right (0 is the last)")?;
            if for_strangers { Ok(()) } else { write!(f, ": \"{text}\"") }
        };
        match self {
            Self::HeaderMissing { header } => write!(
                f,
                "{header}: missing or empty, though the peer is trusted to send it; let the proxy set it, and do not \
                 trust peers that are not proxies"
            ),
            Self::MalformedEntry { header, index, text } => {
                entry(f, header, *index, text)?;
                f.write_str(" is not a host's address; correct the trusted proxy that wrote it")
            }
            Self::Obfuscated { header, index, text } => {
                entry(f, header, *index, text)?;
                f.write_str(" hides the address; let the trusted proxy that wrote it write addresses")
            }
            Self::Unspecified { header, index, text } => {
                entry(f, header, *index, text)?;
                f.write_str(" is no host; correct the trusted proxy that wrote it")
            }
            Self::AllTrusted { header, entries } => write!(
                f,
                "{header}: every one of its {entries} entries is a trusted proxy; narrow the trusted ranges if the \
                 client is inside them"
            ),
            Self::ChainTooShort {
                header,
                entries,
                count,
            } => write!(
                f,
                "{header}: {entries} entries where {count} proxies append one; let nobody go round a proxy, or correct \
                 the count"
            ),
            Self::TooManyEntries { header } => write!(
                f,
                "{header}: no client among the last {MAX_VISITED} entries; let the first trusted proxy drop what \
                 clients send"
            ),
            Self::RepeatedHeader { header } => write!(
                f,
                "{header}: there more than once; let the trusted proxy overwrite what the client sent"
            ),
            Self::ForwardedSyntax { line, at, text } => {
                write!(f, "forwarded, line {line} from the last (0 is the last): not RFC 7239 at byte {at}")?;
                if !for_strangers {
                    write!(f, ", \"{text}\"")?;
                }
                f.write_str("; let the trusted proxy check what it appends to")
            }
            Self::RequiredHeader { .. } if for_strangers => {
                f.write_str("the peer is not known to be one of this server's proxies")
            }
            Self::RequiredHeader { header } => write!(
                f,
                "{header}: not what the rule requires, so the peer is somebody's proxy and not known to be yours; let \
                 your proxy send it"
            ),
            Self::ProxyHeaderMissing => f.write_str(
                "no PROXY protocol header was read from a peer whose connections begin with one; if it became such a peer \
                 a moment ago, let it connect anew; in a server of your own, accept with ProxyListener",
            ),
            Self::ProxyHeaderUnexpected => f.write_str(
                "the connection began with a PROXY protocol header, and no rule believes its peer about that; give the \
                 layer the rules that the listener has",
            ),
            Self::ProxySourceUnknown => f.write_str(
                "the PROXY protocol header does not say whose connection it is (UNKNOWN, or an address that no host has); \
                 let the proxy pass on TCP over IP only",
            ),
            Self::NoPeer => f.write_str(
                "no peer address from the server; with axum (feature \"axum\") serve \
                 into_make_service_with_connect_info::<Peer>(), with tonic (feature \"tonic\") use its own \
                 server, elsewhere insert tollgate_core::Peer into each request's extensions",
            ),
            Self::UnixPeer => f.write_str(
                "the peer is a Unix socket, which has no address, and nothing that is believed names the client; add \
                 \"unix:\" to the peers of the rule that names its proxy's header",
            ),
        }
    }
}

/// What a header held, as evidence: displayed escaped to ASCII, so that it can stand in a log line.
///
/// Cut to 40 bytes, and kept in place: an answer that costs memory would be one more thing to attack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    bytes: [u8; EVIDENCE],
    length: u8,
    cut: bool,
}

impl Evidence {
    pub(crate) fn of(text: &[u8]) -> Self {
        let mut bytes = [0; EVIDENCE];
        let length = bytes.iter_mut().zip(text).map(|(to, from)| *to = *from).count();
        Self { bytes, length: u8::try_from(length).unwrap_or_default(), cut: text.len() > EVIDENCE }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.bytes.get(..self.length.into()).unwrap_or_default();
        write!(f, "{}{}", shown.escape_ascii(), if self.cut { "..." } else { "" })
    }
}

impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_cut_and_cannot_break_a_log_line() {
        let shown = |text: &[u8]| Evidence::of(text).to_string();
        assert_eq!(shown(b"a\"\n\xff"), "a\\\"\\n\\xff");
        assert_eq!(shown(&[b'a'; 40]), "a".repeat(40));
        assert_eq!(shown(&[b'a'; 9000]), format!("{}...", "a".repeat(40)));
    }
}
