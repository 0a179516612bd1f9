//! What an attempt that goes out is remembered by, and one that does not.

use std::time::Duration;

use super::attempt::{Attempt, Charge};
use super::budget::Budget;
use super::caller;
use super::clients;
use super::event::{Event, Sending};
use super::numbers::{NumberCell, Stage};
use super::observe::PLACE_CREDIT;
use super::places::{self, KNOWN_FROM};
use super::policy::Policy;
use super::ranges::{ADJACENT, LEVELS, PEOPLE, RangeCell, place};
use super::resends;
use super::sends::Sent;
use super::state::{Seen, State, actor, levels, seconds};
use super::tenants::Waiting;
use super::{Channel, Money, Profile};

/// Bits of [`Charge::counted`] beyond the levels of ranges.
pub(super) const COUNTRY: u16 = 1 << 8;
pub(super) const WORLD: u16 = 1 << 9;
pub(super) const NEW: u16 = 1 << 10;
pub(super) const CLIENT: u16 = 1 << 11;
/// Of sessions and users, of the client's network and of the number's operator.
pub(super) const CALLER: u16 = 1 << 12;
pub(super) const NETWORK: u16 = 1 << 13;
pub(super) const OPERATOR: u16 = 1 << 14;
/// Of a charge alone: its message is counted in its range, whether or not its number was before.
pub(super) const MESSAGE: u16 = 1 << 15;

/// So many strangers of a range within the hour are its own affair: an office does not make its surroundings surprising.
const CROWD: f32 = 12.0;

/// Whether an attempt goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passing {
    Sent,
    /// Over a channel that pays no fraudster: what fails costs nothing, and what verifies counts.
    Shifted(Channel),
    Stopped,
}

impl State {
    /// Goes on to `now`: whoever did not verify in time has failed. Time that jumps back stands still.
    pub(super) fn advance(&mut self, now: Duration) -> Duration {
        self.latest = self.latest.max(now);
        self.mature();
        self.latest
    }

    pub(super) fn pressed_again(&mut self, seen: &Seen<'_>) {
        self.numbers.known(seen.keys.number, seen.now, |cell| cell.repeats = cell.repeats.saturating_add(1));
    }

    /// Remembers an attempt that goes out.
    pub(super) fn charge(
        &mut self,
        policy: &Policy,
        seen: &Seen<'_>,
        attempt: &Attempt,
        passing: Passing,
        now: Duration,
    ) -> Charge {
        let stage = match passing {
            _ if seen.confirmed.is_some() => Stage::Known,
            Passing::Sent => Stage::InFlight,
            Passing::Shifted(_) | Passing::Stopped => Stage::Shifted,
        };
        let counts = counts_anew(&seen.cell, stage, seen.now);
        let plan = if counts && stage == Stage::InFlight { plan(policy, seen) } else { Plan::default() };
        // Where the number counts, each of its messages does.
        let at = if counts { plan.counted } else { seen.cell.counted };
        let is_messaged = stage == Stage::InFlight && at & 1 << resends::LEVEL != 0;
        let counted = plan.counted | if is_messaged { MESSAGE } else { 0 };
        let charge = Charge { counted, ..priced(policy, seen, attempt, passing, now) };
        let Plan { probed, crowded, .. } = plan;
        let place = place(seen.number);
        self.send(Sending { charge, stage, place, probed, crowded, is_request: !attempt.batched }, now)
    }

    /// Remembers what an attempt that goes out costs, and nothing else of it.
    pub(super) fn charge_money(
        &mut self,
        policy: &Policy,
        seen: &Seen<'_>,
        attempt: &Attempt,
        passing: Passing,
        now: Duration,
    ) -> Charge {
        let charge = priced(policy, seen, attempt, passing, now);
        let is_request = !attempt.batched;
        self.send(Sending { charge, is_request, ..Sending::of(charge) }, now)
    }

    fn send(&mut self, sending: Sending, now: Duration) -> Charge {
        self.take_in(&sending, now);
        self.spend_alone(&sending.charge);
        self.tell(|| Event::sent(&sending));
        sending.charge
    }

