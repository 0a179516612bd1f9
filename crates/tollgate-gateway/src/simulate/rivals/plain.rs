use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use tollgate::core::IpKey;

use super::buckets::client;
use super::{Rival, RivalVerdict};
use crate::simulate::{DAY, HOUR};
use crate::traffic::{LoggedOutcome, Send};

/// What many have: 10 sends an hour for each client (IPv4 address or IPv6 /64), 5 an hour and 10 a day for each number,
/// in sliding windows. What is blocked does not count.
#[derive(Debug, Default)]
pub(crate) struct PlainLimiter {
    clients: Windows<IpKey>,
    numbers: Windows<String>,
}

const CLIENT: &[(usize, Duration)] = &[(10, HOUR)];
const NUMBER: &[(usize, Duration)] = &[(5, HOUR), (10, DAY)];

impl Rival for PlainLimiter {
    fn decide(&mut self, send: &Send, now: Duration) -> RivalVerdict {
        let number = send.number.as_ref().unwrap_or(&send.destination);
        if !self.numbers.has_room(number, NUMBER, now) {
            return RivalVerdict::Cooldown;
        }
        let client = client(send.client_ip);
        if client.is_some_and(|client| !self.clients.has_room(&client, CLIENT, now)) {
            return RivalVerdict::Block;
        }
        self.numbers.add(number.clone(), now);
        if let Some(client) = client {
            self.clients.add(client, now);
        }
        RivalVerdict::Allow
    }

    fn outcome(&mut self, _: &Send, _: &LoggedOutcome, _: Duration) {}
}

/// When each key was last seen.
#[derive(Debug)]
struct Windows<K>(HashMap<K, VecDeque<Duration>>);

impl<K> Default for Windows<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Windows<K> {
    /// Whether each window, of so many in so long, takes one more.
    fn has_room(&mut self, key: &K, windows: &[(usize, Duration)], now: Duration) -> bool {
        let Some(times) = self.0.get_mut(key) else { return true };
        let longest = windows.iter().map(|(_, per)| *per).max().unwrap_or_default();
        while times.front().is_some_and(|at| *at + longest <= now) {
            times.pop_front();
        }
        windows.iter().all(|(most, per)| times.iter().filter(|at| **at + *per > now).count() < *most)
    }

    fn add(&mut self, key: K, now: Duration) {
        self.0.entry(key).or_default().push_back(now);
    }
}
