use std::time::Duration;

use super::policy::{Mode, PolicyError};
use super::{Reason, Signal};

/// How many requests go to 8x8 within a second, and who goes without when they are too many: doubtful strangers first,
/// then all strangers, and people who verified before at last.
///
/// 8x8 takes 1,800 requests a second of a sub-account and answers 429 to the rest, whoever they are for. Requests are
/// what it counts: a batch is one.
///
/// Source: <https://developer.8x8.com/connect/docs/api-rate-limiting>
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RatePolicy {
    /// Whether it acts, only notes, or is off.
    pub mode: Mode,
    /// So many within any second: 1 to 1,000,000.
    pub per_second: u32,
}

/// 8x8's own limit.
impl Default for RatePolicy {
    fn default() -> Self {
        Self { mode: Mode::Enforce, per_second: 1800 }
    }
}

/// For whom a message is, as far as that decides who goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    /// Verified a day ago or longer, or allowed by hand.
    Known,
    /// Nobody known; or the sender's own campaign, for which nobody waits at a screen.
    Stranger,
    /// A stranger against whom something speaks.
    Doubtful,
}

impl Rank {
    /// Its share of the limit, in percent.
    const fn share(self) -> u32 {
        match self {
            Self::Known => 100,
            Self::Stranger => 80,
            Self::Doubtful => 60,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Known => "known numbers",
            Self::Stranger => "strangers",
            Self::Doubtful => "doubtful strangers",
        }
    }
}

impl RatePolicy {
    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        if (1..=1_000_000).contains(&self.per_second) {
            return Ok(());
        }
        let field = "tenant_rate.per_second";
        Err(PolicyError { field, value: self.per_second.to_string(), remedy: "not within 1 to 1000000" })
    }

    /// What `rank` may have within a second: at least one.
    fn limit(&self, rank: Rank) -> u32 {
        let limit = u64::from(self.per_second) * u64::from(rank.share()) / 100;
        u32::try_from(limit).unwrap_or(u32::MAX).max(1)
    }

    /// Whether one more may go out at `now`.
    pub(super) fn judge(&self, rate: &Rate, rank: Rank, now: Duration) -> Option<Reason> {
        if self.mode == Mode::Off {
            return None;
        }
        let (sent, limit) = (rate.within_a_second(now), self.limit(rank));
        if sent < limit {
            return None;
        }
        let evidence = format!(
            "{sent} requests to 8x8 within a second; {} may have {limit} of {}",
            rank.name(),
            self.per_second
        );
        self.mode.reason(Signal::TenantRate, 100, evidence, Some(Duration::from_secs(1)))
    }
}

/// A second in tenths, and the one that has begun.
const SLOTS: usize = 11;
const TENTH: u128 = 100_000_000;

/// How many requests went out in each tenth of the last second. It is not kept over a restart: it is over by then.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rate {
    /// The newest tenth's number, counted from the engine's beginning of time.
    newest: u64,
    slots: [u32; SLOTS],
}

impl Rate {
    /// Those of the tenth that has begun and of the ten before: no second is longer.
    fn within_a_second(&self, now: Duration) -> u32 {
        let passed = tenth(now).saturating_sub(self.newest);
        let kept = SLOTS.saturating_sub(usize::try_from(passed).unwrap_or(SLOTS));
        // Newest first, from the slot of the newest on backwards.
        let at = self.slot();
        (0..kept).filter_map(|back| self.slots.get((at + SLOTS - back) % SLOTS)).sum()
    }

    /// One more goes out.
    pub(super) fn sent(&mut self, now: Duration) {
        let tenth = tenth(now).max(self.newest);
        for _ in 0..(tenth - self.newest).min(SLOTS as u64) {
            self.newest += 1;
            let at = self.slot();
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = 0;
            }
        }
        // A longer silence has emptied every slot, whichever is the newest now.
        self.newest = tenth;
        let at = self.slot();
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = slot.saturating_add(1);
        }
    }

    fn slot(&self) -> usize {
        usize::try_from(self.newest % SLOTS as u64).unwrap_or(0)
    }
}

fn tenth(now: Duration) -> u64 {
    u64::try_from(now.as_nanos() / TENTH).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_second_holds_more_than_the_limit(
            per_second in 1_u32..60,
            steps in proptest::collection::vec((0_u64..400, 0_u8..3), 1..600),
        ) {
            let policy = RatePolicy { per_second, ..RatePolicy::default() };
            let (mut rate, mut now) = (Rate::default(), Duration::from_secs(1_767_225_600));
            let mut sent: Vec<Duration> = Vec::new();
            for (step, rank) in steps {
                now += Duration::from_millis(step / 10);
                let rank = [Rank::Known, Rank::Stranger, Rank::Doubtful][usize::from(rank)];
                if policy.judge(&rate, rank, now).is_none() {
                    rate.sent(now);
                    sent.push(now);
                }
                let second = sent.iter().rev().take_while(|at| now - **at < Duration::from_secs(1)).count();
                prop_assert!(second <= per_second as usize);
            }
        }
    }

    #[test]
    fn after_a_second_and_a_tenth_everything_is_free_again() {
        let policy = RatePolicy { per_second: 10, ..RatePolicy::default() };
        let (mut rate, start) = (Rate::default(), Duration::from_millis(1_767_225_600_050));
        (0..10).for_each(|_| rate.sent(start));
        for (millis, free) in [(0, false), (999, false), (1_049, false), (1_050, true), (86_400_000, true)] {
            let now = start + Duration::from_millis(millis);
            assert_eq!(policy.judge(&rate, Rank::Known, now).is_none(), free, "{millis}");
        }
        // A silence that is no multiple of the slots leaves nothing behind.
        rate.sent(start + Duration::from_secs(7777));
        assert_eq!(rate.within_a_second(start + Duration::from_secs(7777)), 1);
    }
}
