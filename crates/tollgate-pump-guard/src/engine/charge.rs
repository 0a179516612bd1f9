//! What an attempt that goes out is remembered by, and one that does not.

use std::time::Duration;

use super::attempt::{Attempt, Charge};
use super::budget::Budget;
use super::caller;
use super::clients;
use super::numbers::Stage;
use super::places;
use super::policy::Policy;
use super::ranges::{ADJACENT, LEVELS, PEOPLE, RangeCell, place};
use super::resends;
use super::sends::Sent;
use super::state::{Seen, State, levels, seconds};
use super::tenants::Waiting;
use super::{Channel, Profile};

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
        let stranger = seen.confirmed.is_none();
        let uncounted = seen.cell.counted == 0;
        let fresh = !seen.cell.counts(seen.now) || stranger && uncounted && passing == Passing::Sent;
        let in_flight = seen.cell.stage == Stage::InFlight && !uncounted;
        let (stage, counted) = match passing {
            _ if !stranger => (Stage::Known, 0),
            Passing::Sent if fresh => (Stage::InFlight, self.count(policy, seen, attempt.profile)),
            Passing::Sent => (Stage::InFlight, 0),
            Passing::Shifted(_) | Passing::Stopped => (Stage::Shifted, 0),
        };
        // Where the number counts, each of its messages does.
        let at = if fresh { counted } else { seen.cell.counted };
        let messaged = if stage == Stage::InFlight { at & 1 << resends::LEVEL } else { 0 };
        let tenant = self.tenant_mut(attempt.profile);
        if tenant.since == 0 {
            tenant.since = seen.now;
        }
        let counted_there = if messaged == 0 { counted } else { counted | MESSAGE };
        let charge =
            Charge { counted: counted_there, ..self.charge_money(policy, seen, attempt, passing, now) };
        self.each_range(&charge, messaged, seen.now, RangeCell::messaged);
        self.numbers.change(seen.keys.number, seen.now, |cell| {
            cell.sent(sent_at(now), seen.actor());
            if fresh || stage == Stage::Known && !in_flight {
                cell.count(seen.now, counted, stage);
            }
        });
        if fresh || stage == Stage::Known && !in_flight {
            let place = self.next_place;
            self.next_place += 1;
            self.tenant_mut(charge.profile).pending.push_back(Waiting { place, charge });
            if self.tenants.pending() > self.pending_limit {
                self.overdue(self.tenants.longest());
            }
        }
        self.sends.change(charge.number, seen.now, |sent| *sent = Sent(Some(charge)));
        charge
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
        let price = policy.price(seen, passing);
        Charge {
            number: seen.keys.number,
            range: seen.number.range(LEVELS[0].0),
            confirmed: seen.keys.confirmed,
            national: u8::try_from(seen.number.national()).unwrap_or(u8::MAX),
            country: seen.number.country(),
            profile: attempt.profile,
            client: seen.keys.clients,
            caller: seen.keys.callers,
            network: seen.keys.network,
            operator: seen.keys.operator,
            at: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            counted: 0,
            price,
            paid: self.pay(policy, seen, attempt.profile, passing, price),
        }
    }

    /// Counts a stranger in its ranges and beyond. Where a range explains it, the wider ones need not.
    fn count(&mut self, policy: &Policy, seen: &Seen<'_>, profile: Profile) -> u16 {
        let now = seen.now;
        let mut counted = 0;
        let (mut explained, mut crowded) = (false, false);
        for ((level, range), key) in seen.ranges().zip(seen.keys.ranges) {
            let probes = range.probes(seen, policy.conversion.pressure(level));
            let counts = !explained || probes;
            let place = (level == ADJACENT).then(|| place(seen.number));
            self.ranges.change(key, now, |cell| {
                *cell = cell.at(now);
                cell.seen(place, crowded);
                if probes {
                    cell.hold.probed(now, range.verified >= PEOPLE);
                }
                if counts {
                    cell.sent();
                }
            });
            crowded |= range.hour >= CROWD;
            if counts {
                counted |= 1 << level;
                explained = range.owed() >= 0.6 * policy.conversion.bears(level) && range.verified < PEOPLE;
            }
        }
        let new = seen.country_is_new();
        let tenant = self.tenant_mut(profile);
        tenant.world = tenant.world.at(now, places::FORGOTTEN);
        tenant.new = tenant.new.at(now, 2 * places::FORGOTTEN);
        let (world, pool) = (&mut tenant.world, &mut tenant.new);
        for (place, bit, applies) in [(Some(world), WORLD, true), (Some(pool), NEW, new)] {
            counted |= place.filter(|_| applies).map_or(0, |place| charge_place(place, bit, explained, now));
        }
        if let Some(country) = tenant.country_mut(seen.number.country(), now) {
            counted |= charge_place(country, COUNTRY, explained, now);
            country.asked();
        }
        // Where no outcomes are reported, whoever asks is the past there is.
        if !seen.armed {
            tenant.count_hour(seen.number.country(), now);
        }
        for key in seen.keys.clients.into_iter().filter(|key| *key != 0) {
            self.clients.change(key, now, |client| {
                *client = client.at(now, clients::FORGOTTEN);
                client.budget.sent();
                client.asked(seen.number.country().index(), now);
            });
            counted |= CLIENT;
        }
        for key in seen.keys.callers.into_iter().filter(|key| *key != 0) {
            self.callers.change(key, now, |caller| {
                *caller = caller.at(now, caller::FORGOTTEN);
                caller.budget.sent();
            });
            counted |= CALLER;
        }
        // Where a range explains it, its operator need not.
        for (key, bit, explained) in
            [(seen.keys.network, NETWORK, false), (seen.keys.operator, OPERATOR, explained)]
        {
            if key == 0 {
                continue;
            }
            let there = self.clients.change(key, now, |cell| {
                *cell = cell.at(now, places::FORGOTTEN);
                charge_place(&mut cell.budget, bit, explained, now)
            });
            counted |= there.unwrap_or(0);
        }
        counted
    }

    /// Remembers an attempt that was stopped: it weighs on the narrowest range that explains it, and is forgotten soon.
    pub(super) fn press(&mut self, policy: &Policy, seen: &Seen<'_>, profile: Profile, stopped: u8) {
        let now = seen.now;
        if let Some(key) = seen.keys.ranges.get(ADJACENT).filter(|_| seen.range(ADJACENT).is_some()) {
            self.ranges.known(*key, now, |cell| cell.asked_at(place(seen.number)));
        }
        let mut explained = false;
        for ((level, range), key) in seen.ranges().zip(seen.keys.ranges) {
            let stops = stopped & 1 << level != 0;
            self.ranges.change(key, now, |cell| {
                *cell = cell.at(now);
                cell.pressed(policy.conversion.pressure(level));
                if stops {
                    cell.hold.stopped(now, range.verified >= PEOPLE);
                }
            });
            if stops {
                explained = range.owed() >= policy.conversion.bears(level);
                break;
            }
        }
        let places = &policy.places;
        let new = seen.country_is_new();
        let tenant = self.tenant_mut(profile);
        if new && places.new_country.used_up_new(seen.number.country(), &seen.new) {
            tenant.new.hold.stopped(now, false);
        }
        tenant.world = tenant.world.at(now, places::FORGOTTEN);
        tenant.world.pressed(places.breaker.bears(&seen.world), 2.0);
        if places.breaker.used_up(&seen.world) {
            tenant.world.hold.stopped(now, true);
        }
        let used_up = places.country.used_up(&seen.country);
        let country = tenant.country_mut(seen.number.country(), now);
        if let Some(country) = country.filter(|_| !new && (used_up || !explained)) {
            country.pressed(places.country.bears(&seen.country), 3.0);
            if used_up {
                country.hold.stopped(now, true);
            }
        }
        for key in seen.keys.clients.into_iter().filter(|key| *key != 0) {
            self.clients.known(key, now, |client| {
                *client = client.at(now, clients::FORGOTTEN);
                client.budget.pressed(policy.clients.strangers, 2.0);
            });
        }
        for key in seen.keys.callers.into_iter().filter(|key| *key != 0) {
            self.callers.known(key, now, |caller| {
                *caller = caller.at(now, caller::FORGOTTEN);
                caller.budget.pressed(policy.users.strangers, 2.0);
            });
        }
        if seen.keys.operator != 0 && !explained {
            self.clients.known(seen.keys.operator, now, |operator| {
                *operator = operator.at(now, places::FORGOTTEN);
                operator.budget.pressed(policy.operator_share.bears(&operator.budget), 3.0);
                if policy.operator_share.used_up(&operator.budget) {
                    operator.budget.hold.stopped(now, true);
                }
            });
        }
    }
}

