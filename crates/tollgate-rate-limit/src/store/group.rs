use crate::levels::is_v4;
use crate::limit::Counted;
use crate::store::Count;
use crate::{Key, Limit};

/// A /24 of IPv4, as the last 32 of 128 bits, and a /48 of IPv6.
const V4: u128 = u128::MAX << 8;
const V6: u128 = u128::MAX << 80;

/// Which counts always come together, whatever limits there are: those of all addresses that share a /24 (IPv4) or a /48
/// (IPv6), those of a wider prefix, and those of a limit's own key. A store whose keys live on several machines keeps a
/// group on one.
#[derive(Clone, Debug)]
pub struct Grouping {
    /// By limit.
    by_address: Box<[bool]>,
}

impl Grouping {
    /// Of a limiter's limits that are not off, in its order.
    #[must_use]
    pub fn of(limits: &[Limit]) -> Self {
        Self { by_address: limits.iter().map(|limit| matches!(limit.counted(), Counted::Ip(_))).collect() }
    }

    /// The group of a count, as the key that names it.
    #[must_use]
    pub fn group(&self, count: &Count) -> Key {
        let bits = count.key().bits();
        if !self.by_address.get(count.limit()).copied().unwrap_or_default() {
            return count.key();
        }
        Key::from_bits(bits & if is_v4(bits) { V4 } else { V6 })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::gcra::Gcra;
    use crate::levels::bits_of;
    use crate::{IpLevels, Quota};

    #[test]
    fn all_counts_of_an_address_are_in_one_group_whatever_other_limits_there_are() {
        let quota = Quota::requests(1).per(Duration::from_secs(1));
        let by_24 = IpLevels::default().with_wider_v4(24, 4).unwrap();
        let user = Key::from_bits(7);
        let limits = [
            Limit::new("a", quota),
            Limit::new("b", quota).with_levels(by_24),
            Limit::new("c", quota).with_key(move |_, _: &crate::RequestHead<'_>| Some(user)),
        ];
        let grouping = Grouping::of(&limits);
        let gcra = Gcra::new(&quota, 1).unwrap();
        let group = |limit, addr: &str| {
            let key = Key::from_bits(bits_of(addr.parse().unwrap()));
            grouping.group(&Count::new(limit, 0, key, gcra, 1, true))
        };
        assert_eq!(group(0, "2001:db8:1:2::"), group(1, "2001:db8:1::"));
        assert_ne!(group(0, "2001:db8:1:2::"), group(0, "2001:db8:2:2::"));
        assert_eq!(group(0, "203.0.113.7"), group(1, "203.0.113.0"));
        assert_ne!(group(0, "203.0.113.7"), group(0, "203.0.114.7"));
        assert_eq!(grouping.group(&Count::new(2, 0, user, gcra, 1, true)), user);
        let alone = Grouping::of(&limits[..1]);
        let key = Key::from_bits(bits_of("203.0.113.7".parse().unwrap()));
        assert_eq!(alone.group(&Count::new(0, 0, key, gcra, 1, true)), group(0, "203.0.113.7"));
        assert_ne!(group(1, "203.0.0.0"), group(0, "203.0.113.7"), "wider than a group");
    }
}
