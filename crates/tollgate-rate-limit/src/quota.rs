use std::fmt;
use std::time::Duration;

use crate::error::QuotaError;
use crate::gcra::{Gcra, MAX_PER_SECOND};

/// How many requests in how much time, and how many of them at once.
///
/// Requests come back one by one, every `period / requests` (the generic cell rate algorithm, ITU-T I.371 Annex A):
/// there is no window at whose edge a client gets twice its quota. A client that was quiet may ask `burst` times at
/// once; whatever it does, no span of length `t` holds more than `burst + t × requests / period` of its requests.
///
/// ```
/// use std::time::Duration;
/// use tollgate_rate_limit::Quota;
///
/// // 100 a minute, that is one every 0.6 s, at most 20 of them at once.
/// const QUOTA: Quota = Quota::requests(100).per(Duration::from_secs(60)).burst(20);
/// assert_eq!(QUOTA.to_string(), "100 requests a 60 s, 20 at once");
/// ```
///
/// Time is counted in ticks of 16 µs, and the interval is rounded up to whole ticks: quotas whose interval is no whole
/// number of ticks give less than they say, by at most 0.16 % at 100 requests a second, 1.6 % at 1,000, and up to a half
/// just below the most there can be, 62,500. That is also the most that a wider prefix gets. A tick is also how far the
/// moment of a single request may be off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    pub(crate) requests: u32,
    pub(crate) period: Duration,
    pub(crate) burst: u32,
}

/// A number of requests that still wants its period; made by [`Quota::requests`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a number of requests is no quota: say `.per(…)`"]
pub struct Requests(u32);

impl Requests {
    /// The time in which this many requests come back: above zero, at most 366 days.
    #[must_use]
    pub const fn per(self, period: Duration) -> Quota {
        Quota { requests: self.0, period, burst: self.0 }
    }
}

impl Quota {
    /// `requests` of them (at least 1) …
    pub const fn requests(requests: u32) -> Requests {
        Requests(requests)
    }

    /// … and how many may come at once: at least 1; as many as the quota has requests if not said.
    #[must_use]
    pub const fn burst(mut self, burst: u32) -> Self {
        self.burst = burst;
        self
    }

    /// Whether a limiter can be built of it.
    ///
    /// # Errors
    ///
    /// Names the field (`requests`, `per` or `burst`), its value, and the remedy: zero of anything, a period over 366
    /// days, more than 62,500 requests a second, or a burst that takes over 366 days to come back.
    pub fn validate(&self) -> Result<(), QuotaError> {
        let Self { requests, period, burst } = *self;
        if requests == 0 {
            return Err(QuotaError::new("requests", 0, "nothing would ever pass; give at least 1"));
        }
        if period.is_zero() {
            return Err(QuotaError::new("per", "0 s", "no time is no limit; give a period above zero"));
        }
        if period > Gcra::MAX_FILL {
            let seconds = format!("{} s", period.as_secs_f64());
            return Err(QuotaError::new("per", seconds, "give a period of at most 366 days"));
        }
        if burst == 0 {
            return Err(QuotaError::new(
                "burst",
                0,
                "nothing would ever pass; give at least 1, or leave it out",
            ));
        }
        if u128::from(requests) * 1_000_000_000 > period.as_nanos() * u128::from(MAX_PER_SECOND) {
            return Err(QuotaError::new(
                "requests",
                requests,
                "more than 62,500 a second of one client; give fewer, or a longer period",
            ));
        }
        if u128::from(burst) * period.as_nanos() > Gcra::MAX_FILL.as_nanos() * u128::from(requests) {
            return Err(QuotaError::new(
                "burst",
                burst,
                "takes over 366 days to come back; give a smaller burst, or a shorter period",
            ));
        }
        Ok(())
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.requests == 1 { "" } else { "s" };
        let period = self.period.as_secs_f64();
        write!(f, "{} request{plural} a {period} s", self.requests)?;
        if self.burst != self.requests {
            write!(f, ", {} at once", self.burst)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const YEAR: Duration = Duration::from_secs(366 * 86_400);

    #[test]
    fn a_quota_that_cannot_be_names_the_field_the_value_and_the_remedy() {
        for (quota, field, value) in [
            (Quota::requests(0).per(SECOND), "requests", "0"),
            (Quota::requests(1).per(Duration::ZERO), "per", "0 s"),
            (Quota::requests(1).per(YEAR + SECOND), "per", "31622401 s"),
            (Quota::requests(1).per(SECOND).burst(0), "burst", "0"),
            (Quota::requests(62_501).per(SECOND), "requests", "62501"),
            (Quota::requests(1).per(YEAR).burst(2), "burst", "2"),
        ] {
            let error = quota.validate().unwrap_err();
            assert_eq!((error.field(), error.value()), (field, value), "{quota}");
            assert!(!error.remedy().is_empty());
        }
        assert_eq!(
            Quota::requests(0).per(SECOND).validate().unwrap_err().to_string(),
            "requests: 0: nothing would ever pass; give at least 1"
        );
    }

    #[test]
    fn the_largest_quotas_are_accepted() {
        for quota in [
            Quota::requests(u32::MAX).per(YEAR),
            Quota::requests(62_500).per(SECOND).burst(u32::MAX),
            Quota::requests(1).per(Duration::from_micros(16)),
            Quota::requests(1).per(YEAR),
        ] {
            assert_eq!(quota.validate(), Ok(()), "{quota}");
        }
    }

    #[test]
    fn a_burst_is_the_whole_quota_if_not_said() {
        assert_eq!(Quota::requests(3).per(SECOND), Quota::requests(3).per(SECOND).burst(3));
    }
}
