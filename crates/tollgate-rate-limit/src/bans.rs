use std::time::Duration;

use tollgate_core::ClientIp;

use crate::gcra::{Debt, Gcra, Tick, Wait};
use crate::levels::Masks;
use crate::table::Table;
use crate::{ConfigError, Key, Quota};

/// How long clients are banned that go on asking after they were refused: twice as long each time, up to a longest.
///
/// A ban is a strike; strikes are forgotten one by one. A banned client is refused at once, whatever it asks for, and
/// told when its ban ends; asking while banned makes it no longer.
///
/// ```
/// use std::time::Duration;
/// use tollgate_rate_limit::{Bans, Quota};
///
/// const MINUTE: Duration = Duration::from_secs(60);
///
/// // 1, 2, 4, 8 … minutes, at most 6 hours; a strike is forgotten after a day. Whoever is refused more often than 20
/// // times in a minute gets one.
/// let bans = Bans::of(MINUTE).up_to(360 * MINUTE).forgotten_after(1440 * MINUTE).after(Quota::requests(20).per(MINUTE));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "bans do nothing until a limiter has them"]
pub struct Bans {
    first: Duration,
    longest: Duration,
    forgotten_after: Duration,
    after: Option<Quota>,
}

impl Bans {
    /// The first ban lasts so long: at least a millisecond. The longest lasts a day and strikes are forgotten after a day,
    /// if not said.
    pub const fn of(first: Duration) -> Self {
        const DAY: Duration = Duration::from_secs(86_400);
        Self { first, longest: DAY, forgotten_after: DAY, after: None }
    }

    /// The longest ban: at least as long as the first, at most 30 days.
    pub const fn up_to(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// How long it takes to forget one strike: at least as long as the first ban, at most 11 days.
    pub const fn forgotten_after(mut self, time: Duration) -> Self {
        self.forgotten_after = time;
        self
    }

    /// Bans who is refused more often than this because it used up a limit by itself: not for a prefix or a key that it
    /// shares with others. If not said, only [`Limiter::ban`](crate::Limiter::ban) does.
    pub const fn after(mut self, refusals: Quota) -> Self {
        self.after = Some(refusals);
        self
    }

    fn validate(&self) -> Result<(), ConfigError> {
        const DAY: Duration = Duration::from_secs(86_400);
        let error = |field, value: Duration, remedy: &'static str| {
            Err(ConfigError::new(field, format_args!("{value:?}"), remedy))
        };
        if self.first < Duration::from_millis(1) {
            return error("bans.first", self.first, "give a ban of at least a millisecond");
        }
        if self.longest < self.first || self.longest > 30 * DAY {
            return error("bans.up_to", self.longest, "give at least the first ban, at most 30 days");
        }
        if self.forgotten_after < self.first || self.forgotten_after > 11 * DAY {
            return error(
                "bans.forgotten_after",
                self.forgotten_after,
                "give at least the first ban, at most 11 days",
            );
        }
        match self.after.map(|quota| quota.validate()) {
            Some(Err(wrong)) => Err(wrong.into()),
            _ => Ok(()),
        }
    }
}

/// How many tables bans take.
const TABLES: usize = 3;

/// Strikes are counted up to this many.
const MOST_STRIKES: u32 = 32;

/// Bans at work. A client is what it is for the first limit by address: an IPv4 address, an IPv6 /64.
#[derive(Debug)]
pub(crate) struct Banned {
    pub(crate) bans: Bans,
    /// A ban's end is a debt that is paid off then.
    until: Table,
    /// A strike is a debt of `forgotten_after`.
    strikes: Table,
    refusals: Option<(Gcra, Table)>,
    masks: Masks,
}

impl Banned {
    /// With `bytes` of memory.
    pub(crate) fn new(bans: Bans, bytes: usize, masks: Masks) -> Result<Self, ConfigError> {
        bans.validate()?;
        let refusals = match bans.after {
            Some(quota) => Some((Gcra::new(&quota, 1)?, Table::new(bytes / TABLES))),
            None => None,
        };
        let [until, strikes] = [(); 2].map(|()| Table::new(bytes / TABLES));
        Ok(Self { bans, until, strikes, refusals, masks })
    }

    /// As large, with nobody banned.
    pub(crate) fn emptied(&self) -> Self {
        let emptied = |table: &Table| Table::new(table.bytes());
        Self {
            bans: self.bans,
            until: emptied(&self.until),
            strikes: emptied(&self.strikes),
            refusals: self.refusals.as_ref().map(|(gcra, table)| (*gcra, emptied(table))),
            masks: self.masks.clone(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.until.bytes()
            + self.strikes.bytes()
            + self.refusals.as_ref().map_or(0, |(_, table)| table.bytes())
    }

    /// How long the client is banned still.
    pub(crate) fn left(&self, client: ClientIp, now: Tick) -> Option<Wait> {
        let Debt(left) = self.until.debt(self.key(client), now);
        (left > 0).then_some(Wait(left))
    }

    /// The client was refused: how long it is banned, if that was once too often.
    pub(crate) fn refused(&self, client: ClientIp, now: Tick) -> Option<Wait> {
        let (gcra, table) = self.refusals.as_ref()?;
        let key = self.key(client);
        if table.charge(key, 1, now, gcra).is_ok() {
            return None;
        }
        // Many may be refused at once. One of them is a strike: the one that finds no ban.
        let first = Debt::new(self.bans.first).0;
        let claimed =
            self.until.change(key, now, |until| match until.map_or(0, |until| until.ahead_of(now)) {
                0 => Ok((now.after(first), ())),
                left => Err(Wait(left)),
            });
        Some(claimed.map_or_else(|banned| banned, |_| self.ban(client, now)))
    }

    /// Gives the client a strike, and bans it for as long as that many are worth; longer than it was, never shorter.
    pub(crate) fn ban(&self, client: ClientIp, now: Tick) -> Wait {
        let key = self.key(client);
        let strike = Gcra::of(Debt::new(self.bans.forgotten_after).0, u64::from(MOST_STRIKES));
        let Debt(owed) = self.strikes.surcharge(key, 1, strike.capacity(), now, &strike).debt;
        let strikes = owed.div_ceil(strike.ticks().0).clamp(1, u64::from(MOST_STRIKES));
        let doubled = self.bans.first.saturating_mul(1 << (strikes - 1));
        let Debt(ticks) = Debt::new(doubled.min(self.bans.longest));
        let until = self.until.set(key, now, |until| {
            let left = until.map_or(0, |until| until.ahead_of(now));
            now.after(left.max(ticks))
        });
        Wait(until.debt.0.max(1))
    }

    /// Ends a ban, and forgets all strikes.
    pub(crate) fn pardon(&self, client: ClientIp, now: Tick) {
        let key = self.key(client);
        self.until.forget(key, now);
        self.strikes.forget(key, now);
        if let Some((_, refusals)) = &self.refusals {
            refusals.forget(key, now);
        }
    }

    /// How many clients are banned.
    pub(crate) fn count(&self, now: Tick) -> usize {
        self.until.debts(now).count()
    }

    fn key(&self, client: ClientIp) -> Key {
        self.masks.host(client.addr())
    }
}
