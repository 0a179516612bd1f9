use std::net::IpAddr;
use std::time::Duration;

use super::record::record;
use super::state::seconds;
use super::{Asn, Caller, Country, Facts, Money, Profile, Reading};

/// One destination that somebody wants a message sent to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// The number, as far as it could be read: [`Policy::read`](super::Policy::read).
    pub reading: Reading,
    /// The use case it belongs to.
    pub profile: Profile,
    /// What would carry it.
    pub channel: Channel,
    /// Who asks, as the trusted chain vouches for; `None` where nobody does.
    pub client_ip: Option<IpAddr>,
    /// Who asks, as the app knows him.
    pub caller: Caller,
    /// The network the client's address is of, where the app knows it.
    pub asn: Option<Asn>,
    /// Whether it can go over another channel: a verification can, the text of an SMS cannot.
    pub can_shift: bool,
    /// Whether a challenge was solved for this very attempt.
    pub proven: bool,
    /// What it costs, where that is known better than the [prices](super::Prices) do.
    pub price: Option<Money>,
    /// What somebody else knows of the number; `None` where nobody was asked.
    pub facts: Option<Facts>,
    /// Whether it goes out in one request with an attempt that was judged before it: 8x8's rate counts requests.
    pub batched: bool,
    /// Whether a trap for machines caught it: a hidden field was filled, or the form came faster than a person can.
    pub trap: bool,
}

impl Attempt {
    /// An attempt by SMS, from nobody known, without a challenge solved.
    #[must_use]
    pub const fn new(reading: Reading, profile: Profile) -> Self {
        Self {
            reading,
            profile,
            channel: Channel::Sms,
            client_ip: None,
            caller: Caller::new(),
            asn: None,
            can_shift: true,
            proven: false,
            price: None,
            facts: None,
            batched: false,
            trap: false,
        }
    }

    /// The same, asked for by this client.
    #[must_use]
    pub const fn from_client(mut self, client_ip: Option<IpAddr>) -> Self {
        self.client_ip = client_ip;
        self
    }

    /// The same, caught by a trap for machines.
    #[must_use]
    pub const fn trapped(mut self) -> Self {
        self.trap = true;
        self
    }

    /// The same, asked for by this session or user.
    #[must_use]
    pub fn by(mut self, caller: Caller) -> Self {
        self.caller = caller;
        self
    }

    /// The same, from an address of this network.
    #[must_use]
    pub const fn in_network(mut self, asn: Option<Asn>) -> Self {
        self.asn = asn;
        self
    }

    /// The same over another channel.
    #[must_use]
    pub const fn over(mut self, channel: Channel) -> Self {
        self.channel = channel;
        self
    }

    /// The same at a price of its own.
    #[must_use]
    pub const fn priced(mut self, price: Option<Money>) -> Self {
        self.price = price;
        self
    }
}

/// What carries a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Channel {
    /// A text message: the operator of the number is paid.
    #[default]
    Sms,
    /// A voice call: the operator is paid more.
    Call,
    /// WhatsApp: nobody at the number's end is paid.
    WhatsApp,
    /// Viber: the same.
    Viber,
    /// Silent mobile authentication.
    Sma,
}

impl Channel {
    /// The channel's name, as 8x8 spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Call => "call",
            Self::WhatsApp => "whatsapp",
            Self::Viber => "viber",
            Self::Sma => "sma",
        }
    }

    /// The channel of a name, in any letter case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Sms, Self::Call, Self::WhatsApp, Self::Viber, Self::Sma]
            .into_iter()
            .find(|channel| channel.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether whoever owns the number range earns by it.
    #[must_use]
    pub const fn pays_the_range(self) -> bool {
        matches!(self, Self::Sms | Self::Call)
    }
}

/// What became of a message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The code was given back: somebody read the message.
    Verified,
    /// A wrong code was given.
    WrongCode,
    /// The operator says it was delivered. It proves nothing: fraudulent ranges say so of everything.
    Delivered,
    /// It was not delivered, or the time for the code is over.
    Undelivered,
    /// 8x8 or the operator refused it.
    Rejected,
}

/// What ties an outcome to its send: hashes under the guard's secret, and nothing finer than a 1k range in the clear.
#[derive(Clone, Copy, Debug)]
#[must_use = "an attempt that is not sent after all has to be forgotten"]
pub struct Charge {
    /// The number, as a keyed hash.
    pub(crate) number: u64,
    /// The same among those that were verified.
    pub(super) confirmed: u64,
    /// All but its last three digits.
    pub(super) range: u64,
    /// How many of its digits follow the calling code.
    pub(super) national: u8,
    pub(super) country: Country,
    pub(super) profile: Profile,
    /// The client's hashes, narrow and wide; 0 where it is not known.
    pub(super) client: [u64; 2],
    /// The session's and the user's hashes; 0 where there is none.
    pub(super) caller: [u64; 2],
    /// The hashes of the client's network and of the number's operator; 0 where it is not known.
    pub(super) network: u64,
    pub(super) operator: u64,
    /// When, in milliseconds of the engine's time.
    pub(super) at: u64,
    /// Which levels it counts in (bits), from the narrowest range to the tenant.
    pub(super) counted: u16,
    /// What it costs.
    pub(super) price: Money,
    /// Where that counts (bits): the levels of ranges, and the country.
    pub(super) paid: u8,
}

record!(Charge {
    number: u64,
    confirmed: u64,
    range: u64,
    national: u8,
    country: Country,
    profile: Profile,
    client: [u64; 2],
    caller: [u64; 2],
    network: u64,
    operator: u64,
    at: u64,
    counted: u16,
    price: Money,
    paid: u8,
});

impl Charge {
    /// When, in seconds of the engine's time.
    pub(super) fn second(&self) -> u32 {
        seconds(Duration::from_millis(self.at))
    }
}
