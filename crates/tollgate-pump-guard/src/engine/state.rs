//! What the engine remembers: of fixed size, whatever is thrown at it.

use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;
use std::time::Duration;

use foldhash::quality::SeedableRandomState;

use super::attempt::Attempt;
use super::bill::{Bill, Spend};
use super::budget::{Budget, ClientCell};
use super::caller;
use super::cells::Cells;
use super::clients;
use super::fade::{DAY, HOUR};
use super::heard::Heard;
use super::numbers::{CONFIRMED_FOR, Confirmed, NumberCell, REVOKED_AT};
use super::persist::Secret;
use super::places::{self, KNOWN_FROM};
use super::policy::Policy;
use super::ranges::{COARSE, LEVELS, RangeCell};
use super::rate::Rate;
use super::sends::Sent;
use super::shared::Telling;
use super::surprise::hourly;
use super::tenants::{Tenant, Tenants, Waiting};
use super::times::Times;
use super::under_way::UnderWay;
use super::{Asn, Caller, Number, Profile, Reading};

/// What the engine remembers. Two fifths of it are for number ranges, three tenths for numbers, a sixth for verified numbers,
/// the rest for sends, for clients, and for sessions and users.
#[derive(Debug)]
pub struct State {
    pub(super) hasher: SeedableRandomState,
    secret: Option<Secret>,
    pub(super) numbers: Cells<NumberCell>,
    pub(super) confirmed: Cells<Confirmed>,
    pub(super) ranges: Cells<RangeCell>,
    /// Addresses and their prefixes, networks and operators.
    pub(super) clients: Cells<ClientCell>,
    /// Sessions and users: whoever makes up sessions makes no address be forgotten.
    pub(super) callers: Cells<ClientCell>,
    pub(super) sends: Cells<Sent>,
    pub(super) tenants: Tenants,
    /// How many strangers may be waited for, in all profiles together.
    pub(super) pending_limit: usize,
    /// The next one's place in the row of all there ever were.
    pub(super) next_place: u64,
    /// The latest `now` seen: time that jumps back is taken for this.
    pub(super) latest: Duration,
    /// What went to 8x8 within the last second.
    pub(super) rate: Rate,
    /// Code checks that are not answered yet.
    pub(super) under_way: UnderWay,
    pub(super) written: Written,
    /// What other nodes are told, where they are.
    pub(super) telling: Option<Telling>,
    pub(super) heard: Heard,
    /// How many nodes there are, where the others cannot be heard; else 1.
    pub(super) alone: u32,
}

/// What was drained before.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Whether anything was; everything counts as changed before.
    pub(super) begun: bool,
    pub(super) latest: Duration,
    /// Of those that were waited for: all before this place.
    pub(super) places: u64,
    /// Which of them are not waited for any more.
    pub(super) gone: Vec<u64>,
}

impl State {
    /// The least memory, in bytes.
    const LEAST_MEMORY: usize = 256 << 10;

