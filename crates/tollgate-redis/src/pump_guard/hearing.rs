//! Whether this node hears what others tell.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// For how long there is doubt after something that was told did not count here.
pub(super) const DOUBT: Duration = Duration::from_secs(75);
/// And after something was lost: money is counted by the day.
pub(super) const LOST: Duration = Duration::from_secs(86_400);

/// What the listener knows of its own hearing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hearing {
    /// It has read, once, what was told before it was there.
    has_caught_up: bool,
    /// It has read whatever there is, and goes on.
    reads: bool,
    /// Until when nobody knows what others spend.
    doubts_until: Option<Instant>,
}

impl Hearing {
    /// Nothing is heard yet.
    pub(super) fn channel() -> (watch::Sender<Self>, watch::Receiver<Self>) {
        watch::channel(Self::default())
    }

    pub(super) fn has_caught_up(&self) -> bool {
        self.has_caught_up
    }

    pub(super) fn reads(&self) -> bool {
        self.reads
    }

    /// Whether everything that others tell counts here, as far as anybody can know.
    pub(super) fn is_sure(&self, now: Instant) -> bool {
        self.reads && self.doubts_until.is_none_or(|until| until <= now)
    }

    /// Everything that was told is read. Whether that is new.
    pub(super) fn catch_up(&mut self) -> bool {
        self.has_caught_up = true;
        !std::mem::replace(&mut self.reads, true)
    }

    /// Nothing is read any more. Whether that is new.
    pub(super) fn lose(&mut self) -> bool {
        std::mem::take(&mut self.reads)
    }

    pub(super) fn doubt(&mut self, until: Instant) {
        self.doubts_until = self.doubts_until.max(Some(until));
    }
}

/// What is said at most once a minute.
#[derive(Debug, Default)]
pub(super) struct Rarely(Option<Instant>);

impl Rarely {
    const EVERY: Duration = Duration::from_secs(60);

    /// Whether it is to be said now.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let due = self.0.is_none_or(|said| said + Self::EVERY <= now);
        if due {
            self.0 = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_reads_is_sure_unless_something_did_not_count_in_the_last_minute() {
        let (mut hearing, now) = (Hearing::default(), Instant::now());
        assert!(!hearing.is_sure(now), "nothing is read yet");
        assert!(hearing.catch_up() && !hearing.catch_up());
        assert!(hearing.is_sure(now));
        hearing.doubt(now + DOUBT);
        assert!(!hearing.is_sure(now + Duration::from_secs(60)));
        assert!(hearing.is_sure(now + DOUBT));
        assert!(hearing.lose() && !hearing.lose());
        assert!(!hearing.is_sure(now + DOUBT) && hearing.has_caught_up());
    }

    #[tokio::test]
    async fn a_warning_comes_once_a_minute() {
        let (mut rarely, now) = (Rarely::default(), Instant::now());
        let due = (0..180).filter(|second| rarely.is_due(now + Duration::from_secs(*second))).count();
        assert_eq!(due, 3);
    }
}
