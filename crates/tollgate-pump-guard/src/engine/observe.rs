//! What becomes of messages: those that verify repay, those that do not in time have failed.

use std::time::Duration;

use super::attempt::{Charge, Outcome};
use super::charge::{COUNTRY, MESSAGE, NEW, OPERATOR};
use super::clients;
use super::event::Event;
use super::numbers::{CONFIRMED_FOR, NumberCell, Stage};
use super::policy::Policy;
use super::ranges::COARSE;
use super::shared::Flood;
use super::state::{State, actor, levels, seconds};
use super::tenants::Waiting;
use super::times;

/// How deep a range's credit goes: verified numbers vouch for so many strangers at most.
const CREDIT: f32 = 3.0;
/// The same of a country, a client, and the sender as a whole.
pub(super) const PLACE_CREDIT: f32 = 5.0;
/// Each that verifies repays so many strangers that do not, where all do verify; more where fewer do. So a range bears
/// half of its country's conversion for good.
const REPAYS: f32 = 2.0;
/// What part of that a message repays that was sent over another channel: it costs a fraudster nothing to fail there.
const SHIFTED: f32 = 0.3;
/// The same of a place: it sees so many that a fifth less is no chance.
const PLACE_REPAYS: f32 = 1.25;

/// Takes in what became of a message at `now`. The same outcome twice, late or out of order does no harm: a number's
/// send counts once.
pub fn observe(policy: &Policy, state: &mut State, charge: &Charge, outcome: Outcome, now: Duration) {
    let now = state.advance(now);
    state.take_outcome(policy, charge, outcome, now);
    let event = || Event::observed(charge, outcome, now);
    if outcome == Outcome::WrongCode {
        state.tell_some(Flood::Guesses, seconds(now), event);
    } else {
        state.tell(event);
    }
}

impl State {
    /// What became of a message, here or on another node, where it was told at `told`.
    pub(super) fn take_outcome(
        &mut self,
        policy: &Policy,
        charge: &Charge,
        outcome: Outcome,
        told: Duration,
    ) {
        // What becomes of the sender's own batches says nothing about strangers.
        if charge.profile.is_campaign() {
            return;
        }
        match outcome {
            Outcome::Verified => {
                self.verified(policy, charge, told);
                self.tenant_mut(charge.profile).silent = 0;
            }
            Outcome::WrongCode => self.wrong_code(charge, seconds(told)),
            Outcome::Undelivered | Outcome::Rejected => {
                if self.is_current(charge) {
                    self.failed(charge, seconds(self.latest).saturating_sub(seconds(told)));
                }
            }
            Outcome::Delivered => {}
        }
    }

    /// Counts a wrong code of `then` for its number and for everybody.
    pub(super) fn wrong_code(&mut self, charge: &Charge, then: u32) {
        let now = seconds(self.latest);
        let then = then.min(now);
        let in_a_row = self.confirmed.find(charge.confirmed).is_none_or(|confirmed| confirmed.last <= then);
        self.numbers.change(charge.number, now, |cell| cell.guessed_wrong(then, in_a_row));
        self.tenant_mut(charge.profile).codes.wrong(now, now - then);
    }

    /// Those whose time to verify is over; a few at once, so that nobody waits for all that a silence left.
    pub(super) fn mature(&mut self) {
        const AT_ONCE: usize = 64;
        let now = u64::try_from(self.latest.as_millis()).unwrap_or(u64::MAX);
        // Each profile by itself: nobody waits behind another's.
        for index in 0..self.tenants.len() {
            for _ in 0..AT_ONCE {
                let Some(tenant) = self.tenants.at_mut(index) else { break };
                let waits = tenant.matures_after();
                let over = tenant
                    .pending
                    .front()
                    .is_some_and(|oldest| oldest.charge.at.saturating_add(waits) <= now);
                if !over {
                    break;
                }
                self.overdue(index);
            }
        }
    }

    /// The oldest stranger of a profile that may still verify will not.
    pub(super) fn overdue(&mut self, tenant: usize) {
        let oldest = self.tenants.at_mut(tenant).and_then(|tenant| tenant.pending.pop_front());
        let Some(Waiting { place, charge }) = oldest else { return };
        if place < self.written.places {
            self.written.gone.push(place);
        }
        if self.is_current(&charge) {
            self.failed(&charge, 0);
        }
    }

    /// Whether the number counts by this very message.
    pub(super) fn is_current(&self, charge: &Charge) -> bool {
        let Some(cell) = self.numbers.find(charge.number) else { return true };
        let waits = matches!(cell.stage, Stage::InFlight | Stage::Known | Stage::Shifted);
        waits && cell.counted == charge.counted & !MESSAGE
    }

    /// Nobody will verify it, which is known for `age` seconds.
    pub(super) fn failed(&mut self, charge: &Charge, age: u32) {
        let now = seconds(self.latest);
        let fail = |cell: &mut NumberCell| std::mem::replace(&mut cell.stage, Stage::Failed);
        let stage = self.numbers.known(charge.number, now, fail);
        if stage == Some(Stage::Known) {
            self.failed_known(charge, now);
            return;
        }
        self.each_range(charge, charge.counted, now, |range| {
            range.landed();
            range.failed(age);
        });
        self.each_budget(charge, charge.counted, now, |budget, half_life| {
            budget.landed();
            budget.failed(age, half_life);
        });
    }

