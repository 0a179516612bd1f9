//! The generic cell rate algorithm, in whole ticks.
//!
//! ITU-T I.371 (03/2004) Annex A, the virtual scheduling form: a key's state is one number, its *theoretical arrival
//! time* (TAT). A request at `now` conforms when `TAT - now <= tolerance`, and moves the TAT to
//! `max(TAT, now) + interval`. With `interval = period / requests` and `tolerance = (burst - 1) × interval`, no window
//! of length `t` holds more than `burst + t / interval` conforming requests.

use std::time::Duration;

use crate::error::QuotaError;
use crate::quota::Quota;

/// Bits of a [`Tick`]: what a table slot has left beside its fingerprint.
pub(crate) const TICK_BITS: u32 = 44;

/// Length of a tick. 16 µs and not 2^14 ns, so that a second is a whole number of ticks and the usual quotas (3 in
/// 60 s) have an exact interval and an exact `Retry-After`.
const TICK_NANOS: u32 = 16_000;

const TICKS_PER_SECOND: u64 = 1_000_000_000 / TICK_NANOS as u64;

const MASK: u64 = (1 << TICK_BITS) - 1;

/// How far ahead of now a tick can be. The circle of 2^44 ticks (8.9 years) is split unevenly, a quarter for the
/// future: no TAT is further ahead than [`Gcra::MAX_FILL`] and its rounding, while one that was left in its slot stays
/// in the past for 6.7 years before it could be misread.
const FUTURE: u64 = 1 << (TICK_BITS - 2);

/// A moment of the monotonic clock in ticks of 16 µs, as a serial number (RFC 1982): it wraps, so the clock's epoch and
/// the age of the process do not matter. All comparisons are relative to a `now`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tick(u64);

impl Tick {
    #[cfg(test)]
    pub(crate) const ZERO: Self = Self(0);

    /// The tick that `monotonic` lies in, rounded down.
    #[must_use]
    #[inline]
    pub fn at(monotonic: Duration) -> Self {
        let whole = monotonic.as_secs().wrapping_mul(TICKS_PER_SECOND);
        Self::from_bits(whole.wrapping_add(u64::from(monotonic.subsec_nanos() / TICK_NANOS)))
    }

    /// The tick with these low [`TICK_BITS`] bits; higher ones are ignored.
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits & MASK)
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// How many ticks this is ahead of `now`; zero when it is not.
    #[must_use]
    #[inline]
    pub fn ahead_of(self, now: Self) -> u64 {
        let ahead = self.0.wrapping_sub(now.0) & MASK;
        if ahead < FUTURE { ahead } else { 0 }
    }

    /// Orders moments around `now`, the earliest first, past ones too: the order does not depend on which of two
    /// nearby `now`s is given.
    pub(crate) fn rank(self, now: Self) -> u64 {
        self.0.wrapping_sub(now.0).wrapping_sub(FUTURE) & MASK
    }

    /// As a TAT, without what was charged and is given back; never before `now`.
    pub(crate) fn less(self, debt: Debt, now: Self) -> Self {
        now.after(self.ahead_of(now).saturating_sub(debt.0))
    }

    /// So many ticks later.
    #[must_use]
    #[inline]
    pub fn after(self, ticks: u64) -> Self {
        Self::from_bits(self.0.wrapping_add(ticks))
    }
}

/// How long until a request would conform, in ticks of 16 µs; at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wait(pub(crate) u64);

impl Wait {
    /// At least this long: rounded up to whole ticks.
    #[must_use]
    pub fn at_least(wait: Duration) -> Self {
        Self(ticks_up(wait).max(1))
    }

    /// So many ticks; at least 1.
    #[must_use]
    pub fn of_ticks(ticks: u64) -> Self {
        Self(ticks.max(1))
    }

    /// In ticks.
    #[must_use]
    pub fn ticks(self) -> u64 {
        self.0
    }

    /// The exact wait from `monotonic`, which lies somewhere inside its tick: one nanosecond less is too little.
    pub(crate) fn from(self, monotonic: Duration) -> Duration {
        let into_tick = Duration::from_nanos(u64::from(monotonic.subsec_nanos() % TICK_NANOS));
        duration(self.0).saturating_sub(into_tick)
    }
}