/// Says by which bit it counts there, if it does.
fn charge_place(place: &mut Budget, bit: u16, explained: bool, now: u32) -> u16 {
    if place.hold.probes(now, false) {
        place.hold.probed(now, true);
    }
    if explained {
        return 0;
    }
    place.sent();
    bit
}

/// Takes back what was remembered of an attempt that was not sent after all.
pub fn forget(state: &mut State, charge: Charge) {
    let now = seconds(state.latest);
    state.unpay(&charge, now);
    if charge.counted & MESSAGE != 0 {
        state.each_range(&charge, 1 << resends::LEVEL, now, RangeCell::unmessaged);
    }
    let uncounted = state.numbers.known(charge.number, now, |cell| {
        cell.forget(sent_at(charge.at()));
        // Another send to this number did not count because of this one: then it counts for that.
        if cell.sends(now).next().is_some() || matches!(cell.stage, Stage::Failed | Stage::Verified) {
            return None;
        }
        let counted = cell.counted;
        cell.uncount();
        Some(counted)
    });
    let Some(counted) = uncounted.flatten() else { return };
    state.each_range(&charge, counted, now, RangeCell::landed);
    if counted != 0 {
        state.each_range(&charge, 1, now, |range| range.unseen(true));
        state.each_range(&charge, !1, now, |range| range.unseen(false));
    }
    state.each_budget(&charge, counted, now, Budget::landed);
    if counted != 0
        && let Some(country) = state.tenant_mut(charge.profile).country_mut(charge.country, now)
    {
        country.unasked();
    }
}

