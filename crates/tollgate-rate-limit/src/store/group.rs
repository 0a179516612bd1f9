use crate::limit::Counted;
use crate::store::Count;
use crate::{Key, Limit};

/// Which counts always come together, whichever limits apply to a request: those of all addresses that share the widest
/// prefix of any limit, and those of a limit's own key. A store whose keys live on several machines keeps a group on one.
#[derive(Clone, Debug)]
pub struct Grouping {
    v4: u128,
    v6: u128,
    /// By limit.
    by_address: Box<[bool]>,
}

impl Grouping {
    /// Of a limiter's limits that are not off, in its order.
    #[must_use]
    pub fn of(limits: &[Limit]) -> Self {
        let (mut v4, mut v6) = (u128::MAX, u128::MAX);
        let by_address = limits.iter().map(|limit| match limit.counted() {
            Counted::Ip(levels) => {
                let [widest_v4, widest_v6] = levels.masks().widest();
                (v4, v6) = (v4 & widest_v4, v6 & widest_v6);
                true
            }
            Counted::By(_) => false,
        });
        let by_address = by_address.collect();
        Self { v4, v6, by_address }
    }

    /// The group of a count, as the key that names it.
    #[must_use]
    pub fn group(&self, count: &Count) -> Key {
        let bits = count.key().bits();
        if !self.by_address.get(count.limit()).copied().unwrap_or_default() {
            return count.key();
        }
        Key::from_bits(bits & if crate::levels::is_v4(bits) { self.v4 } else { self.v6 })
    }
}