    /// An empty memory of about `bytes` (at least 256 KiB), hashed under a secret of its own.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        // The system's randomness, by way of the standard hasher: foldhash alone takes addresses and the time.
        let seed = std::collections::hash_map::RandomState::new().hash_one(bytes);
        let shared = foldhash::SharedSeed::global_random();
        Self::hashed(bytes, SeedableRandomState::with_seed(seed, shared))
    }

    /// The same with a seed given, so that a replay forgets the same numbers every time. Not for traffic.
    #[must_use]
    pub fn seeded(bytes: usize, seed: u64) -> Self {
        let shared = foldhash::SharedSeed::global_fixed();
        Self::hashed(bytes, SeedableRandomState::with_seed(seed, shared))
    }

    /// The same under a secret that is kept, so that what was [drained](Self::changes) is found again. A few bytes are
    /// never given back.
    #[must_use]
    pub fn with_secret(bytes: usize, secret: Secret) -> Self {
        Self { secret: Some(secret), ..Self::hashed(bytes, secret.hasher()) }
    }

    /// What it is hashed under, where that was given.
    pub(crate) fn secret(&self) -> Option<Secret> {
        self.secret
    }

    fn hashed(bytes: usize, hasher: SeedableRandomState) -> Self {
        let part = bytes.max(Self::LEAST_MEMORY) / 64;
        Self {
            hasher,
            secret: None,
            ranges: Cells::new(26 * part),
            numbers: Cells::new(18 * part),
            confirmed: Cells::new(9 * part),
            clients: Cells::new(2 * part),
            callers: Cells::new(part),
            sends: Cells::new(5 * part),
            tenants: Tenants::new(),
            pending_limit: 3 * part / size_of::<Waiting>(),
            next_place: 0,
            latest: Duration::ZERO,
            rate: Rate::default(),
            under_way: UnderWay::default(),
            written: Written::default(),
            telling: None,
            heard: Heard::default(),
            alone: 1,
        }
    }

    pub(super) fn tenant(&self, profile: Profile) -> &Tenant {
        self.tenants.of(profile)
    }

    pub(super) fn tenant_mut(&mut self, profile: Profile) -> &mut Tenant {
        self.tenants.of_mut(profile)
    }

    fn hash(&self, key: impl Hash) -> u64 {
        // So much of it is kept with a cell, and what is zero takes no memory.
        self.hasher.hash_one(key) & !0xff_ffff
    }

    pub(super) fn range_key(&self, profile: Profile, level: usize, range_1k: u64) -> u64 {
        let cut = u32::try_from(level).unwrap_or(0);
        self.hash((usize::from(profile.id()), "range", cut, range_1k / 10_u64.pow(cut)))
    }

    /// The keys of a client: its own (IPv6: its /64), and its prefix's (/24, /48).
    pub(super) fn client_keys(&self, profile: Profile, client: Option<IpAddr>) -> [u64; 2] {
        let Some(client) = client else { return [0; 2] };
        let (own, prefix) = match client.to_canonical() {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()), u128::from(v4.to_bits() >> 8)),
            IpAddr::V6(v6) => (v6.to_bits() >> 64, v6.to_bits() >> 80),
        };
        let family = client.to_canonical().is_ipv4();
        [
            self.hash((usize::from(profile.id()), "client", family, own)),
            self.hash((usize::from(profile.id()), "prefix", family, prefix)),
        ]
    }

    /// The keys of a session and of a user.
    fn caller_keys(&self, profile: Profile, caller: &Caller) -> [u64; 2] {
        let key = |kind: &str, id: Option<&str>| {
            id.map_or(0, |id| self.hash((usize::from(profile.id()), kind, id)))
        };
        [key("session", caller.session()), key("user", caller.user())]
    }

    /// The client itself, as it is at `now`.
    pub(super) fn client_at(&self, profile: Profile, client: Option<IpAddr>, now: u32) -> Option<ClientCell> {
        let [own, _] = self.client_keys(profile, client);
        self.clients.find(own).filter(|_| own != 0).map(|client| client.at(now, clients::FORGOTTEN))
    }

    /// A number's key. One that was verified has a second for whoever verified it, which nobody else can use up.
    pub(super) fn number_key(&self, profile: Profile, number: &Number, own: bool) -> u64 {
        self.hash((usize::from(profile.id()), "number", number.digits(), own))
    }

    /// The key of an id of 8x8's, which spells the same id with and without dashes.
    pub(super) fn id_key(&self, id: &str) -> u64 {
        let plain: String = id.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
        self.hash(("id", plain))
    }

    /// A number's key among those that were verified, the same in every profile.
    pub(super) fn confirmed_key(&self, number: &Number) -> u64 {
        self.hash(("confirmed", number.digits()))
    }

    /// The key of what came to nothing in one profile of a number that was verified in any.
    pub(super) fn failures_key(&self, profile: Profile, confirmed: u64) -> u64 {
        self.hash((usize::from(profile.id()), "failures", confirmed))
    }

    /// The key of all code checks of a profile.
    pub(super) fn checks_key(&self, profile: Profile) -> u64 {
        self.hash((usize::from(profile.id()), "checks"))
    }

    /// The key of one code check, and of the very same again.
    pub(super) fn check_key(&self, request: u64) -> u64 {
        self.hash(("check", request))
    }

    /// Whether too much came to nothing in this profile since the number was verified.
    fn is_revoked(&self, profile: Profile, key: u64, confirmed: &Confirmed) -> bool {
        let failures = self.confirmed.find(self.failures_key(profile, key));
        failures.is_some_and(|failures| failures.last >= confirmed.last && failures.failed >= REVOKED_AT)
    }
}

