use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use tollgate::core::{IpKey, PrefixLengths};

use crate::simulate::HOUR;

/// A bucket that leaks. What is poured into a full one is spilt.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Leaky {
    level: f64,
    at: Duration,
}

impl Leaky {
    /// What is in it at `now`, where a full one is empty after `per`.
    fn leak(&mut self, capacity: f64, per: Duration, now: Duration) -> f64 {
        let leaked = capacity * now.saturating_sub(self.at).as_secs_f64() / per.as_secs_f64();
        (self.level, self.at) = ((self.level - leaked).max(0.0), self.at.max(now));
        self.level
    }

    /// Whether one more still goes in.
    pub(super) fn has_room(&mut self, capacity: f64, per: Duration, now: Duration) -> bool {
        self.leak(capacity, per, now) + 1.0 <= capacity
    }

    pub(super) fn pour(&mut self, capacity: f64) {
        // It may have held more when it was greater.
        self.level = (self.level + 1.0).min(capacity.max(self.level));
    }

    pub(super) fn take_back(&mut self) {
        self.level = (self.level - 1.0).max(0.0);
    }
}

/// How often something happened of late, to the hour.
#[derive(Clone, Debug, Default)]
pub(super) struct Rolling(VecDeque<(u64, u32)>);

impl Rolling {
    pub(super) fn add(&mut self, now: Duration, hours: u64) {
        let hour = now.as_secs() / HOUR.as_secs();
        match self.0.back_mut() {
            Some((last, count)) if *last == hour => *count += 1,
            _ => self.0.push_back((hour, 1)),
        }
        while self.0.front().is_some_and(|(first, _)| first + hours <= hour) {
            self.0.pop_front();
        }
    }

    /// In the last so many hours.
    pub(super) fn sum(&self, now: Duration, hours: u64) -> f64 {
        let hour = now.as_secs() / HOUR.as_secs();
        self.0.iter().filter(|(at, _)| at + hours > hour).map(|(_, count)| f64::from(*count)).sum()
    }
}

/// A client: an IPv4 address, or an IPv6 /64.
pub(super) fn client(ip: Option<IpAddr>) -> Option<IpKey> {
    ip.map(|ip| IpKey::new(ip, PrefixLengths::default()))
}
