//! What was paid: of each range and country within the hour, and of everything within the day.

use super::Profile;
use super::attempt::{Attempt, Charge};
use super::charge::Passing;
use super::fade::{HOUR, fade};
use super::policy::Policy;
use super::ranges::LEVELS;
use super::record::record;
use super::state::{Seen, State};
use super::tenants::Tenant;
use super::{Channel, Country, Money, Number};

/// The bit of [`Charge::paid`] beyond the levels of ranges.
pub(super) const IN_COUNTRY: u8 = 1 << 7;

/// What a message costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bill<'a> {
    pub(super) price: Money,
    /// What a text message there does, where that is less: whoever makes calls must not make dear what is usual.
    pub(super) usual: Money,
    pub(super) pays_the_range: bool,
    pub(super) currency: &'a str,
}

/// Money of the last hour: half of it is forgotten within one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spend {
    at: u32,
    pub(super) money: f32,
}

record!(Spend { at: u32, money: f32 });

impl Spend {
    /// As it is at `now`.
    pub(super) fn at(self, now: u32) -> Self {
        Self { at: now, money: fade(self.money, now.saturating_sub(self.at), HOUR) }
    }
}

/// No counter gets as great as what is taken for damage when it is read back.
fn add(spend: f32, price: f32) -> f32 {
    (spend + price).min(1e10)
}

/// Hours that are told apart: the current one, and 24 whole ones.
const HOURS: usize = 25;

/// What was spent in each of the last hours, newest first: exact, and never less than what the last 24 hours cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Day {
    /// Which hour the newest is.
    hour: u32,
    spent: [Money; HOURS],
}

record!(Day { hour: u32, spent: [Money; HOURS] });

impl Day {
    /// As it is at `now`.
    pub(super) fn at(mut self, now: u32) -> Self {
        let hour = now / HOUR;
        let passed = usize::try_from(hour.saturating_sub(self.hour)).unwrap_or(HOURS).min(HOURS);
        if passed > 0 {
            self.spent.rotate_right(passed % HOURS);
            self.spent.iter_mut().take(passed).for_each(|spent| *spent = Money::ZERO);
        }
        self.hour = hour;
        self
    }

    pub(super) fn total(&self) -> Money {
        self.spent.iter().fold(Money::ZERO, |sum, spent| sum.plus(*spent))
    }

    /// It was spent at `at`.
    pub(super) fn add(&mut self, price: Money, at: u32) {
        if let Some(spent) = self.of(at) {
            *spent = spent.plus(price);
        }
    }

    /// What was counted at `at` was not spent after all.
    pub(super) fn take_back(&mut self, price: Money, at: u32) {
        if let Some(spent) = self.of(at) {
            *spent = spent.less(price);
        }
    }

    fn of(&mut self, at: u32) -> Option<&mut Money> {
        let ago = self.hour.checked_sub(at / HOUR)?;
        self.spent.get_mut(usize::try_from(ago).ok()?)
    }

    /// In how many seconds so much of it is older than 24 hours; `None` where it never is as much.
    pub(super) fn frees(&self, needed: Money, now: u32) -> Option<u32> {
        let mut free = Money::ZERO;
        let oldest_first = (0_u32..).zip(self.spent.iter().rev());
        for (hours, spent) in oldest_first {
            free = free.plus(*spent);
            if free >= needed {
                let ends = (self.hour + 1 + hours).saturating_mul(HOUR);
                return Some(ends.saturating_sub(now));
            }
        }
        None
    }
}

impl Tenant {
    /// What the country's strangers cost, as it is at `now`.
    pub(super) fn spend(&self, country: Country, now: u32) -> Spend {
        self.spends.get(usize::from(country.index())).copied().unwrap_or_default().at(now)
    }

    pub(super) fn spend_mut(&mut self, country: Country, now: u32) -> Option<&mut Spend> {
        let index = usize::from(country.index());
        if let Some(changed) = self.changed.get_mut(index) {
            *changed = true;
        }
        let found = self.spends.get_mut(index)?;
        *found = found.at(now);
        Some(found)
    }
}