/// What is known of an attempt's number, ranges, country and client at this moment.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) number: &'a Number,
    pub(super) now: u32,
    pub(super) keys: Keys,
    pub(super) cell: NumberCell,
    /// Somebody verified it within 90 days.
    pub(super) confirmed: Option<Confirmed>,
    ranges: [RangeCell; LEVELS.len()],
    pub(super) country: Budget,
    pub(super) new: Budget,
    pub(super) world: Budget,
    pub(super) clients: [Option<ClientCell>; 2],
    /// The session, and the user.
    pub(super) callers: [Option<ClientCell>; 2],
    pub(super) asn: Option<Asn>,
    /// Strangers asked for from that network.
    pub(super) network: Option<Budget>,
    /// The number's operator, where it was named, and its strangers.
    pub(super) operator: Option<&'a str>,
    pub(super) operator_budget: Option<Budget>,
    /// How many strangers of the country verify within an hour at about this time, where that is known.
    pub(super) usual: Option<f32>,
    /// What share of the country's strangers verifies.
    pub(super) conversion: f32,
    /// Whether outcomes are reported.
    pub(super) armed: bool,
    /// For how long the sender's traffic is known, in seconds.
    pub(super) age: u32,
    /// From 1 on, strangers at large do not verify, so that each range has to speak for itself.
    pub(super) doubt: f32,
    /// Whether the number is the next of several that follow one another.
    pub(super) goes_on: bool,
    /// How much pressure a range of each level takes note of.
    pressure: [f32; LEVELS.len()],
    /// How long people take to verify.
    pub(super) sender_times: Times,
    /// What the attempt costs, where there are prices.
    pub(super) bill: Option<Bill<'a>>,
    /// What strangers of its country cost.
    pub(super) country_spend: Spend,
}

/// Under which keys it is remembered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    pub(super) number: u64,
    pub(super) confirmed: u64,
    pub(super) ranges: [u64; LEVELS.len()],
    pub(super) clients: [u64; 2],
    pub(super) callers: [u64; 2],
    pub(super) network: u64,
    pub(super) operator: u64,
}

impl<'a> Seen<'a> {
    pub(super) fn of(
        policy: &'a Policy,
        state: &State,
        attempt: &Attempt,
        number: &'a Number,
        now: u32,
    ) -> Self {
        let profile = attempt.profile;
        let clients = state.client_keys(profile, attempt.client_ip);
        let operator = policy.operators.of(number);
        let id = usize::from(profile.id());
        let confirmed_key = state.confirmed_key(number);
        let confirmed = state.confirmed.find(confirmed_key);
        let confirmed = confirmed.filter(|confirmed| now.saturating_sub(confirmed.last) < CONFIRMED_FOR);
        let own = is_own(confirmed.as_ref(), clients);
        let confirmed = confirmed.filter(|found| own || !state.is_revoked(profile, confirmed_key, found));
        let keys = Keys {
            number: state.number_key(profile, number, own),
            confirmed: confirmed_key,
            ranges: std::array::from_fn(|level| state.range_key(profile, level, number.range(3))),
            clients,
            callers: state.caller_keys(profile, &attempt.caller),
            network: attempt.asn.map_or(0, |asn| state.hash((id, "network", asn.0))),
            operator: operator.map_or(0, |name| state.hash((id, "operator", name))),
        };
        let tenant = state.tenant(profile);
        let faded = |table: &Cells<ClientCell>, key: u64, half_life: u32| {
            table.find(key).filter(|_| key != 0).map(|client| client.at(now, half_life))
        };
        let wide = |key: u64| faded(&state.clients, key, places::FORGOTTEN).map(|cell| cell.budget);
        let mut seen = Self {
            number,
            now,
            keys,
            cell: state.numbers.seen(keys.number, now),
            confirmed,
            ranges: keys.ranges.map(|key| state.ranges.seen(key, now).at(now)),
            country: tenant.country(number.country(), now),
            new: tenant.new.at(now, 2 * places::FORGOTTEN),
            world: tenant.world.at(now, places::FORGOTTEN),
            clients: clients.map(|key| faded(&state.clients, key, clients::FORGOTTEN)),
            callers: keys.callers.map(|key| faded(&state.callers, key, caller::FORGOTTEN)),
            asn: attempt.asn,
            network: wide(keys.network),
            operator,
            operator_budget: wide(keys.operator),
            usual: tenant.usual(number.country(), now),
            conversion: tenant.conversion(number.country(), now),
            armed: tenant.armed(now),
            age: now.saturating_sub(if tenant.since == 0 { now } else { tenant.since }),
            doubt: 0.0,
            goes_on: false,
            pressure: std::array::from_fn(|level| policy.conversion.pressure(level)),
            sender_times: tenant.times,
            bill: policy.bill(attempt, number),
            country_spend: tenant.spend(number.country(), now),
        };
        seen.goes_on = policy.adjacency.goes_on(&seen);
        let places = &policy.places;
        if seen.armed {
            let here = if !seen.country_is_new() {
                places.country.doubt(&seen.country)
            } else if places.new_country.used_up_new(number.country(), &seen.new) {
                1.0
            } else {
                0.0
            };
            seen.doubt = here.max(places.breaker.doubt(&seen.world).min(1.5));
        }
        seen
    }

