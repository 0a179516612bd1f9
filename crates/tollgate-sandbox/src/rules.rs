use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

/// What one rule remembers at most, in messages; beyond it, the oldest are forgotten.
const MAX_REMEMBERED: usize = 1_000_000;

/// At most `max` messages in any `window`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) max: u32,
    pub(crate) window: Duration,
}

/// The rules that 8x8's support sets up on request; off unless they are set.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) ip: Option<Limit>,
    pub(crate) number: Option<Limit>,
}

/// One message about to be sent.
#[derive(Debug)]
pub(crate) struct Charge {
    pub(crate) ip: Option<IpAddr>,
    pub(crate) number: String,
}

/// What was sent lately.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    ips: Sent<IpAddr>,
    numbers: Sent<String>,
}

impl Rules {
    /// Admits all messages, or none and says how long to wait.
    pub(crate) fn admit(
        &mut self,
        limits: Limits,
        charges: Vec<Charge>,
        now: Duration,
    ) -> Result<(), Duration> {
        let ips = || charges.iter().filter_map(|charge| charge.ip);
        let numbers = || charges.iter().map(|charge| charge.number.clone());
        if let Some(limit) = limits.ip {
            self.ips.check(limit, ips(), now)?;
        }
        if let Some(limit) = limits.number {
            self.numbers.check(limit, numbers(), now)?;
            self.numbers.add(numbers(), now);
        }
        if limits.ip.is_some() {
            self.ips.add(ips(), now);
        }
        Ok(())
    }
}

/// An exact sliding window: one entry for each message, in the order sent.
#[derive(Debug)]
struct Sent<K> {
    events: VecDeque<(Duration, K)>,
    counts: HashMap<K, u32>,
}

impl<K> Default for Sent<K> {
    fn default() -> Self {
        Self { events: VecDeque::new(), counts: HashMap::new() }
    }
}

impl<K: Clone + Eq + Hash> Sent<K> {
    fn check(&mut self, limit: Limit, keys: impl Iterator<Item = K>, now: Duration) -> Result<(), Duration> {
        while self.events.front().is_some_and(|(at, _)| at.saturating_add(limit.window) <= now) {
            self.forget_oldest();
        }
        let mut over = HashMap::<K, u32>::new();
        for key in keys {
            *over.entry(key).or_default() += 1;
        }
        over.retain(|key, wanted| {
            let count = self.counts.get(key).copied().unwrap_or(0);
            *wanted = count.saturating_add(*wanted).saturating_sub(limit.max);
            *wanted > 0
        });
        if over.is_empty() { Ok(()) } else { Err(self.wait(limit, over, now)) }
    }

    /// How long until as many messages as each key is over its limit have left the window; a whole window for what never
    /// fits.
    fn wait(&self, limit: Limit, mut over: HashMap<K, u32>, now: Duration) -> Duration {
        for (at, key) in &self.events {
            let Some(surplus) = over.get_mut(key) else {
                continue;
            };
            *surplus -= 1;
            if *surplus == 0 {
                over.remove(key);
            }
            if over.is_empty() {
                return at.saturating_add(limit.window).saturating_sub(now);
            }
        }
        limit.window
    }

    fn add(&mut self, keys: impl Iterator<Item = K>, now: Duration) {
        for key in keys {
            *self.counts.entry(key.clone()).or_default() += 1;
            self.events.push_back((now, key));
        }
        while self.events.len() > MAX_REMEMBERED {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((_, key)) = self.events.pop_front() else {
            return;
        };
        if let Some(count) = self.counts.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        ip: Some(Limit { max: 2, window: Duration::from_secs(60) }),
        number: Some(Limit { max: 3, window: Duration::from_secs(60) }),
    };

    fn charge(ip: &str, number: &str) -> Charge {
        Charge { ip: ip.parse().ok(), number: number.to_owned() }
    }

    #[test]
    fn a_window_slides_and_says_when_there_is_room() {
        let mut rules = Rules::default();
        let mut send =
            |at| rules.admit(LIMITS, vec![charge("192.0.2.1", "6591234567")], Duration::from_secs(at));
        assert_eq!(send(0), Ok(()));
        assert_eq!(send(50), Ok(()));
        assert_eq!(send(51), Err(Duration::from_secs(9)));
        assert_eq!(send(60), Ok(()));
        assert_eq!(send(61), Err(Duration::from_secs(49)));
    }

    #[test]
    fn messages_are_admitted_all_or_none() {
        let mut rules = Rules::default();
        let many = (0..4).map(|_| charge("", "6591234567")).collect();
        assert_eq!(rules.admit(LIMITS, many, Duration::ZERO), Err(Duration::from_secs(60)));
        let three = (0..3).map(|_| charge("", "6591234567")).collect();
        assert_eq!(rules.admit(LIMITS, three, Duration::ZERO), Ok(()));
    }

    #[test]
    fn nothing_is_remembered_of_what_left_the_window() {
        let mut rules = Rules::default();
        for i in 0..100u64 {
            let sent = rules.admit(LIMITS, vec![charge("", &i.to_string())], Duration::from_secs(i * 60));
            assert_eq!(sent, Ok(()));
        }
        assert_eq!(rules.numbers.counts.len(), 1);
        assert_eq!(rules.numbers.events.len(), 1);
    }
}