    /// Remembers a message that goes out, here or from another node. What is told late counts as far as something is left
    /// of it: as if it had been told in time.
    pub(super) fn take_in(&mut self, sending: &Sending, now: Duration) {
        let Sending { charge, stage, .. } = *sending;
        let second = seconds(now);
        let then = charge.second().min(second);
        self.pay(&charge, second - then, second);
        if charge.profile.is_campaign() {
            return;
        }
        let tenant = self.tenant_mut(charge.profile);
        if tenant.since == 0 {
            tenant.since = then;
        }
        let is_late = charge.at().saturating_add(Duration::from_millis(tenant.matures_after())) <= now;
        let cell = self.numbers.seen(charge.number, second);
        let in_flight = cell.stage == Stage::InFlight && cell.counted != 0;
        let is_counted = charge.counted & !MESSAGE != 0;
        // Where two nodes counted the same number at the same time, each goes by its own.
        let counts = counts_anew(&cell, stage, then) && (is_counted || stage != Stage::InFlight);
        if counts && is_counted {
            self.count(sending, is_late, then, second);
        }
        if charge.counted & MESSAGE != 0 {
            self.each_range(&charge, 1 << resends::LEVEL, second, |range| range.messaged(second - then));
        }
        let waits = counts || stage == Stage::Known && !in_flight;
        self.numbers.change(charge.number, second, |cell| {
            cell.sent(sent_at(charge.at()), actor(charge.client));
            if waits {
                let stage = if is_late && stage == Stage::InFlight { Stage::Late } else { stage };
                cell.count(then, charge.counted & !MESSAGE, stage);
            }
        });
        if waits && !is_late {
            let place = self.next_place;
            self.next_place += 1;
            self.tenant_mut(charge.profile).pending.push_back(Waiting { place, charge });
            if self.tenants.pending() > self.pending_limit {
                self.overdue(self.tenants.longest());
            }
        }
        self.sends.change(charge.number, second, |sent| {
            if sent.0.is_none_or(|last| last.at <= charge.at) {
                *sent = Sent(Some(charge));
            }
        });
    }

    /// Counts a stranger of `then` in its ranges and beyond. Where it is too late to wait for it, it has failed.
    fn count(&mut self, sending: &Sending, is_late: bool, then: u32, now: u32) {
        let Sending { charge, probed, crowded, .. } = sending;
        let age = now.saturating_sub(then);
        let sent = |budget: &mut Budget, half_life: u32| match is_late {
            true => budget.failed(age, half_life),
            false => budget.sent(),
        };
        for level in 0..levels(charge.national.into()) {
            let key = self.range_key(charge.profile, level, charge.range);
            let place = (level == ADJACENT && !is_late).then_some(sending.place);
            self.ranges.change(key, now, |cell| {
                *cell = cell.at(now);
                cell.seen(place, crowded & 1 << level != 0, age);
                if probed & 1 << level != 0 && !is_late {
                    cell.hold.probed(now, cell.verified >= PEOPLE);
                }
                match charge.counted & 1 << level != 0 {
                    true if is_late => cell.failed(age),
                    true => cell.sent(),
                    false => {}
                }
            });
        }
        let tenant = self.tenant_mut(charge.profile);
        let armed = tenant.armed(now);
        let new = tenant.country(charge.country, now).verified < KNOWN_FROM;
        tenant.world = tenant.world.at(now, places::FORGOTTEN);
        tenant.new = tenant.new.at(now, 2 * places::FORGOTTEN);
        // It learns from a place that is stopped, and counts there where it does.
        let charge_place = |place: &mut Budget, bit: u16, half_life: u32| {
            if !is_late && place.hold.probes(now, false) {
                place.hold.probed(now, true);
            }
            if charge.counted & bit != 0 {
                sent(place, half_life);
            }
        };
        charge_place(&mut tenant.world, WORLD, places::FORGOTTEN);
        if new || charge.counted & NEW != 0 {
            charge_place(&mut tenant.new, NEW, 2 * places::FORGOTTEN);
        }
        if let Some(country) = tenant.country_mut(charge.country, now) {
            charge_place(country, COUNTRY, places::FORGOTTEN);
            country.asked(age);
        }
        // Where no outcomes are reported, whoever asks is the past there is.
        if !armed {
            tenant.count_hour(charge.country, then);
        }
        for key in charge.client.into_iter().filter(|key| *key != 0) {
            self.clients.change(key, now, |client| {
                *client = client.at(now, clients::FORGOTTEN);
                sent(&mut client.budget, clients::FORGOTTEN);
                client.asked(charge.country.index(), then);
            });
        }
        for key in charge.caller.into_iter().filter(|key| *key != 0) {
            self.callers.change(key, now, |caller| {
                *caller = caller.at(now, caller::FORGOTTEN);
                sent(&mut caller.budget, caller::FORGOTTEN);
            });
        }
        for (key, bit) in [(charge.network, NETWORK), (charge.operator, OPERATOR)] {
            if key != 0 {
                self.clients.change(key, now, |cell| {
                    *cell = cell.at(now, places::FORGOTTEN);
                    charge_place(&mut cell.budget, bit, places::FORGOTTEN);
                });
            }
        }
    }
}

