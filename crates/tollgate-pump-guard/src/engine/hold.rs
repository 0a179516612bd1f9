//! What happens to a range once it is stopped: now and then one message goes out, to learn whether people are back.

use super::fade::{DAY, HOUR, MINUTE};
use super::record::record;

/// The first wait for a probe; it doubles with each that is not verified.
const FIRST: u32 = 15 * MINUTE;
/// The longest wait.
const LONGEST: u32 = 12 * HOUR;
/// The longest wait in a range where people have verified before: they will be back.
const LONGEST_WHERE_PEOPLE_ARE: u32 = 10 * MINUTE;
/// Nothing was stopped for so long: whoever it was is gone.
const SILENCE: u32 = 45 * MINUTE;
/// The wait after a probe that was verified.
const CONVERTED: u32 = MINUTE;

/// A stop's time to live.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hold {
    /// When the next message may go out, in seconds; 0 where nothing is stopped.
    probe_at: u32,
    /// The wait after that one, in seconds.
    wait: u32,
    /// When it was last used.
    used: u32,
}

record!(Hold { probe_at: u32, wait: u32, used: u32 });

impl Hold {
    /// Whether this attempt may go out to learn from it. Where `only_in_silence`, the wait alone is not enough.
    pub(super) fn probes(&self, now: u32, only_in_silence: bool) -> bool {
        let silent = now.saturating_sub(self.used) >= SILENCE.max(self.wait / 4);
        self.probe_at != 0 && (silent || self.probe_at <= now && !only_in_silence)
    }

    /// Whether anything ever was stopped.
    pub(super) fn is_set(&self) -> bool {
        self.probe_at != 0
    }

    /// In how many seconds one may.
    pub(super) fn opens_in(&self, now: u32, people: bool) -> u32 {
        if self.probe_at == 0 { first(people) } else { self.probe_at.saturating_sub(now) }
    }

    /// An attempt was stopped. As all that is told late, it moves no time back.
    pub(super) fn stopped(&mut self, now: u32, people: bool) {
        if self.probe_at == 0 || now.saturating_sub(self.used) > DAY {
            self.wait = first(people);
            self.probe_at = now.saturating_add(self.wait);
        }
        self.used = self.used.max(now);
    }

    /// A probe went out.
    pub(super) fn probed(&mut self, now: u32, people: bool) {
        let longest = if people { LONGEST_WHERE_PEOPLE_ARE } else { LONGEST };
        self.wait = self.wait.saturating_mul(2).clamp(MINUTE, longest);
        self.probe_at = now.saturating_add(self.wait);
        self.used = now;
    }

    /// Somebody verified: look again soon. Not where it was long before something was stopped.
    pub(super) fn converted(&mut self, now: u32) {
        if self.probe_at != 0 && now.saturating_add(CONVERTED) >= self.used {
            self.wait = CONVERTED;
            self.probe_at = self.probe_at.min(self.used.saturating_add(CONVERTED));
        }
    }
}

fn first(people: bool) -> u32 {
    if people { LONGEST_WHERE_PEOPLE_ARE / 2 } else { FIRST }
}
