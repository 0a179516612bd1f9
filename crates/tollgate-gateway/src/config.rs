//! `tollgate.toml`: its shape, its defaults, and what it is built into.

mod build;
mod dispatch;
mod duration;
mod entry;
mod memory;
mod number_lookup;
mod parse;
mod prices;
mod problem;
mod profile;
mod pump_guard;
mod state;
mod traffic_log;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use tollgate::client_ip;
use tollgate::rate_limit::{self, Quota};

pub use build::Built;
pub use dispatch::{Below, CodeLength, PartialBatches};
pub use duration::Span;
pub use entry::{Action, Entry};
pub use memory::Memory;
pub use number_lookup::{LookupKind, NumberLookup};
pub use prices::{CallPrices, Prices};
pub use problem::{Problem, Problems};
pub use profile::{Like, Profile};
pub use pump_guard::{Preset, PumpGuard};
pub use state::{ServerUrl, State};
pub use traffic_log::TrafficLog;

/// A configuration as it is written. Every table may be left out; an empty one means the defaults.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the gateway listens, and what it takes.
    pub listen: Listen,
    /// Who the client is.
    pub client_ip: client_ip::Config,
    /// Who is never limited, and who is always refused.
    pub clients: Clients,
    /// How often it may ask.
    pub rate_limit: Vec<RateLimit>,
    /// Whether a message goes to a person.
    pub pump_guard: PumpGuard,
    /// How 8x8 is told the client IP.
    pub injector: Injector,
    /// Where 8x8 is.
    pub upstream: Upstream,
    /// What is kept.
    pub state: State,
    /// What is written down of the traffic.
    pub traffic_log: TrafficLog,
}

/// One limit of 10 dispatches a minute, one of 100 a day; every other table's defaults.
impl Default for Config {
    fn default() -> Self {
        let limit = |name: &str, requests, per| RateLimit {
            name: name.to_owned(),
            matches: Match::Dispatch,
            requests,
            per: Span::from_secs(per),
            burst: None,
            mode: Mode::Enforce,
            headers: Headers::Refused,
        };
        Self {
            listen: Listen::default(),
            client_ip: client_ip::Config::default(),
            clients: Clients::default(),
            rate_limit: vec![limit("per-minute", 10, 60), limit("per-day", 100, 86_400)],
            pump_guard: PumpGuard::default(),
            injector: Injector::default(),
            upstream: Upstream::default(),
            state: State::default(),
            traffic_log: TrafficLog::default(),
        }
    }
}

/// `[listen]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// Where the gateway serves. Default `127.0.0.1:8080`.
    pub gateway: SocketAddr,
    /// Where the admin page and `/metrics` are. Default `127.0.0.1:8081`.
    pub admin: SocketAddr,
    /// The environment variable that holds the token callers must send as `Authorization: Bearer …`.
    pub caller_token_env: String,
    /// The environment variable with the `httpAuthorization` of 8x8's delivery receipts, which are taken at
    /// `/webhooks/8x8`. Empty: none are.
    pub webhook_secret_env: String,
    /// The largest body of a dispatch, in bytes. Default 8 MiB.
    pub max_body: usize,
    /// How long a request's body may take to arrive. Default `30s`.
    pub body_timeout: Span,
    /// How many connections at once. Default 10,000.
    pub max_connections: usize,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            gateway: (Ipv4Addr::LOCALHOST, 8080).into(),
            admin: (Ipv4Addr::LOCALHOST, 8081).into(),
            caller_token_env: String::new(),
            webhook_secret_env: String::new(),
            max_body: 8 << 20,
            body_timeout: Span::from_secs(30),
            max_connections: 10_000,
        }
    }
}

/// `[clients]`
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Clients {
    /// These are never limited: CIDRs and addresses.
    pub allow: Vec<String>,
    /// These are refused whatever they ask for; goes before `allow`.
    pub deny: Vec<String>,
}

/// `[[rate_limit]]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Its name in answers and metrics.
    pub name: String,
    /// What it counts. Default `dispatch`.
    #[serde(default, rename = "match")]
    pub matches: Match,
    /// So many …
    pub requests: u32,
    /// … in this time.
    pub per: Span,
    /// So many at once. Default: `requests`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
    /// Whether it acts.
    #[serde(default)]
    pub mode: Mode,
    /// When answers tell of the limit.
    #[serde(default)]
    pub headers: Headers,
}

impl RateLimit {
    /// The quota.
    pub(crate) fn quota(&self) -> Quota {
        let quota = Quota::requests(self.requests).per(self.per.0);
        self.burst.map_or(quota, |burst| quota.burst(burst))
    }
}

impl Mode {
    /// As a rate limit has it.
    pub(crate) fn of_limit(self) -> rate_limit::Mode {
        match self {
            Self::Enforce => rate_limit::Mode::Enforce,
            Self::Monitor => rate_limit::Mode::Monitor,
            Self::Off => rate_limit::Mode::Off,
        }
    }
}

/// What a rate limit counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// Requests that make 8x8 send something.
    #[default]
    Dispatch,
    /// Code checks.
    Check,
    /// Every request.
    All,
}

/// When answers tell of a rate limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Headers {
    /// Never.
    Never,
    /// When it refuses.
    #[default]
    Refused,
    /// When it is nearly used up.
    Near,
    /// Always.
    Always,
}

/// What is done with what is seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Decide and act.
    #[default]
    Enforce,
    /// Decide and record only.
    Monitor,
    /// Do not look.
    Off,
}

/// `[injector]`
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Injector {
    /// Where a batch's `clientIp` goes.
    pub batch: Batch,
    /// What becomes of private, loopback, link-local and documentation addresses.
    pub unusable_address: Unusable,
    /// The address that goes in their place, where that is `replace`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacement: Option<IpAddr>,
    /// Takes documentation addresses for usable: the demo's only.
    #[serde(skip)]
    pub documentation: bool,
}

/// Where a batch's `clientIp` goes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Batch {
    /// At the top level.
    #[default]
    Top,
    /// At the top level and in each message.
    Each,
}

/// What becomes of an address 8x8 cannot use.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unusable {
    /// The request is refused.
    #[default]
    Refuse,
    /// It is sent without `clientIp`.
    Omit,
    /// It is sent as it is.
    Pass,
    /// It is sent with `replacement` in its place.
    Replace,
}

/// `[upstream]`
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Upstream {
    /// 8x8's region.
    pub region: Region,
    /// A URL in place of the region's SMS host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sms: Option<String>,
    /// A URL in place of the region's Verification host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<String>,
    /// A URL in place of the region's Number Lookup host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lookup: Option<String>,
    /// A URL in place of the region's Contacts host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contacts: Option<String>,
    /// A URL in place of the Voice and Number Masking host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voice: Option<String>,
    /// How long 8x8 may take to answer, and then to send the answer. Default `10s`.
    pub timeout: Span,
    /// The environment variable that holds 8x8's API key. Empty: the caller's `Authorization` is passed on.
    pub api_key_env: String,
    /// Sends requests, with the API key in them, in the clear to hosts other than this one.
    pub insecure_http: bool,
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            region: Region::default(),
            sms: None,
            verify: None,
            lookup: None,
            contacts: None,
            voice: None,
            timeout: Span::from_secs(10),
            api_key_env: String::new(),
            insecure_http: false,
        }
    }
}

/// 8x8's regions.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// Asia Pacific.
    #[default]
    Apac,
    /// North America.
    Us,
    /// Europe.
    Eu,
    /// Indonesia.
    Id,
}