/// Whether a number is to be counted, which counts once in 24 hours.
fn counts_anew(cell: &NumberCell, stage: Stage, now: u32) -> bool {
    !cell.counts(now) || cell.counted == 0 && stage == Stage::InFlight
}

/// Where a stranger counts.
#[derive(Clone, Copy, Debug, Default)]
struct Plan {
    /// As [`Charge::counted`] has it.
    counted: u16,
    /// The levels of ranges that learn from it, and those in which it counts for less (bits).
    probed: u8,
    crowded: u8,
}

/// Where a range explains a stranger, the wider ones need not.
fn plan(policy: &Policy, seen: &Seen<'_>) -> Plan {
    let mut plan = Plan::default();
    let (mut explained, mut crowded) = (false, false);
    for (level, range) in seen.ranges() {
        let probes = range.probes(seen, policy.conversion.pressure(level));
        plan.probed |= u8::from(probes) << level;
        plan.crowded |= u8::from(crowded) << level;
        crowded |= range.hour >= CROWD;
        if !explained || probes {
            plan.counted |= 1 << level;
            explained = range.owed() >= 0.6 * policy.conversion.bears(level) && range.verified < PEOPLE;
        }
    }
    let keys = &seen.keys;
    let any = |keys: [u64; 2]| keys != [0; 2];
    for (bit, applies) in [
        (WORLD, !explained),
        (NEW, !explained && seen.country_is_new()),
        (COUNTRY, !explained),
        (CLIENT, any(keys.clients)),
        (CALLER, any(keys.callers)),
        (NETWORK, keys.network != 0),
        (OPERATOR, keys.operator != 0 && !explained),
    ] {
        plan.counted |= if applies { bit } else { 0 };
    }
    plan
}

/// Who asked for what, at no price.
pub(super) fn asked(seen: &Seen<'_>, profile: Profile, now: Duration) -> Charge {
    Charge {
        number: seen.keys.number,
        range: seen.number.range(LEVELS[0].0),
        confirmed: seen.keys.confirmed,
        national: u8::try_from(seen.number.national()).unwrap_or(u8::MAX),
        country: seen.number.country(),
        profile,
        client: seen.keys.clients,
        caller: seen.keys.callers,
        network: seen.keys.network,
        operator: seen.keys.operator,
        at: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        counted: 0,
        price: Money::ZERO,
        paid: 0,
    }
}

/// The same, and what it costs.
fn priced(policy: &Policy, seen: &Seen<'_>, attempt: &Attempt, passing: Passing, now: Duration) -> Charge {
    let price = policy.price(seen, passing);
    let strangers = passing == Passing::Sent && !attempt.profile.is_campaign() && !price.is_zero();
    let paid = if strangers { policy.spend.counts_in(seen) } else { 0 };
    Charge { price, paid, ..asked(seen, attempt.profile, now) }
}

/// Takes back what was remembered of an attempt that was not sent after all.
pub fn forget(state: &mut State, charge: Charge) {
    let now = seconds(state.latest);
    take_back(state, &charge, now);
    state.unspend_alone(&charge);
    state.tell(|| Event::forgotten(&charge, now));
}

