use std::net::IpAddr;
use std::time::Duration;

/// One line of the log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// When it happened, since the Unix epoch. The log holds milliseconds.
    pub(crate) at: Duration,
    /// What happened.
    pub(crate) kind: Kind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "they are read one by one, and a box for each send costs more")]
pub(crate) enum Kind {
    /// Somebody wanted a message sent.
    Send(Send),
    /// Something became of a message.
    Outcome {
        /// The send's `id`.
        id: String,
        /// What became of it.
        outcome: LoggedOutcome,
    },
}

/// A message that somebody wanted sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Send {
    /// By which its outcomes name it.
    pub(crate) id: String,
    /// Who asked; none where nobody was told, such as a job of the sender's own.
    pub(crate) client_ip: Option<IpAddr>,
    /// The phone number, as it was written.
    pub(crate) destination: String,
    /// The country that a national number is of: ISO 3166-1 alpha-2.
    pub(crate) country: Option<String>,
    /// How it is sent: `sms` where the log says nothing.
    pub(crate) channel: String,
    /// The use case: `otp` where the log says nothing.
    pub(crate) profile: String,
    /// The asking side's session.
    pub(crate) session: Option<String>,
    /// The asking side's user.
    pub(crate) user: Option<String>,
    /// The asking side's `User-Agent`.
    pub(crate) user_agent: Option<String>,
    /// What it costs, in the currency of the price list; not negative.
    pub(crate) price: Option<f64>,
    /// What it really was. For scoring alone: no guard sees it.
    pub(crate) label: Option<Label>,
    /// The number's keyed hash, where the last digits of `destination` are permuted.
    pub(crate) number: Option<String>,
    /// The network it was asked for from.
    pub(crate) asn: Option<u32>,
    /// Whether the app's trap for machines caught it.
    pub(crate) trap: bool,
}

/// What a send really was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    /// A person waits for it.
    Legit,
    /// Nobody does, or somebody who should not.
    Fraud,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LoggedOutcome {
    /// The code was entered.
    Verified,
    /// Another code was entered.
    WrongCode,
    /// A delivery receipt with this state, such as `delivered` or `undelivered`.
    Delivery(String),
}

/// The delivery state of a message that was never sent: it counts nowhere.
pub(crate) const NOT_SENT: &str = "not_sent";
/// The channel of a send that names none.
pub(super) const CHANNEL: &str = "sms";
/// The profile of a send that names none.
pub(super) const PROFILE: &str = "otp";

impl Label {
    /// As the log has it: `legit`, `fraud`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Legit => "legit",
            Self::Fraud => "fraud",
        }
    }
}