/// A quota as the generic cell rate algorithm has it, in ticks of 16 µs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gcra {
    interval: u64,
    /// The debt of a whole burst: `burst × interval`.
    capacity: u64,
}

/// What a key owes: the time from now until its theoretical arrival time, in ticks of 16 µs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Debt(pub(crate) u64);

impl Debt {
    /// The most that can be owed: 366 days, and a tick for each request of a burst beside.
    pub(crate) const MOST: Self = Self(FUTURE - 1);

    /// Rounded up to whole ticks.
    #[must_use]
    pub fn new(time: Duration) -> Self {
        Self(ticks_up(time).min(FUTURE - 1))
    }

    /// So many ticks, at most what can be owed.
    #[must_use]
    pub fn of_ticks(ticks: u64) -> Self {
        Self(ticks.min(FUTURE - 1))
    }

    /// In ticks.
    #[must_use]
    pub fn ticks(self) -> u64 {
        self.0
    }

    /// As time.
    #[must_use]
    pub fn time(self) -> Duration {
        duration(self.0)
    }
}

impl Gcra {
    /// The longest time a whole burst may take to come back.
    pub(crate) const MAX_FILL: Duration = Duration::from_secs(366 * 86_400);

    /// The most times a quota can be multiplied: its burst in ticks stays within the future part of the circle.
    pub(crate) const MAX_TIMES: u32 = 256;

    /// The interval is rounded up to whole ticks, so that a client never gets more than its quota. `times` the quota,
    /// in both its requests and its burst.
    pub(crate) fn new(quota: &Quota, times: u32) -> Result<Self, QuotaError> {
        quota.validate()?;
        let requests = u128::from(quota.requests) * u128::from(times);
        let interval = quota.period.as_nanos().div_ceil(requests * u128::from(TICK_NANOS));
        // Validated: the interval is at most MAX_FILL, 2^41 ticks.
        let interval = u64::try_from(interval).unwrap_or(FUTURE);
        Ok(Self::of(interval, u64::from(quota.burst) * u64::from(times)))
    }

    /// Of an interval in ticks, and a number of requests.
    #[inline]
    pub(crate) fn of(interval: u64, burst: u64) -> Self {
        Self { interval, capacity: interval.saturating_mul(burst).min(FUTURE - 1) }
    }

    /// Of an interval and a capacity in ticks.
    #[inline]
    pub(crate) fn from_ticks(interval: u64, capacity: u64) -> Self {
        Self { interval, capacity }
    }

    /// Interval and capacity.
    pub(crate) fn ticks(&self) -> (u64, u64) {
        (self.interval, self.capacity)
    }

    /// One part of `parts` of the quota: what somebody owes is owed for as long, and a request adds `parts` times as
    /// much to it. At least one request of `cost` fits.
    #[must_use]
    pub fn part(&self, parts: u32, cost: u32) -> Self {
        let interval = self.interval.saturating_mul(parts.max(1).into()).min(FUTURE - 1);
        let least = interval.saturating_mul(u64::from(cost).min(self.burst()));
        Self { interval, capacity: self.capacity.max(least).min(FUTURE - 1) }
    }

    /// The time in which one request comes back, in ticks.
    #[must_use]
    pub fn interval_ticks(&self) -> u64 {
        self.interval
    }

    /// The time in which one request comes back.
    #[must_use]
    pub fn interval(&self) -> Duration {
        duration(self.interval)
    }

    /// How many may come at once.
    #[must_use]
    pub fn burst(&self) -> u64 {
        self.capacity / self.interval
    }

    /// What is owed once the whole burst was used.
    #[must_use]
    pub fn capacity(&self) -> Debt {
        Debt(self.capacity)
    }

    /// Whether a request that costs `cost` conforms at `now`, given the key's TAT: the new TAT, or the wait until one
    /// would conform. A cost above the burst never does; its wait is that of an empty bucket for a full one and more.
    #[inline]
    pub(crate) fn decide(&self, now: Tick, tat: Tick, cost: u32) -> Result<Tick, Wait> {
        let after = tat.ahead_of(now).saturating_add(self.interval.saturating_mul(cost.into()));
        if after > self.capacity { Err(Wait(after - self.capacity)) } else { Ok(now.after(after)) }
    }

