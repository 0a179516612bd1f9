//! What an attempt that was stopped is remembered by.

use super::Profile;
use super::attempt::Charge;
use super::caller;
use super::charge::asked;
use super::clients;
use super::fade::MINUTE;
use super::places::{self, KNOWN_FROM};
use super::policy::Policy;
use super::ranges::{ADJACENT, PEOPLE, place};
use super::state::{Seen, State, levels};

/// What was stopped so many seconds ago does not press any more.
const LATE: u32 = 5 * MINUTE;

impl State {
    /// Remembers an attempt that was stopped, at these levels of ranges (bits).
    pub(super) fn press(&mut self, policy: &Policy, seen: &Seen<'_>, profile: Profile, stopped: u8) {
        let charge = Charge { counted: stopped.into(), ..asked(seen, profile, self.latest) };
        let place = place(seen.number);
        self.pressed(policy, &charge, place, seen.now, seen.now);
        self.tell_pressed(&charge, place, seen.now);
    }

    /// Remembers an attempt that was stopped, here or by another node: it weighs on the narrowest range that explains it,
    /// and is forgotten soon. What it counts in is where it was stopped.
    pub(super) fn pressed(&mut self, policy: &Policy, charge: &Charge, place: u16, then: u32, now: u32) {
        let age = now.saturating_sub(then);
        // Who pressed then may be gone.
        if age >= LATE {
            return;
        }
        let levels = levels(charge.national.into());
        if ADJACENT < levels {
            let key = self.range_key(charge.profile, ADJACENT, charge.range);
            self.ranges.known(key, now, |cell| cell.asked_at(place));
        }
        let mut explained = false;
        for level in 0..levels {
            let stops = charge.counted & 1 << level != 0;
            let key = self.range_key(charge.profile, level, charge.range);
            let owed = self.ranges.change(key, now, |cell| {
                *cell = cell.at(now);
                cell.pressed(policy.conversion.pressure(level), age);
                if stops {
                    cell.hold.stopped(then, cell.verified >= PEOPLE);
                }
                cell.owed()
            });
            if stops {
                explained = owed.unwrap_or_default() >= policy.conversion.bears(level);
                break;
            }
        }
        let places = &policy.places;
        let tenant = self.tenant_mut(charge.profile);
        let here = tenant.country(charge.country, now);
        let new = here.verified < KNOWN_FROM;
        let pool = tenant.new.at(now, 2 * places::FORGOTTEN);
        if new && places.new_country.used_up_new(charge.country, &pool) {
            tenant.new.hold.stopped(then, false);
        }
        tenant.world = tenant.world.at(now, places::FORGOTTEN);
        tenant.world.pressed(places.breaker.bears(&tenant.world), 2.0, age);
        if places.breaker.used_up(&tenant.world) {
            tenant.world.hold.stopped(then, true);
        }
        let used_up = places.country.used_up(&here);
        let country = tenant.country_mut(charge.country, now);
        if let Some(country) = country.filter(|_| !new && (used_up || !explained)) {
            country.pressed(places.country.bears(&here), 3.0, age);
            if used_up {
                country.hold.stopped(then, true);
            }
        }
        for key in charge.client.into_iter().filter(|key| *key != 0) {
            self.clients.known(key, now, |client| {
                *client = client.at(now, clients::FORGOTTEN);
                client.budget.pressed(policy.clients.strangers, 2.0, age);
            });
        }
        for key in charge.caller.into_iter().filter(|key| *key != 0) {
            self.callers.known(key, now, |caller| {
                *caller = caller.at(now, caller::FORGOTTEN);
                caller.budget.pressed(policy.users.strangers, 2.0, age);
            });
        }
        if charge.operator != 0 && !explained {
            self.clients.known(charge.operator, now, |operator| {
                *operator = operator.at(now, places::FORGOTTEN);
                operator.budget.pressed(policy.operator_share.bears(&operator.budget), 3.0, age);
                if policy.operator_share.used_up(&operator.budget) {
                    operator.budget.hold.stopped(then, true);
                }
            });
        }
    }
}
