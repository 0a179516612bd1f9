//! For those who have governor limiters: a store that does not grow, and governor's quotas.

use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::time::Duration;

use governor::nanos::Nanos;
use governor::state::StateStore;

use crate::gcra::{Debt, Tick};
use crate::table::Table;
use crate::{ConfigError, Key, Quota};

/// Our table as the state store of a keyed [`governor::RateLimiter`]: of a fixed size, without locks and clean-up.
///
/// ```
/// use std::num::NonZeroU32;
/// use governor::RateLimiter;
/// use governor::clock::DefaultClock;
/// use tollgate_rate_limit::GovernorStore;
///
/// let quota = governor::Quota::per_minute(NonZeroU32::MIN);
/// let store = GovernorStore::new(1 << 20)?;
/// let limiter = RateLimiter::<_, _, _>::new(quota, store, DefaultClock::default());
/// assert!(limiter.check_key(&"somebody").is_ok());
/// assert!(limiter.check_key(&"somebody").is_err());
/// # Ok::<(), tollgate_rate_limit::ConfigError>(())
/// ```
///
/// Time is counted in ticks of 16 µs, rounded so that it never gives more than the quota: above 62,500 requests a second
/// of one key it gives less. A limiter with this store should not run for more than two years: governor's state says
/// nothing of the time, and ticks are numbered from its start.
pub struct GovernorStore<K> {
    table: Table,
    keys: PhantomData<fn(&K)>,
}

impl<K: Hash> GovernorStore<K> {
    /// A store of this many bytes, at least 4 KiB; a key takes 8.
    ///
    /// # Errors
    ///
    /// Less.
    pub fn new(bytes: usize) -> Result<Self, ConfigError> {
        if bytes < 4096 {
            return Err(ConfigError::new("bytes", bytes, "give at least 4096"));
        }
        Ok(Self { table: Table::new(bytes), keys: PhantomData })
    }
}

impl<K: Hash> StateStore for GovernorStore<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let start = Tick::from_bits(0);
        let changed = self.table.change(Key::of(key), start, |tat| {
            let tat = tat.map(|tat| Nanos::from(Debt(tat.ahead_of(start)).time()));
            let (given, tat) = measure(tat)?;
            Ok((start.after(Debt::new(Duration::from(tat)).0), given))
        });
        changed.map(|(_, given)| given)
    }
}

impl<K> fmt::Debug for GovernorStore<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GovernorStore").field(&self.table).finish()
    }
}

/// As many requests as the burst, in the time they take to come back: governor's own measure. To be validated like any
/// quota.
impl From<governor::Quota> for Quota {
    fn from(quota: governor::Quota) -> Self {
        let burst = quota.burst_size().get();
        Self::requests(burst).per(quota.replenish_interval().saturating_mul(burst))
    }
}