    /// What a request that costs `cost` is charged.
    #[must_use]
    pub fn charge(&self, cost: u32) -> Debt {
        Debt(self.interval.saturating_mul(cost.into()).min(FUTURE - 1))
    }

    /// The TAT with what is owed beside what was asked for, up to `most`; never less than it is.
    pub(crate) fn surcharge(&self, now: Tick, tat: Tick, cost: u32, most: Debt) -> Tick {
        let owes = tat.ahead_of(now);
        let owed = owes.saturating_add(self.interval.saturating_mul(cost.into()));
        now.after(owed.min(most.0.min(FUTURE - 1).max(owes)))
    }

    /// What somebody owes by this quota who owes `debt` by `old`: as many requests, and at most the whole burst. Who owes
    /// more than the old burst (a penalty) owes as much more than the new one.
    pub(crate) fn converted(&self, old: &Self, debt: Debt) -> Debt {
        if debt.0 > old.capacity {
            let beyond = debt.0 - old.capacity;
            return Debt(self.capacity.saturating_add(beyond).min(FUTURE - 1));
        }
        let scaled = (u128::from(debt.0) * u128::from(self.interval)).div_ceil(u128::from(old.interval));
        Debt(u64::try_from(scaled).unwrap_or(u64::MAX).min(self.capacity))
    }

    /// How many requests would conform now.
    #[must_use]
    pub fn remaining(&self, debt: Debt) -> u64 {
        self.capacity.saturating_sub(debt.0) / self.interval
    }

    /// How long a request that costs `cost` would wait of somebody who owes `debt`; `None`, if it would pass now.
    #[must_use]
    #[inline]
    pub fn wait(&self, debt: Debt, cost: u32) -> Option<Wait> {
        let after = debt.0.saturating_add(self.interval.saturating_mul(cost.into()));
        (after > self.capacity).then(|| Wait(after - self.capacity))
    }

    /// What is owed by whom a request that costs `cost` would make wait so long.
    #[must_use]
    pub fn debt_behind(&self, wait: Wait, cost: u32) -> Debt {
        let after = self.capacity.saturating_add(wait.0);
        Debt(after.saturating_sub(self.interval.saturating_mul(cost.into())))
    }

    /// What to tell a client of when there is more, in whole seconds, at least 1: until the next request conforms where
    /// none does now; else until the whole burst is back, and never so soon that what is left over this time would be
    /// more than twice the quota's rate (a client may take the one over the other for what it may do).
    pub(crate) fn reset_seconds(&self, debt: Debt) -> u64 {
        let remaining = self.remaining(debt);
        let ticks = if remaining == 0 {
            (debt.0 + self.interval).saturating_sub(self.capacity)
        } else {
            debt.0.max((remaining * self.interval).div_ceil(2))
        };
        ticks.div_ceil(TICKS_PER_SECOND).max(1)
    }
}

fn ticks_up(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(u128::from(TICK_NANOS))).unwrap_or(u64::MAX)
}

fn duration(ticks: u64) -> Duration {
    let nanos = (ticks % TICKS_PER_SECOND) * u64::from(TICK_NANOS);
    Duration::from_secs(ticks / TICKS_PER_SECOND) + Duration::from_nanos(nanos)
}

