//! Records made short: most bytes of a cell are zero, and its small counters need no more than 12 bits of precision.

/// The longest record there may be, in bytes.
pub(super) const LONGEST: usize = 8 * GROUPS;

const GROUPS: usize = 15;

/// Appends a record without its zero bytes: a bit for each group of eight bytes that is not all zero, then of each of those
/// a bit for each byte that is not, and these bytes. What lies beyond 56 bytes costs a byte more where it is not zero.
pub(super) fn squeeze(record: &[u8], out: &mut Vec<u8>) {
    let groups = || record.chunks(8).take(GROUPS).enumerate().map(|(n, group)| (n, group, mask(group)));
    let used = groups().filter(|(.., mask)| *mask != 0).fold(0_u16, |used, (n, ..)| used | 1 << n);
    let [near, far] = [(used & 0x7f) as u8, (used >> 7) as u8];
    out.push(if far == 0 { near } else { near | 0x80 });
    if far != 0 {
        out.push(far);
    }
    for (_, group, mask) in groups().filter(|(.., mask)| *mask != 0) {
        out.push(mask);
        out.extend(group.iter().filter(|byte| **byte != 0));
    }
}

fn mask(group: &[u8]) -> u8 {
    group.iter().enumerate().fold(0, |mask, (n, byte)| mask | u8::from(*byte != 0) << n)
}

/// The record again, with zeros behind it; `None` where it cannot be one.
pub(super) fn unsqueeze(bytes: &[u8]) -> Option<[u8; LONGEST]> {
    let (near, mut rest) = bytes.split_first()?;
    let mut used = u16::from(near & 0x7f);
    if near & 0x80 != 0 {
        let (far, behind) = rest.split_first()?;
        used |= u16::from(*far) << 7;
        rest = behind;
    }
    let mut record = [0; LONGEST];
    for (n, group) in record.chunks_mut(8).enumerate().filter(|(n, _)| used & 1 << n != 0) {
        debug_assert!(n < GROUPS);
        let (mask, behind) = rest.split_first()?;
        let (bytes, behind) = behind.split_at_checked(mask.count_ones() as usize)?;
        let places = group.iter_mut().enumerate().filter(|(n, _)| mask & 1 << n != 0);
        places.zip(bytes).for_each(|((_, place), byte)| *place = *byte);
        rest = behind;
    }
    rest.is_empty().then_some(record)
}

/// Below this a counter is [short] as precisely as it has to be: one more of 256 is not lost.
pub(super) const SHORT: f32 = 256.0;

/// What the exponents of short counters begin at: 2⁻²⁰.
const LEAST: u32 = 107 << 11;

/// A counter that is not negative and below [`SHORT`], to 12 bits of precision; less than a millionth is nothing.
pub(super) fn short(value: f32) -> u16 {
    let rounded = (value.max(0.0).to_bits() + 0x800) >> 12;
    u16::try_from(rounded.saturating_sub(LEAST)).unwrap_or(u16::MAX)
}

/// The counter of a short one.
pub(super) fn long(short: u16) -> f32 {
    if short == 0 { 0.0 } else { f32::from_bits((u32::from(short) + LEAST) << 12) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_squeezed_comes_back(record in prop::collection::vec(prop_oneof![3 => Just(0_u8), 1 => any::<u8>()], 0..LONGEST)) {
            let mut squeezed = Vec::new();
            squeeze(&record, &mut squeezed);
            let back = unsqueeze(&squeezed).unwrap();
            prop_assert_eq!(&back[..record.len()], record.as_slice());
            prop_assert!(back[record.len()..].iter().all(|byte| *byte == 0));
        }

        #[test]
        fn whatever_the_bytes_are_nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..140)) {
            let _ = unsqueeze(&bytes);
        }

        #[test]
        fn a_short_counter_is_itself_to_one_in_four_thousand(value in 0.000_01_f32..SHORT) {
            prop_assert!((long(short(value)) / value - 1.0).abs() < 1.0 / 4000.0);
            prop_assert_eq!(short(long(short(value))), short(value), "and does not drift");
        }
    }

    #[test]
    fn whole_numbers_are_short_without_loss() {
        for whole in 0..256_u16 {
            assert!((long(short(whole.into())) - f32::from(whole)).abs() < f32::EPSILON);
        }
        assert_eq!(short(-1.0), 0);
        assert!(long(short(1e-9)) == 0.0);
    }
}