    /// A message to somebody known came to nothing.
    fn failed_known(&mut self, charge: &Charge, now: u32) {
        let Some(confirmed) = self.confirmed.find(charge.confirmed) else { return };
        let key = self.failures_key(charge.profile, charge.confirmed);
        let before = self.confirmed.find(key).filter(|failures| failures.last >= confirmed.last);
        let tenant = self.tenant_mut(charge.profile);
        // Each number once: nobody silences the outcomes with one of his own.
        tenant.silent = tenant.silent.saturating_add(u16::from(before.is_none()));
        // Where others verify, it is this number that does not.
        let alone = tenant.silent <= 5;
        self.confirmed.change(key, now, |failures| {
            failures.last = now;
            failures.failed = before.map_or(0, |failures| failures.failed).saturating_add(u8::from(alone));
        });
    }

    fn verified(&mut self, policy: &Policy, charge: &Charge, told: Duration) {
        let now = seconds(self.latest);
        let then = seconds(told).min(now);
        let age = now - then;
        let took = u64::try_from(told.as_millis()).unwrap_or(u64::MAX).saturating_sub(charge.at);
        let before = self.numbers.known(charge.number, now, |cell| {
            let before = *cell;
            cell.stage = Stage::Verified;
            cell.wrong_in_a_row = 0;
            cell.in_vain = 0;
            before
        });
        let before = before.unwrap_or_else(|| NumberCell::failed(charge.counted & !MESSAGE));
        if before.stage == Stage::Verified {
            return;
        }
        let machine = before.stage != Stage::Known && self.is_machine(policy, charge, took, age);
        if machine {
            // Whoever completes codes by machine owes what he would without.
            if before.stage == Stage::InFlight {
                self.failed(&Charge { counted: before.counted, ..*charge }, age);
                // Told of again, it is no other code.
                self.numbers.known(charge.number, now, |cell| cell.stage = Stage::Verified);
            }
            return;
        }
        self.tenant_mut(charge.profile).codes.right(now, age);
        self.confirmed.change(charge.confirmed, now, |confirmed| {
            if confirmed.since == 0 || then.saturating_sub(confirmed.last) >= CONFIRMED_FOR {
                confirmed.since = then;
            }
            confirmed.since = confirmed.since.min(then);
            if then >= confirmed.last {
                confirmed.last = then;
                confirmed.actor = actor(charge.client).unwrap_or(0);
            }
        });
        if before.stage != Stage::Known {
            self.repay(charge, &before, age);
        }
    }

    /// Notes how long it took, and says whether people of this range take as long.
    fn is_machine(&mut self, policy: &Policy, charge: &Charge, took: u64, age: u32) -> bool {
        let now = seconds(self.latest);
        let log = times::log(took);
        let mut machine = false;
        let tenant = self.tenant(charge.profile).times;
        for level in 0..levels(charge.national.into()).min(COARSE) {
            let key = self.range_key(charge.profile, level, charge.range);
            let by_machine = self.ranges.known(key, now, |cell| {
                *cell = cell.at(now);
                cell.times.add(log, age);
                policy.timing.is_machine(&cell.times, &tenant)
            });
            machine |= by_machine == Some(true);
        }
        if !machine {
            self.tenant_mut(charge.profile).times.add(log, age);
        }
        machine
    }

    fn repay(&mut self, charge: &Charge, before: &NumberCell, age: u32) {
        let now = seconds(self.latest);
        let tenant = self.tenant(charge.profile);
        let each = 1.0 / tenant.conversion(charge.country, now);
        // What was shifted counted nowhere. It repays a little everywhere, and makes no range one where people are.
        self.repay_money(charge, REPAYS * each, age, now);
        let counts = before.counted != 0;
        let counted = if counts { before.counted } else { !NEW };
        let each = if counts { each } else { each * SHIFTED };
        // One in flight owes nothing yet beyond itself.
        let owes_nothing = matches!(before.stage, Stage::InFlight | Stage::Late) && counts;
        let own = if owes_nothing { 1.0 } else { 0.0 };
        let in_flight = before.stage == Stage::InFlight && counts;
        if let Some(failed_at) = before.failed_at().filter(|_| counts) {
            self.lands(charge, counted, Some(failed_at), now);
        }
        self.each_range(charge, counted, now, |range| {
            if in_flight {
                range.landed();
            }
            range.repaid(REPAYS * each - own, CREDIT, age);
            if counts {
                range.verified(age);
            }
        });
        self.each_budget(charge, counted | COUNTRY | OPERATOR, now, |budget, half_life| {
            if in_flight {
                budget.landed();
            }
            budget.repaid(PLACE_REPAYS * each - own, PLACE_CREDIT, age, half_life);
            if counts {
                budget.verified(age);
            }
        });
        let tenant = self.tenant_mut(charge.profile);
        if counts && tenant.armed(now) {
            tenant.count_hour(charge.country, now - age);
        }
        for key in charge.client {
            self.clients.known(key, now, |client| {
                *client = client.at(now, clients::FORGOTTEN);
                client.verified(charge.country.index());
            });
        }
    }
}
