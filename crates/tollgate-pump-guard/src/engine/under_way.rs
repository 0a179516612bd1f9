//! Code checks that went out and are not answered yet.

use std::collections::HashMap;
use std::net::IpAddr;

use super::state::State;
use super::{Charge, Profile};

/// Below so many keys no memory is given back.
const FEW: usize = 1024;

/// A code check that went out: each counts as a wrong code until it is [taken back](take_back).
#[derive(Debug)]
#[must_use = "it counts until it is taken back"]
pub struct Guess(Keys);

/// What a code check counts for; 0 for nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    /// Its number, where the send is known.
    pub(super) number: u64,
    pub(super) client: u64,
    /// All numbers of its profile, where the send is known.
    pub(super) everybody: u64,
    /// The very same request.
    pub(super) request: u64,
}

impl Keys {
    pub(super) fn of(
        state: &State,
        charge: Option<&Charge>,
        client: Option<IpAddr>,
        request: Option<u64>,
    ) -> Self {
        let profile = charge.map_or(Profile::Otp, |charge| charge.profile);
        let [client, _] = state.client_keys(profile, client);
        Self {
            number: charge.map_or(0, |charge| charge.number),
            client,
            everybody: charge.map_or(0, |charge| state.checks_key(charge.profile)),
            request: request.map_or(0, |request| state.check_key(request)),
        }
    }

    fn all(self) -> impl Iterator<Item = u64> {
        [self.number, self.client, self.everybody, self.request].into_iter().filter(|key| *key != 0)
    }
}

/// How many code checks are under way for each key: no more keys than four for each request that waits.
#[derive(Debug, Default)]
pub(super) struct UnderWay(HashMap<u64, u32>);

impl UnderWay {
    pub(super) fn of(&self, key: u64) -> u32 {
        self.0.get(&key).copied().unwrap_or(0)
    }

    fn begin(&mut self, keys: Keys) {
        for key in keys.all() {
            *self.0.entry(key).or_insert(0) += 1;
        }
    }

    fn end(&mut self, keys: Keys) {
        for key in keys.all() {
            if let Some(count) = self.0.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    self.0.remove(&key);
                }
            }
        }
        // What a flood took is not kept.
        let (used, held) = (self.0.len().max(FEW), self.0.capacity());
        if held > 8 * used {
            self.0.shrink_to(2 * used);
        }
    }
}

/// Counts a code check that goes out now, in the same breath as it was judged. `request` tells it from every other that is
/// not the same one again; `None` where nothing does.
pub fn let_out(
    state: &mut State,
    charge: Option<&Charge>,
    client: Option<IpAddr>,
    request: Option<u64>,
) -> Guess {
    let keys = Keys::of(state, charge, client, request);
    state.under_way.begin(keys);
    Guess(keys)
}

/// It is not under way any more. Where it was wrong, [`observe_guess`](super::observe_guess) comes first.
#[allow(clippy::needless_pass_by_value, reason = "each is taken back once")]
pub fn take_back(state: &mut State, guess: Guess) {
    state.under_way.end(guess.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_takes_no_memory() {
        let mut under_way = UnderWay::default();
        let keys = |n: u64| Keys { number: n << 2, client: n << 2 | 1, everybody: 7, request: 0 };
        (1..=50_000).for_each(|n| under_way.begin(keys(n)));
        assert_eq!((under_way.of(7), under_way.of(4), under_way.of(0)), (50_000, 1, 0));
        (1..=50_000).for_each(|n| under_way.end(keys(n)));
        assert!(under_way.0.is_empty() && under_way.0.capacity() <= 8 * FEW, "{}", under_way.0.capacity());
    }
}
