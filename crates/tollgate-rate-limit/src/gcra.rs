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

/// A moment of the monotonic clock, as a serial number (RFC 1982): it wraps, so the clock's epoch and the age of the
/// process do not matter. All comparisons are relative to a `now`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tick(u64);

impl Tick {
    #[cfg(test)]
    pub(crate) const ZERO: Self = Self(0);

    /// The tick that `monotonic` lies in, rounded down.
    pub(crate) fn at(monotonic: Duration) -> Self {
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
    pub(crate) fn ahead_of(self, now: Self) -> u64 {
        let ahead = self.0.wrapping_sub(now.0) & MASK;
        if ahead < FUTURE { ahead } else { 0 }
    }

    /// Orders moments around `now`, the earliest first, past ones too: the order does not depend on which of two
    /// nearby `now`s is given.
    pub(crate) fn rank(self, now: Self) -> u64 {
        self.0.wrapping_sub(now.0).wrapping_sub(FUTURE) & MASK
    }

    fn after(self, ticks: u64) -> Self {
        Self::from_bits(self.0.wrapping_add(ticks))
    }
}

/// A number of ticks until a request would conform; at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wait(u64);

impl Wait {
    /// The exact wait from `monotonic`, which lies somewhere inside its tick: one nanosecond less is too little.
    pub(crate) fn from(self, monotonic: Duration) -> Duration {
        let nanos = (self.0 % TICKS_PER_SECOND) * u64::from(TICK_NANOS);
        let into_tick = Duration::from_nanos(u64::from(monotonic.subsec_nanos() % TICK_NANOS));
        (Duration::from_secs(self.0 / TICKS_PER_SECOND) + Duration::from_nanos(nanos))
            .saturating_sub(into_tick)
    }
}

/// A quota in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gcra {
    interval: u64,
    tolerance: u64,
}

impl Gcra {
    /// The longest time a whole burst may take to come back.
    pub(crate) const MAX_FILL: Duration = Duration::from_secs(366 * 86_400);

    /// The interval is rounded up to whole ticks, so that a client never gets more than its quota.
    pub(crate) fn new(quota: &Quota) -> Result<Self, QuotaError> {
        quota.validate()?;
        let requests = u128::from(quota.requests);
        let interval = quota.period.as_nanos().div_ceil(requests * u128::from(TICK_NANOS));
        // Validated: the interval is at most MAX_FILL, 2^41 ticks.
        let interval = u64::try_from(interval).unwrap_or(FUTURE);
        Ok(Self { interval, tolerance: interval.saturating_mul(u64::from(quota.burst) - 1) })
    }

    /// Whether a request at `now` conforms, given the key's TAT: the new TAT, or the wait until one would conform.
    pub(crate) fn decide(&self, now: Tick, tat: Tick) -> Result<Tick, Wait> {
        let debt = tat.ahead_of(now);
        if debt > self.tolerance {
            Err(Wait(debt - self.tolerance))
        } else {
            Ok(now.after(debt + self.interval))
        }
    }

    /// The TAT without one request that was charged and then not made; never before `now`.
    pub(crate) fn refund(&self, now: Tick, tat: Tick) -> Tick {
        now.after(tat.ahead_of(now).saturating_sub(self.interval))
    }
}

/// The most requests a second for which an interval is at least one tick.
pub(crate) const MAX_PER_SECOND: u64 = TICKS_PER_SECOND;

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Tick = Tick::ZERO;

    fn gcra(requests: u32, period: Duration, burst: u32) -> Gcra {
        Gcra::new(&Quota::requests(requests).per(period).burst(burst)).unwrap()
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
            let first = gcra.decide(now, now).unwrap();
            let second = gcra.decide(now, first).unwrap();
            assert_eq!(gcra.decide(now, second), Err(Wait(31_250)));
            assert!(gcra.decide(now.after(31_250), second).is_ok());
            assert_eq!(gcra.refund(now, second), first);
            assert_eq!(gcra.refund(now, gcra.refund(now, first)), now);
        }
    }

    #[test]
    fn the_longest_quota_stays_within_the_future_part_of_the_circle() {
        for gcra in [
            gcra(1, Gcra::MAX_FILL, 1),
            gcra(62_499, Duration::from_secs(1), u32::MAX),
            gcra(u32::MAX, Gcra::MAX_FILL, u32::MAX),
        ] {
            assert!(gcra.tolerance + gcra.interval < FUTURE, "{gcra:?}");
        }
    }

    #[test]
    fn an_entry_left_alone_for_years_is_idle() {
        let gcra = gcra(1, Duration::from_secs(60), 1);
        let tat = gcra.decide(IDLE, IDLE).unwrap();
        for years in 1..=6 {
            let now = Tick::at(Duration::from_secs(years * 365 * 86_400));
            assert!(gcra.decide(now, tat).is_ok(), "{years}");
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
