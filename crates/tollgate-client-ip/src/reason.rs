use std::fmt;

use http::HeaderName;

use crate::walk::MAX_VISITED;

/// How much of an entry is shown as evidence, in bytes before escaping.
const EVIDENCE: usize = 64;

/// Why the chain does not say who asks. It is displayed as a sentence, with the remedy.
///
/// An `index` counts the list's non-empty entries from the right; 0 is the last. A `text` is what the entry holds,
/// cut to 64 bytes and escaped to ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The trusted peer sent no such header, or an empty list.
    #[non_exhaustive]
    HeaderMissing {
        /// What the rule reads.
        header: HeaderName,
    },
    /// An entry that had to be read is no address of a host.
    #[non_exhaustive]
    MalformedEntry {
        /// What the rule reads.
        header: HeaderName,
        /// From the right.
        index: usize,
        /// The entry.
        text: String,
    },
    /// An entry that had to be read hides its address: `unknown` or `_name` (RFC 7239 §6.3).
    #[non_exhaustive]
    Obfuscated {
        /// What the rule reads.
        header: HeaderName,
        /// From the right.
        index: usize,
        /// The entry.
        text: String,
    },
    /// An entry that had to be read is `0.0.0.0` or `::`.
    #[non_exhaustive]
    Unspecified {
        /// What the rule reads.
        header: HeaderName,
        /// From the right.
        index: usize,
        /// The entry.
        text: String,
    },
    /// Every entry is a trusted proxy.
    #[non_exhaustive]
    AllTrusted {
        /// What the rule reads.
        header: HeaderName,
        /// How many entries there are.
        entries: usize,
    },
    /// Fewer entries than proxies that append one: somebody went round a proxy.
    #[non_exhaustive]
    ChainTooShort {
        /// What the rule reads.
        header: HeaderName,
        /// How many entries there are.
        entries: usize,
        /// How many the rule counts on.
        count: usize,
    },
    /// No client among the last 64 elements.
    #[non_exhaustive]
    TooManyEntries {
        /// What the rule reads.
        header: HeaderName,
    },
    /// A header of one address came more than once.
    #[non_exhaustive]
    RepeatedHeader {
        /// What the rule reads.
        header: HeaderName,
    },
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
            Self::NoPeer => "no_peer",
            Self::UnixPeer => "unix_peer",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderMissing { header } => write!(
                f,
                "{header}: missing or empty, though the peer is trusted to send it; let the proxy set it, and do not \
                 trust peers that are not proxies"
            ),
            Self::MalformedEntry { header, index, text } => write!(
                f,
                "{header}, entry {index} from the right (0 is the last): \"{text}\" is not a host's address; correct the trusted proxy that wrote it"
            ),
            Self::Obfuscated { header, index, text } => write!(
                f,
                "{header}, entry {index} from the right (0 is the last): \"{text}\" hides the address; let the trusted proxy that wrote it write addresses"
            ),
            Self::Unspecified { header, index, text } => write!(
                f,
                "{header}, entry {index} from the right (0 is the last): \"{text}\" is no host; correct the trusted proxy that wrote it"
            ),
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
            Self::NoPeer => f.write_str(
                "no peer address from the server; with axum (feature \"axum\") serve \
                 into_make_service_with_connect_info::<SocketAddr>(), with tonic (feature \"tonic\") use its own \
                 server, elsewhere insert tollgate_core::Peer into each request's extensions",
            ),
            Self::UnixPeer => f.write_str(
                "the peer is a Unix socket, which has no address, and no rule matches it; add \"unix:\" to the peers \
                 of the rule that names its proxy's header",
            ),
        }
    }
}

/// An entry as evidence: cut, and escaped to ASCII, so that it can stand in a log line.
pub(crate) fn evidence(entry: &[u8]) -> String {
    match entry.get(..EVIDENCE) {
        Some(start) if entry.len() > EVIDENCE => format!("{}...", start.escape_ascii()),
        _ => entry.escape_ascii().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_cut_and_cannot_break_a_log_line() {
        assert_eq!(evidence(b"a\"\n\xff"), "a\\\"\\n\\xff");
        assert_eq!(evidence(&[b'a'; 64]), "a".repeat(64));
        assert_eq!(evidence(&[b'a'; 9000]), format!("{}...", "a".repeat(64)));
    }
}