    /// The number's ranges that are part of its country, narrowest first.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (usize, &RangeCell)> {
        let levels = levels(self.number.national());
        self.ranges.iter().enumerate().take(levels)
    }

    /// Its range of this level, where it has one.
    pub(super) fn range(&self, level: usize) -> Option<&RangeCell> {
        self.ranges().nth(level).map(|(_, range)| range)
    }

    pub(super) fn pressure(&self, level: usize) -> f32 {
        self.pressure.get(level).copied().unwrap_or(f32::MAX)
    }

    /// The client, as a number's cell has it.
    pub(super) fn actor(&self) -> Option<u16> {
        actor(self.keys.clients)
    }

    /// Somebody has verified from this very address lately, and what it asked for since came to something.
    pub(super) fn is_vouched_for(&self) -> bool {
        let [own, _] = &self.clients;
        own.as_ref().is_some_and(|own| own.budget.verified >= 0.5 && own.budget.owed(1.0) < 2.0)
    }

    /// Hardly anybody has verified in this country.
    pub(super) fn country_is_new(&self) -> bool {
        self.country.verified < KNOWN_FROM
    }

    /// Verified a day ago or longer: nobody that completes a code to get an attack going has waited as long.
    pub(super) fn exempt(&self) -> bool {
        self.confirmed.is_some_and(|confirmed| confirmed.since.saturating_add(DAY) <= self.now)
    }

    /// How many times its usual self the rest of the country is, when it grows.
    pub(super) fn growth(&self, range: &RangeCell) -> f32 {
        let usual = hourly((self.country.verified, self.country.verified_day), self.age);
        if usual <= 0.0 || self.age < HOUR {
            return 1.0;
        }
        // Twice the mean is an ordinary evening.
        // A crowded range counts for half in wider ones.
        let rest = (self.country.verified_hour - 2.0 * range.hour).max(0.0);
        (rest / (1.44 * 2.0 * usual)).clamp(1.0, 20.0)
    }
}

/// Whoever verified it: what others ask for, and let come to nothing, is not his.
fn is_own(confirmed: Option<&Confirmed>, clients: [u64; 2]) -> bool {
    confirmed.is_some_and(|confirmed| actor(clients) == Some(confirmed.actor))
}

/// The key by which a charge for this attempt has its number: another for whoever verified it than for others.
pub(crate) fn press_key(state: &State, attempt: &Attempt) -> Option<u64> {
    let Reading::Number(number) = &attempt.reading else { return None };
    let now = seconds(state.latest);
    let confirmed = state.confirmed.find(state.confirmed_key(number));
    let confirmed = confirmed.filter(|confirmed| now.saturating_sub(confirmed.last) < CONFIRMED_FOR);
    let own = is_own(confirmed.as_ref(), state.client_keys(attempt.profile, attempt.client_ip));
    Some(state.number_key(attempt.profile, number, own))
}

/// A number's keyed hash, the same in every profile and for whoever asks.
#[must_use]
pub fn number_key(state: &State, number: &Number) -> u64 {
    state.confirmed_key(number)
}

/// How many levels of ranges a number has: those that leave a digit after the calling code, the widest two.
pub(super) fn levels(national: u32) -> usize {
    let left = |level: usize| if level < COARSE { 1 } else { 2 };
    LEVELS.iter().enumerate().take_while(|(level, (cut, _))| cut + left(*level) <= national).count()
}

/// A client as a number's cell has it: by its prefix, so that one who moves about in it is one.
pub(super) fn actor(clients: [u64; 2]) -> Option<u16> {
    let [_, prefix] = clients;
    #[allow(clippy::cast_possible_truncation, reason = "16 bits of a hash")]
    let actor = (prefix >> 24) as u16 | 1;
    (prefix != 0).then_some(actor)
}

/// Whole seconds from 1 on: 0 means none. Good for 136 years.
pub(super) fn seconds(now: Duration) -> u32 {
    u32::try_from(now.as_secs() + 1).unwrap_or(u32::MAX)
}