/// The same of a message of this node's, or of another's, at `then`.
pub(super) fn take_back(state: &mut State, charge: &Charge, then: u32) {
    let now = seconds(state.latest);
    let age = now.saturating_sub(then);
    state.unpay(charge, now);
    if charge.counted & MESSAGE != 0 {
        state.each_range(charge, 1 << resends::LEVEL, now, |range| range.unmessaged(age));
    }
    let uncounted = state.numbers.known(charge.number, now, |cell| {
        cell.forget(sent_at(charge.at()));
        // Another send to this number did not count because of this one: then it counts for that.
        if cell.sends(now).next().is_some() || matches!(cell.stage, Stage::Failed | Stage::Verified) {
            return None;
        }
        let (counted, failed_at) = (cell.counted, cell.failed_at());
        cell.uncount();
        Some((counted, failed_at))
    });
    let Some((counted, failed_at)) = uncounted.flatten() else { return };
    state.lands(charge, counted, failed_at, now);
    if counted != 0 {
        state.each_range(charge, 1, now, |range| range.unseen(true, age));
        state.each_range(charge, !1, now, |range| range.unseen(false, age));
    }
    if counted != 0
        && let Some(country) = state.tenant_mut(charge.profile).country_mut(charge.country, now)
    {
        country.unasked(age);
    }
}

impl State {
    /// A stranger is waited for no more; or has not failed, where it was told of so late that it was taken for that.
    pub(super) fn lands(&mut self, charge: &Charge, counted: u16, failed_at: Option<u32>, now: u32) {
        let age = failed_at.map(|failed_at| now.saturating_sub(failed_at));
        self.each_range(charge, counted, now, |range| match age {
            Some(age) => range.unfailed(age),
            None => range.landed(),
        });
        self.each_budget(charge, counted, now, |budget, half_life| match age {
            Some(age) => budget.unfailed(PLACE_CREDIT, age, half_life),
            None => budget.landed(),
        });
    }

    /// Each of the charge's ranges in which it counted.
    pub(super) fn each_range(
        &mut self,
        charge: &Charge,
        counted: u16,
        now: u32,
        mut change: impl FnMut(&mut RangeCell),
    ) {
        for level in (0..levels(charge.national.into())).filter(|level| counted & 1 << level != 0) {
            let key = self.range_key(charge.profile, level, charge.range);
            self.ranges.known(key, now, |cell| {
                *cell = cell.at(now);
                change(cell);
            });
        }
    }

    /// Each of the charge's budgets in which it counted, and within how many seconds half of its debt is forgotten.
    pub(super) fn each_budget(
        &mut self,
        charge: &Charge,
        counted: u16,
        now: u32,
        mut change: impl FnMut(&mut Budget, u32),
    ) {
        let tenant = self.tenant_mut(charge.profile);
        if counted & WORLD != 0 {
            tenant.world = tenant.world.at(now, places::FORGOTTEN);
            change(&mut tenant.world, places::FORGOTTEN);
        }
        if counted & NEW != 0 {
            tenant.new = tenant.new.at(now, 2 * places::FORGOTTEN);
            change(&mut tenant.new, 2 * places::FORGOTTEN);
        }
        if counted & COUNTRY != 0
            && let Some(country) = tenant.country_mut(charge.country, now)
        {
            change(country, places::FORGOTTEN);
        }
        for key in charge.client.into_iter().filter(|key| *key != 0 && counted & CLIENT != 0) {
            self.clients.known(key, now, |client| {
                *client = client.at(now, clients::FORGOTTEN);
                change(&mut client.budget, clients::FORGOTTEN);
            });
        }
        for key in charge.caller.into_iter().filter(|key| *key != 0 && counted & CALLER != 0) {
            self.callers.known(key, now, |caller| {
                *caller = caller.at(now, caller::FORGOTTEN);
                change(&mut caller.budget, caller::FORGOTTEN);
            });
        }
        for (key, bit) in [(charge.network, NETWORK), (charge.operator, OPERATOR)] {
            if key != 0 && counted & bit != 0 {
                self.clients.known(key, now, |cell| {
                    *cell = cell.at(now, places::FORGOTTEN);
                    change(&mut cell.budget, places::FORGOTTEN);
                });
            }
        }
    }
}

/// A send's second, rounded up, so that no fraction of one shortens a rest.
pub(super) fn sent_at(now: Duration) -> u32 {
    seconds(now).saturating_add(u32::from(now.subsec_nanos() > 0))
}

const _: () = assert!(LEVELS.len() <= 8, "the levels have eight bits");