impl Policy {
    /// What an attempt costs; `None` without prices.
    pub(super) fn bill(&self, attempt: &Attempt, number: &Number) -> Option<Bill<'_>> {
        let prices = self.prices.as_ref()?;
        let price = attempt.price.unwrap_or_else(|| prices.of(attempt.channel, number));
        let text = prices.of(Channel::Sms, number);
        let usual = if text.is_zero() { price } else { price.min(text) };
        let pays_the_range = attempt.channel.pays_the_range();
        Some(Bill { price, usual, pays_the_range, currency: &prices.currency })
    }

    /// What it costs once it goes out.
    pub(super) fn price(&self, seen: &Seen<'_>, passing: Passing) -> Money {
        match (passing, &self.prices) {
            (Passing::Sent, _) => seen.bill.as_ref().map(|bill| bill.price).unwrap_or_default(),
            (Passing::Shifted(channel), Some(prices)) => prices.of(channel, seen.number),
            _ => Money::ZERO,
        }
    }
}

impl State {
    /// Counts what a message cost `age` seconds ago.
    pub(super) fn pay(&mut self, charge: &Charge, age: u32, now: u32) {
        let price = charge.price;
        if price.is_zero() {
            return;
        }
        let tenant = self.tenant_mut(charge.profile);
        tenant.day = tenant.day.at(now);
        tenant.day.add(price, now.saturating_sub(age));
        let left = fade(price.faded(), age, HOUR);
        for level in (0..LEVELS.len()).filter(|level| charge.paid & 1 << level != 0) {
            let key = self.range_key(charge.profile, level, charge.range);
            self.ranges.change(key, now, |cell| {
                *cell = cell.at(now);
                cell.spend = add(cell.spend, left);
            });
        }
        if charge.paid & IN_COUNTRY != 0
            && let Some(spend) = self.tenant_mut(charge.profile).spend_mut(charge.country, now)
        {
            spend.money = add(spend.money, left);
        }
    }

    pub(super) fn spend_alone(&mut self, charge: &Charge) {
        if self.alone > 1 {
            let tenant = self.tenant_mut(charge.profile);
            tenant.alone = tenant.alone.plus(charge.price);
        }
    }

    pub(super) fn unspend_alone(&mut self, charge: &Charge) {
        let tenant = self.tenant_mut(charge.profile);
        tenant.alone = tenant.alone.less(charge.price);
    }

    /// What other nodes may have spent since they could not be heard, with this message: as much each as this one.
    pub(super) fn unheard(&self, profile: Profile, price: Money) -> Money {
        let others = self.alone.saturating_sub(1);
        self.tenant(profile).alone.plus(price).times(others)
    }

    /// A message was not sent after all, and cost nothing.
    pub(super) fn unpay(&mut self, charge: &Charge, now: u32) {
        if charge.price.is_zero() {
            return;
        }
        let at = charge.second();
        let tenant = self.tenant_mut(charge.profile);
        tenant.day = tenant.day.at(now);
        tenant.day.take_back(charge.price, at);
        // As much as is left of it.
        let left = fade(charge.price.faded(), now.saturating_sub(at), HOUR);
        self.gives_back(charge, charge.paid, left, now);
    }

    /// Who verified `age` seconds ago gives back so many times what his message cost.
    pub(super) fn repay_money(&mut self, charge: &Charge, times: f32, age: u32, now: u32) {
        if charge.paid != 0 {
            let money = fade(times * charge.price.faded(), age, HOUR);
            self.gives_back(charge, u8::MAX, money, now);
        }
    }

    fn gives_back(&mut self, charge: &Charge, paid: u8, money: f32, now: u32) {
        self.each_range(charge, paid.into(), now, |range| range.spend = (range.spend - money).max(0.0));
        if paid & IN_COUNTRY != 0
            && let Some(spend) = self.tenant_mut(charge.profile).spend_mut(charge.country, now)
        {
            spend.money = (spend.money - money).max(0.0);
        }
    }
}

const _: () = assert!(LEVELS.len() <= 7, "the levels have seven bits");
