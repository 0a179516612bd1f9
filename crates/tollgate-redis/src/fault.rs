use std::fmt;

use redis::{ErrorKind, RedisError};

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The server is given up for the moment: it was not asked.
    Away,
    /// No answer within the deadline. It may have done what it was asked.
    Late,
    /// The connection was lost. It may have done what it was asked.
    Lost,
    /// No connection can be made, and why.
    Unreachable(String),
    /// The server answered with this error (`OOM …`, `READONLY …`, `NOPERM …`), and did nothing.
    Refused(String),
    /// The server's answer was none to this question.
    Garbage,
}

impl Fault {
    pub(crate) fn of(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Self::Garbage,
            // It answered WRONGPASS or the like while the connection was made.
            ErrorKind::AuthenticationFailed => Self::Refused(
                "WRONGPASS: the user is not there or off, or this is not its password".to_owned(),
            ),
            _ if error.is_timeout() => Self::Late,
            _ => match error.code() {
                Some(code) => Self::Refused(short(&match error.detail() {
                    Some(detail) => format!("{code} {detail}"),
                    None => code.to_owned(),
                })),
                None => Self::Lost,
            },
        }
    }

    /// The same of an error while a connection is made.
    pub(crate) fn of_connecting(error: &RedisError) -> Self {
        match Self::of(error) {
            Self::Late => Self::slow_to_connect(),
            Self::Lost => Self::Unreachable(short(&format!("{error} (do both ends mean TLS, or neither?)"))),
            Self::Garbage => Self::Unreachable(short(&format!("{error} (is that a Redis?)"))),
            fault => fault,
        }
    }

    pub(crate) fn slow_to_connect() -> Self {
        Self::Unreachable("no answer within a second (do both ends mean TLS, or neither?)".to_owned())
    }

    /// The connection is of no use any more: lost, out of step, or to a server that is no master now.
    pub(crate) fn is_for_good(&self) -> bool {
        match self {
            Self::Lost | Self::Unreachable(_) | Self::Garbage => true,
            Self::Refused(error) => error.starts_with("READONLY"),
            Self::Away | Self::Late => false,
        }
    }

    /// It may have done what it was asked.
    #[cfg(feature = "rate-limit")]
    pub(crate) fn is_doubtful(&self) -> bool {
        !matches!(self, Self::Away | Self::Refused(_))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Away => "away",
            Self::Late => "late",
            Self::Lost | Self::Unreachable(_) => "lost",
            Self::Refused(_) => "refused",
            Self::Garbage => "garbage",
        }
    }
}

/// What its user has to be allowed.
const RIGHTS: &str = "the user needs +evalsha +eval +mget +set +pttl +time on ~tollgate1:*, and for a guard also +xadd +xread \
                      +pexpire +del";

/// In a script, servers do not say which command it was.
fn is_denied(error: &str) -> bool {
    error.starts_with("NOPERM") || error.contains("can't run this command")
}

/// What a server says may be long, and of more than one line.
fn short(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(200).collect()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away => f.write_str("given up for the moment"),
            Self::Late => f.write_str("no answer within the deadline"),
            Self::Lost => f.write_str("connection lost"),
            Self::Unreachable(why) => write!(f, "no connection can be made: {why}"),
            Self::Refused(error) if is_denied(error) => write!(f, "it answered {error} ({RIGHTS})"),
            Self::Refused(error) => write!(f, "it answered {error}"),
            Self::Garbage => f.write_str("its answer made no sense"),
        }
    }
}

impl std::error::Error for Fault {}
