use std::time::{Duration, UNIX_EPOCH};

use tollgate::client_ip::{Resolver, TrustedClientIpLayer, Undetermined};
use tollgate::core::SharedClock;
use tollgate::eight::{Class, Hosts, Placement, Product};
use tollgate::injector::{self, ClientIpInjectorLayer};
use tollgate::pump_guard::{self, Policy, Profiles};
use tollgate::rate_limit::store::Store;
use tollgate::rate_limit::{ConfigError, HeadersOn, Limit, Limiter, RequestHead};
use tollgate::redis::Server;

use super::{Batch, Clients, Config, Headers, Match, Mode, Problems, Region, Span, Unusable};
use crate::gateway::Served;
use crate::upstream::{Base, Bases};

/// A configuration that cannot be wrong: the parts it is made into.
#[derive(Debug)]
#[non_exhaustive]
pub struct Built {
    /// Who asks.
    pub client_ip: TrustedClientIpLayer,
    /// How often.
    pub limiter: Limiter,
    /// On which server that is counted, where others count there too.
    pub redis: Option<Server>,
    /// To whom, where no profile says otherwise.
    pub policy: Policy,
    /// To whom, by use case.
    pub profiles: Profiles,
    /// With what address.
    pub injector: ClientIpInjectorLayer,
    /// Where to.
    pub bases: Bases,
    /// The same as hosts of 8x8's.
    pub hosts: Hosts,
    /// What should be known of it before it runs.
    pub warnings: Vec<String>,
}

impl Clients {
    /// Puts them in place of the limiter's lists.
    pub(crate) fn set<S: Store>(&self, limiter: &Limiter<S>) -> Result<(), ConfigError> {
        limiter.set_allowed(&self.allow)?;
        limiter.set_denied(&self.deny)
    }
}

impl Config {
    /// Builds the parts.
    ///
    /// # Errors
    ///
    /// All that is wrong, each with its field, the value and the remedy.
    pub fn build(&self, clock: SharedClock) -> Result<Built, Problems> {
        let mut problems = Problems::default();
        let mut warnings = Vec::new();
        let client_ip = self.client_ip(&mut problems, &mut warnings);
        let now = clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        let limiter = self.limiter(clock, &mut problems);
        let (policy, profiles) = self.pump_guard.profiles(&mut problems);
        let bases = self.bases(&mut problems);
        self.listen.check(&mut problems);
        self.check_keys(&mut problems);
        self.check_replacement(&mut problems);
        self.pump_guard.number_lookup.check(&self.upstream, &mut problems);
        let redis = self.state.server(&mut problems);
        self.traffic_log.check(&self.state, &mut problems);
        self.warn(now, &mut warnings);
        warn_of_money(&policy, &mut warnings);
        warnings.extend(self.traffic_log.warning());
        if let Some(server) = &redis {
            self.state.warn(server, &mut warnings);
        }
        let hosts = bases.as_ref().and_then(|bases| problems.take("upstream", bases.hosts()));
        match (client_ip, limiter, bases, hosts) {
            (Some(client_ip), Some(limiter), Some(bases), Some(hosts)) if problems.0.is_empty() => {
                let injector = self.injector(hosts.clone());
                Ok(Built { client_ip, limiter, redis, policy, profiles, injector, bases, hosts, warnings })
            }
            _ => Err(problems),
        }
    }

    fn client_ip(&self, problems: &mut Problems, warnings: &mut Vec<String>) -> Option<TrustedClientIpLayer> {
        let layer = match self.client_ip.layer() {
            Ok(layer) => layer,
            Err(error) => {
                for (rule, error) in error.problems() {
                    // The error's own text starts with its field.
                    let text = error.to_string();
                    let (field, detail) = text.split_once(": ").unwrap_or(("", text.as_str()));
                    problems.add(format!("client_ip.{rule}.{field}"), detail);
                }
                return None;
            }
        };
        let tried = layer.dry_run().map(Resolver::warnings).unwrap_or_default();
        for (list, told) in [("rule", layer.resolver().warnings()), ("dry_run", tried)] {
            warnings.extend(told.into_iter().map(|(i, warning)| format!("client_ip.{list}[{i}]: {warning}")));
        }
        for (i, rule) in self.client_ip.rule.iter().enumerate() {
            if let Some(preset) = rule.preset {
                warnings.push(format!(
                    "client_ip.rule[{i}].preset: {}: {}",
                    preset.as_str(),
                    preset.caveat()
                ));
            }
        }
        if self.client_ip.rule.is_empty() {
            warnings.push(
                "client_ip: no rule, so whoever connects is taken for the client; what connects on loopback is refused, \
                 8x8 cannot limit by 127.0.0.1. Name the app or proxy that connects in [[client_ip.rule]], with the \
                 header it writes"
                    .to_owned(),
            );
        }
        match self.client_ip.undetermined {
            Undetermined::Refuse => {}
            Undetermined::PassWithout => warnings.push(
                "client_ip.undetermined: pass_without lets through what needs no client; a dispatch without one is \
                 refused all the same"
                    .to_owned(),
            ),
            _ => warnings.push(
                "client_ip.undetermined: insecure_use_peer takes the proxy for the client of every request whose header \
                 cannot be read: they share its limits, and 8x8 is told its address"
                    .to_owned(),
            ),
        }
        Some(layer.with_refusal_format(tollgate::eight::envelope()))
    }

