//! Money, in whole millionths: sums of it are exact, whoever adds them up.

use std::fmt;

use super::record::Record;

/// An amount of a currency, in millionths of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(u64);

impl Record for Money {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        u64::take(from).map(Self)
    }
}

const MILLION: f64 = 1e6;
/// The greatest amount that is read.
const MOST: f64 = 1e9;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many of the currency, rounded to millionths; what costs anything costs one at least. `None` below 0, above
    /// 1,000,000,000 and where it is no number.
    #[must_use]
    pub fn of(amount: f64) -> Option<Self> {
        if !(0.0..=MOST).contains(&amount) {
            return None;
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1e15")]
        let millionths = (amount * MILLION).round() as u64;
        Some(Self(millionths.max(u64::from(amount > 0.0))))
    }

    /// The same as a number of the currency.
    #[must_use]
    pub fn amount(self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "exact up to 9e15, which is 9e9 of the currency")]
        let millionths = self.0 as f64;
        millionths / MILLION
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    pub(super) const fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    pub(super) const fn times(self, times: u32) -> Self {
        Self(self.0.saturating_mul(times as u64))
    }

    /// A fifth more.
    pub(super) const fn and_a_fifth(self) -> Self {
        Self(self.0.saturating_add(self.0 / 5))
    }

    /// As counters that fade have it.
    pub(super) fn faded(self) -> f32 {
        #[allow(clippy::cast_possible_truncation, reason = "a ten-millionth of it does not matter there")]
        let amount = self.amount() as f32;
        amount
    }
}

/// Two digits after the point, and as many more as it has.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, millionths) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let digits = format!("{millionths:06}");
        let rest = digits.get(2..).unwrap_or_default().trim_end_matches('0');
        write!(f, "{whole}.{:02}{rest}", millionths / 10_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_exact_in_millionths_and_never_rounded_to_nothing() {
        let money = |amount| Money::of(amount).unwrap();
        assert_eq!(money(0.1).plus(money(0.2)), money(0.3));
        assert_eq!(money(1e-9), Money(1));
        assert!(money(0.0).is_zero());
        assert_eq!((0..1000).fold(Money::ZERO, |sum, _| sum.plus(money(0.009_917_1))), money(9.917));
        for wrong in [-0.01, f64::NAN, f64::INFINITY, 1e10] {
            assert_eq!(Money::of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_amount_is_told_with_two_digits_or_as_many_as_it_has() {
        for (amount, told) in
            [(0.0, "0.00"), (2.0, "2.00"), (0.05, "0.05"), (0.052_064, "0.052064"), (12.305, "12.305")]
        {
            assert_eq!(Money::of(amount).unwrap().to_string(), told);
        }
    }
}