impl State {
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

    /// Each of the charge's budgets in which it counted.
    pub(super) fn each_budget(
        &mut self,
        charge: &Charge,
        counted: u16,
        now: u32,
        mut change: impl FnMut(&mut Budget),
    ) {
        let tenant = self.tenant_mut(charge.profile);
        if counted & WORLD != 0 {
            tenant.world = tenant.world.at(now, places::FORGOTTEN);
            change(&mut tenant.world);
        }
        if counted & NEW != 0 {
            tenant.new = tenant.new.at(now, 2 * places::FORGOTTEN);
            change(&mut tenant.new);
        }
        if counted & COUNTRY != 0
            && let Some(country) = tenant.country_mut(charge.country, now)
        {
            change(country);
        }
        for key in charge.client.into_iter().filter(|key| *key != 0 && counted & CLIENT != 0) {
            self.clients.known(key, now, |client| {
                *client = client.at(now, clients::FORGOTTEN);
                change(&mut client.budget);
            });
        }
        for key in charge.caller.into_iter().filter(|key| *key != 0 && counted & CALLER != 0) {
            self.callers.known(key, now, |caller| {
                *caller = caller.at(now, caller::FORGOTTEN);
                change(&mut caller.budget);
            });
        }
        for (key, bit) in [(charge.network, NETWORK), (charge.operator, OPERATOR)] {
            if key != 0 && counted & bit != 0 {
                self.clients.known(key, now, |cell| {
                    *cell = cell.at(now, places::FORGOTTEN);
                    change(&mut cell.budget);
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
