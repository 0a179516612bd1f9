use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

/// Why a connection that has to begin with a PROXY protocol header was ended. It is displayed as a sentence, with the
/// remedy; no address is in it.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProxyHeaderError {
    /// It began with something else, or ended before its first byte.
    Missing,
    /// It began with the signature of version 1 or 2, and what came behind it is no header.
    #[non_exhaustive]
    Malformed {
        /// What is wrong with it: the rest of a sentence that starts with "the PROXY header".
        what: &'static str,
    },
    /// The header is longer than any that a proxy has to write.
    #[non_exhaustive]
    TooLong {
        /// How long it may be, in bytes: 107 in version 1 and 4112 in version 2.
        limit: usize,
    },
    /// The header was not complete in time.
    #[non_exhaustive]
    TimedOut {
        /// How long it may take.
        after: Duration,
    },
    /// The connection broke.
    Io(io::Error),
}

impl ProxyHeaderError {
    /// The error's name in snake case, as in metrics and logs.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed { .. } => "malformed",
            Self::TooLong { .. } => "too_long",
            Self::TimedOut { .. } => "timed_out",
            Self::Io(_) => "io",
        }
    }
}

impl fmt::Display for ProxyHeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str(
                "the peer is trusted to begin with a PROXY header and did not; turn it on in the proxy (HAProxy: \
                 send-proxy-v2), or take the peer out of the rule's peers",
            ),
            Self::Malformed { what } => {
                write!(f, "the PROXY header {what}; correct the proxy that wrote it, or what stands before it")
            }
            Self::TooLong { limit } => write!(
                f,
                "the PROXY header is longer than {limit} bytes; let the proxy send fewer or shorter TLVs"
            ),
            Self::TimedOut { after } => write!(
                f,
                "the PROXY header was not complete after {after:?}; let the proxy send it as soon as it connects, or \
                 allow more time"
            ),
            Self::Io(error) => {
                write!(f, "the connection broke before the PROXY header was complete: {error}")
            }
        }
    }
}

impl Error for ProxyHeaderError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for ProxyHeaderError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
