//! SMS of the last minutes that 8x8 can be told about: <https://developer.8x8.com/connect/reference/api-sms-feedback>.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tollgate_8x8::FeedbackCall;

use crate::engine::Charge;

/// Within which time 8x8 wants to be told.
const FOR: Duration = Duration::from_secs(15 * 60);
/// How many are kept: some 4 MiB. The oldest makes room.
const MOST: usize = 1 << 14;

/// By a number's keyed hash: its last one.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    calls: HashMap<u64, Kept>,
    /// Oldest first.
    order: VecDeque<(Duration, u64)>,
}

#[derive(Debug)]
struct Kept {
    at: Duration,
    call: FeedbackCall,
}

impl Messages {
    pub(crate) fn keep(&mut self, charge: &Charge, call: FeedbackCall, now: Duration) {
        self.expire(now);
        while self.order.len() >= MOST {
            self.drop_oldest();
        }
        self.calls.insert(charge.number, Kept { at: charge.at(), call });
        self.order.push_back((charge.at(), charge.number));
    }

    /// The call about the very message of this charge, once.
    pub(crate) fn take(&mut self, charge: &Charge, now: Duration) -> Option<FeedbackCall> {
        self.expire(now);
        self.calls.get(&charge.number).filter(|kept| kept.at == charge.at() && now < kept.at + FOR)?;
        self.calls.remove(&charge.number).map(|kept| kept.call)
    }

    /// Answers come out of order: one that is kept too long is found out when it is taken.
    fn expire(&mut self, now: Duration) {
        while self.order.front().is_some_and(|(at, _)| *at + FOR <= now) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((at, number)) = self.order.pop_front()
            && self.calls.get(&number).is_some_and(|kept| kept.at == at)
        {
            self.calls.remove(&number);
        }
    }
}

#[cfg(test)]
mod tests {
    use tollgate_8x8::Endpoint;

    use super::*;
    use crate::engine::{self, Attempt, Policy, Profile, State};

    #[test]
    fn the_oldest_makes_room_and_so_many_are_kept_and_no_more() {
        let (policy, mut state, mut messages) =
            (Policy::default(), State::seeded(1 << 20, 7), Messages::default());
        let attempt = Attempt::new(policy.read("+6591234567", None), Profile::Otp);
        let now = Duration::from_secs(1000);
        let (_, charge) = engine::decide(&policy, &mut state, &attempt, now);
        let charge = charge.unwrap();
        let of = |number| {
            let mut other = charge;
            other.number = number;
            other
        };
        let uri = "https://sms.8x8.com/api/v1/subaccounts/mine/messages".parse().unwrap();
        let call = FeedbackCall::of(Endpoint::SmsSingle, &uri, "u").unwrap();
        for number in 0..2 * MOST as u64 {
            messages.keep(&of(number), call.clone(), now);
        }
        assert_eq!((messages.calls.len(), messages.order.len()), (MOST, MOST));
        assert_eq!(messages.take(&of(0), now), None);
        let newest = of(2 * MOST as u64 - 1);
        assert_eq!(messages.take(&newest, now + FOR - Duration::from_millis(1)), Some(call));
        assert_eq!(messages.take(&newest, now), None);
    }
}
