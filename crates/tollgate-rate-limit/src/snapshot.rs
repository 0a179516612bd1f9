//! Who is limited now: for the person on call.

use std::time::Duration;

use tollgate_core::ClientIp;

use crate::handle::Left;
use crate::store::Store;
use crate::{Limiter, Mode, Quota};

/// A limiter at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The limits, in the order they were given in.
    pub limits: Vec<LimitSnapshot>,
    /// How many clients are banned.
    pub banned: usize,
}

/// A limit at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LimitSnapshot {
    /// Its name.
    pub name: String,
    /// Its quota.
    pub quota: Quota,
    /// Its mode.
    pub mode: Mode,
    /// How many clients have used some of it and not got it back yet.
    pub clients: usize,
    /// How many of these have used it up.
    pub limited: usize,
    /// Those who have used most of it, the most limited first: at most as many as were asked for. None for a limit that
    /// counts by a key of its own.
    pub top: Vec<Talker>,
}

/// A client that asks a lot.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Talker {
    /// An address it asked from lately.
    pub client: ClientIp,
    /// How it stands with the limit.
    pub left: Left,
}

impl<S: Store> Limiter<S> {
    /// Who is limited now, and who asks most: of each limit the `top` clients. The counts are read off the tables, whole
    /// (a quarter of a millisecond for a MiB), and how each client stands is exact; but whom to look at is known of those only that were
    /// refused lately or asked often, 128 at most, since a table holds no addresses.
    ///
    /// With a store that several processes share, what this one knows of.
    ///
    /// These are addresses of people: show them to whom you would show a log.
    #[must_use]
    pub fn snapshot(&self, top: usize) -> Snapshot {
        let now = self.moment().now;
        let candidates = self.talkers.clients();
        let limits = self.rules.iter().enumerate().map(|(index, rule)| {
            let (mut clients, mut limited) = (0, 0);
            let gcra = rule.gcra_of_clients();
            for debt in self.store.memory().into_iter().flat_map(|memory| memory.debts(index, now)) {
                clients += 1;
                limited += usize::from(gcra.wait(debt, 1).is_some());
            }
            LimitSnapshot {
                name: rule.limit.name().to_owned(),
                quota: rule.quota(),
                mode: rule.mode(),
                clients,
                limited,
                top: self.top(rule.limit.name(), &candidates, top),
            }
        });
        Snapshot {
            limits: limits.collect(),
            banned: self.banned.as_ref().map_or(0, |banned| banned.count(now)),
        }
    }

    fn top(&self, limit: &str, candidates: &[ClientIp], top: usize) -> Vec<Talker> {
        let Ok(limit) = self.limit(limit) else { return Vec::new() };
        let burst = u64::from(limit.quota().burst);
        let talkers =
            candidates.iter().filter_map(|&client| Some(Talker { client, left: limit.left(client).ok()? }));
        let mut talkers: Vec<Talker> = talkers.filter(|talker| talker.left.remaining < burst).collect();
        let rank = |talker: &Talker| (Duration::MAX - talker.left.wait, talker.left.remaining);
        talkers.sort_by_key(rank);
        talkers.truncate(top);
        talkers
    }
}