    fn limiter(&self, clock: SharedClock, problems: &mut Problems) -> Option<Limiter> {
        let limits = self.rate_limit.iter().map(|limit| {
            let headers = match limit.headers {
                Headers::Never => HeadersOn::Never,
                Headers::Refused => HeadersOn::Refused,
                Headers::Near => HeadersOn::Near,
                Headers::Always => HeadersOn::Always,
            };
            let matches = limit.matches;
            let built = Limit::new(limit.name.clone(), limit.quota())
                .with_mode(limit.mode.of_limit())
                .with_headers(headers);
            built.only(move |head| matches.counts(head))
        });
        let built = Limiter::new(limits.collect::<Vec<_>>());
        let limiter = built.map_err(|error| {
            let field = match error.limit_index() {
                Some(i) => format!("rate_limit[{i}].{}", error.field()),
                None => format!("rate_limit.{}", error.field()),
            };
            problems.add(field, format!("{}: {}", error.value(), error.remedy()));
        });
        let limiter = limiter.ok()?.with_clock(clock);
        if let Err(error) = self.clients.set(&limiter) {
            let list = if error.field() == "denied" { "deny" } else { "allow" };
            problems.add(format!("clients.{list}"), format!("{} {}", error.value(), error.remedy()));
            return None;
        }
        Some(limiter)
    }

    /// What is allowed and seldom meant.
    fn warn(&self, now: Duration, warnings: &mut Vec<String>) {
        let mut warn = |text: String| warnings.push(text);
        for client in self.clients.allow.iter().filter(|client| self.clients.deny.contains(client)) {
            warn(format!("clients.deny: {client} is allowed too; it is denied"));
        }
        for (i, entry) in self.pump_guard.entry.iter().enumerate().filter(|(_, entry)| entry.is_over(now)) {
            let until = entry.until.as_deref().unwrap_or_default();
            warn(format!("pump_guard.entry[{i}].until: {until} is over, so the entry does nothing"));
        }
        let counts = |limit: &super::RateLimit| limit.matches != Match::Check && limit.mode == Mode::Enforce;
        if !self.rate_limit.iter().any(counts) {
            warn(
                "rate_limit: nothing limits how many dispatches a client makes; a limit that is written replaces the \
                 two default ones"
                    .to_owned(),
            );
        }
        if !self.listen.admin.ip().to_canonical().is_loopback() {
            warn(format!(
                "listen.admin: anybody who reaches {} sees the metrics, and the addresses of clients that are limited",
                self.listen.admin
            ));
        }
        let guard = &self.pump_guard;
        let lists = !guard.allow_countries.is_empty() || !guard.deny_countries.is_empty();
        if guard.mode != Mode::Enforce {
            warn("pump_guard.mode: the guard does not act, nor do its country lists".to_owned());
        } else if guard.country_policy.mode != Mode::Enforce && lists {
            warn("pump_guard.country_policy.mode: the country lists do not act".to_owned());
        }
        for country in guard.deny_countries.iter().filter(|country| guard.allow_countries.contains(country)) {
            warn(format!("pump_guard.deny_countries: {country} is allowed too; it is denied"));
        }
        if guard.decoy {
            warn(
                "pump_guard.decoy: whoever is blocked is told that a code is on its way, and so is your app behind the \
                 gateway; where the guard is wrong, a person waits for nothing"
                    .to_owned(),
            );
        }
        if let Some(warning) = guard.number_lookup.warning() {
            warn(warning);
        }
        if matches!(self.injector.unusable_address, Unusable::Pass) {
            warn("injector.unusable_address: private and loopback addresses are sent to 8x8".to_owned());
        }
    }

    fn check_replacement(&self, problems: &mut Problems) {
        const FIELD: &str = "injector.replacement";
        let replaces = matches!(self.injector.unusable_address, Unusable::Replace);
        match self.injector.replacement {
            None if replaces => problems.add(
                FIELD,
                "is missing: unusable_address = \"replace\" needs an address of yours that 8x8 can limit by, such as \
                 your office's",
            ),
            Some(addr) if !replaces => problems.add(
                FIELD,
                format!("\"{addr}\" would go nowhere: write unusable_address = \"replace\", or leave it out"),
            ),
            Some(addr) => {
                if let Some(why) = injector::why_unusable(addr) {
                    problems.add(FIELD, format!("\"{addr}\" is {why}: name one that 8x8 can limit by"));
                }
            }
            None => {}
        }
    }