/// The most requests a second for which an interval is at least one tick.
pub(crate) const MAX_PER_SECOND: u64 = TICKS_PER_SECOND;

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Tick = Tick::ZERO;

    fn gcra(requests: u32, period: Duration, burst: u32) -> Gcra {
        Gcra::new(&Quota::requests(requests).per(period).burst(burst), 1).unwrap()
    }

    #[test]
    fn an_interval_is_rounded_up_to_whole_ticks() {
        assert_eq!(gcra(3, Duration::from_secs(60), 3).interval, 20 * 62_500);
        assert_eq!(gcra(7, Duration::from_secs(60), 7).interval, 535_715); // 535,714.28…
        assert_eq!(gcra(1, Duration::from_nanos(16_001), 1).interval, 2);
    }

    #[test]
    fn a_decision_does_not_depend_on_where_the_circle_starts() {
        let gcra = gcra(2, Duration::from_secs(1), 2);
        for now in [0, 1, MASK / 2, MASK - 5, MASK] {
            let now = Tick(now);
            let first = gcra.decide(now, now, 1).unwrap();
            let second = gcra.decide(now, first, 1).unwrap();
            assert_eq!(gcra.decide(now, second, 1), Err(Wait(31_250)));
            assert!(gcra.decide(now.after(31_250), second, 1).is_ok());
            assert_eq!(second.less(gcra.charge(1), now), first);
            assert_eq!(first.less(gcra.charge(1), now).less(gcra.charge(1), now), now);
        }
    }

    #[test]
    fn the_longest_quota_stays_within_the_future_part_of_the_circle() {
        for gcra in [
            gcra(1, Gcra::MAX_FILL, 1),
            gcra(62_499, Duration::from_secs(1), u32::MAX),
            gcra(u32::MAX, Gcra::MAX_FILL, u32::MAX),
            Gcra::new(&Quota::requests(u32::MAX).per(Gcra::MAX_FILL), Gcra::MAX_TIMES).unwrap(),
        ] {
            assert!(gcra.capacity < FUTURE, "{gcra:?}");
        }
    }

    #[test]
    fn a_debt_is_worth_as_many_requests_by_another_quota() {
        let (five, hundred, slow) = (
            gcra(5, Duration::from_secs(60), 5),
            gcra(100, Duration::from_secs(60), 100),
            gcra(5, Duration::from_secs(600), 5),
        );
        let used_up = five.capacity();
        assert_eq!(hundred.remaining(hundred.converted(&five, used_up)), 95);
        assert_eq!(five.converted(&hundred, hundred.capacity()), five.capacity());
        assert_eq!(slow.remaining(slow.converted(&five, used_up)), 0);
        assert_eq!(five.remaining(five.converted(&slow, slow.capacity())), 0);
        // A penalty of ten minutes stays one.
        let penalty = Debt(used_up.0 + Debt::new(Duration::from_secs(600)).0);
        assert_eq!(hundred.converted(&five, penalty).time(), Duration::from_secs(660));
    }

    #[test]
    fn the_parts_of_what_is_left_are_together_what_is_left() {
        let whole = gcra(100, Duration::from_secs(60), 100);
        let left_of_40 = Debt(whole.charge(60).0);
        let part = whole.part(4, 1);
        assert_eq!(whole.remaining(left_of_40), 40);
        assert_eq!(part.remaining(left_of_40), 10);
        assert_eq!(part.remaining(whole.capacity()), 0);
        // One passes everywhere, whatever it costs.
        let few = gcra(10, Duration::from_secs(60), 10);
        assert_eq!(few.part(64, 1).remaining(Debt(0)), 1);
        assert!(few.part(4, 10).decide(IDLE, IDLE, 10).is_ok());
        assert!(gcra(1, Gcra::MAX_FILL, 1).part(1024, 1).decide(IDLE, IDLE, 1).is_ok());
    }

    #[test]
    fn an_entry_left_alone_for_years_is_idle() {
        let gcra = gcra(1, Duration::from_secs(60), 1);
        let tat = gcra.decide(IDLE, IDLE, 1).unwrap();
        for years in 1..=6 {
            let now = Tick::at(Duration::from_secs(years * 365 * 86_400));
            assert!(gcra.decide(now, tat, 1).is_ok(), "{years}");
        }
    }

    #[test]
    fn a_wait_counts_from_inside_the_tick() {
        let monotonic = Duration::from_nanos(5 * 16_000 + 999);
        assert_eq!(Tick::at(monotonic), Tick(5));
        assert_eq!(Wait(2).from(monotonic), Duration::from_nanos(2 * 16_000 - 999));
        assert_eq!(Wait(62_501).from(Duration::ZERO), Duration::from_nanos(1_000_016_000));
    }

    #[test]
    fn moments_keep_their_order_whichever_now_is_given() {
        let (early, late) = (Tick(MASK - 10), Tick(20));
        for now in [Tick(MASK - 100), Tick(MASK), Tick(0), Tick(1000)] {
            assert!(early.rank(now) < late.rank(now));
        }
    }
}