    fn injector(&self, hosts: Hosts) -> ClientIpInjectorLayer {
        let placement = match self.injector.batch {
            Batch::Top => Placement::Top,
            Batch::Each => Placement::Each,
        };
        let unusable = match self.injector.unusable_address {
            Unusable::Refuse => injector::Unusable::Refuse,
            Unusable::Omit => injector::Unusable::Omit,
            Unusable::Pass => injector::Unusable::Pass,
            // That there is one was checked.
            Unusable::Replace => {
                self.injector.replacement.map_or(injector::Unusable::Refuse, injector::Unusable::Replace)
            }
        };
        let layer = ClientIpInjectorLayer::new()
            .with_hosts(hosts)
            .with_placement(placement)
            .with_unusable(unusable)
            .with_body_limit(self.listen.max_body);
        if self.injector.documentation { layer.with_documentation_addresses() } else { layer }
    }

    fn bases(&self, problems: &mut Problems) -> Option<Bases> {
        use tollgate::eight::Region as R;
        let upstream = &self.upstream;
        let region = match upstream.region {
            Region::Apac => R::AsiaPacific,
            Region::Us => R::NorthAmerica,
            Region::Eu => R::Europe,
            Region::Id => R::Indonesia,
        };
        let mut bases = Bases::of(region);
        for (name, product, url) in [
            ("sms", Product::Sms, &upstream.sms),
            ("verify", Product::Verify, &upstream.verify),
            ("lookup", Product::Lookup, &upstream.lookup),
            ("contacts", Product::Contacts, &upstream.contacts),
            ("voice", Product::Voice, &upstream.voice),
        ] {
            let Some(url) = url else { continue };
            let base = Base::parse(url, upstream.insecure_http);
            if let Some(base) = problems.take(format!("upstream.{name}"), base) {
                bases.set(product, base);
            }
        }
        let most = Duration::from_secs(300);
        if upstream.timeout.0.is_zero() || upstream.timeout.0 > most {
            problems.add(
                "upstream.timeout",
                format!("{:?} is not within 1ms and 300s", upstream.timeout.to_string()),
            );
        }
        Some(bases)
    }

    /// The gateway is no open relay: whoever reaches it must not send with somebody else's key.
    fn check_keys(&self, problems: &mut Problems) {
        let (key, token) = (&self.upstream.api_key_env, &self.listen.caller_token_env);
        if !key.is_empty() && token.is_empty() && !self.listen.gateway.ip().to_canonical().is_loopback() {
            problems.add(
                "upstream.api_key_env",
                format!(
                    "{key:?} would let anybody who reaches {} send with your key: set listen.caller_token_env, or \
                     listen on loopback",
                    self.listen.gateway
                ),
            );
        }
        if key.is_empty() && !token.is_empty() {
            problems.add(
                "listen.caller_token_env",
                format!(
                    "{token:?} needs upstream.api_key_env: without it the caller's Authorization is 8x8's API key and \
                     goes on to 8x8"
                ),
            );
        }
    }
}

/// Amounts that are valid in one currency and none in another, and what nobody pays for.
fn warn_of_money(policy: &Policy, warnings: &mut Vec<String>) {
    let Some(prices) = &policy.prices else { return };
    let (spend, currency) = (&policy.spend, &prices.currency);
    match prices.sms.default {
        None => warnings.push(
            "pump_guard.prices.default: is not given; where prefix and country have no price, a message counts as free"
                .to_owned(),
        ),
        Some(price) if spend.per_range.amount() < 10.0 * price.amount() => warnings.push(format!(
            "pump_guard.spend_velocity.per_range: {} {currency} are fewer than ten messages at {price} an hour",
            spend.per_range
        )),
        Some(_) => {}
    }
    if spend.mode != pump_guard::Mode::Enforce && !spend.per_day.is_zero() {
        warnings.push("pump_guard.spend_velocity.mode: the cap of a day does not act".to_owned());
    }
}

impl super::Listen {
    fn check(&self, problems: &mut Problems) {
        if !(1..=1 << 30).contains(&self.max_body) {
            problems
                .add("listen.max_body", format!("{} is not within 1 and 1073741824 bytes", self.max_body));
        }
        if self.body_timeout == Span::from_secs(0) {
            problems.add("listen.body_timeout", "\"0s\" lets no body arrive: write for example \"30s\"");
        }
        if !(1..=1_000_000).contains(&self.max_connections) {
            problems.add(
                "listen.max_connections",
                format!("{} is not within 1 and 1000000", self.max_connections),
            );
        }
        if self.gateway == self.admin && self.gateway.port() != 0 {
            problems.add(
                "listen.admin",
                format!("\"{}\" is the gateway's address too: give it another port", self.admin),
            );
        }
    }
}

impl Match {
    /// Whether a request to the gateway is one of those it counts.
    fn counts(self, head: &RequestHead<'_>) -> bool {
        let class = head.extensions.get::<Served>().and_then(Served::class);
        match self {
            Self::All => true,
            Self::Dispatch => matches!(class, Some(Class::Body(endpoint)) if endpoint.is_dispatch()),
            Self::Check => class == Some(Class::Check),
        }
    }
}

impl From<Mode> for pump_guard::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Enforce => Self::Enforce,
            Mode::Monitor => Self::Monitor,
            Mode::Off => Self::Off,
        }
    }
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
